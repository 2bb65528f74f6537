"""Two models are compared image by image, by figures that were worked out by hand."""

import math

import numpy as np
import pytest

from ml.comparison import DRIFT, Flips, compare, flips, histogram, mcnemar, psi
from ml.errors import ContractError

HALF = (0.5, 0.5)


def flipped(gained: int, lost: int) -> Flips:
    return Flips(np.arange(gained), np.arange(gained, gained + lost))


def test_flips_are_told_by_each_models_own_threshold() -> None:
    labels = np.array([1, 1, 0, 0, 1])
    first = np.array([0.9, 0.2, 0.6, 0.1, 0.55])
    second = np.array([0.4, 0.8, 0.3, 0.7, 0.55])
    found = flips(first, second, labels, HALF)
    assert found.newly_right.tolist() == [1, 2]
    assert found.newly_wrong.tolist() == [0, 3]
    assert flips(first, first, labels, (0.5, 0.6)).newly_wrong.tolist() == [4]


def test_only_the_same_images_compare() -> None:
    with pytest.raises(ContractError):
        flips(np.zeros(2), np.zeros(3), np.zeros(3, int), HALF)
    with pytest.raises(ContractError):
        compare(flipped(0, 0), 0)


@pytest.mark.parametrize(
    ("gained", "lost", "expected"),
    [
        (0, 0, 1.0),
        (4, 4, 1.0),
        (1, 0, 1.0),
        (5, 0, 2 / 32),
        (0, 6, 2 / 64),
        (8, 2, 2 * (1 + 10 + 45) / 1024),
    ],
)
def test_mcnemar_is_the_exact_binomial(gained: int, lost: int, expected: float) -> None:
    assert mcnemar(gained, lost) == pytest.approx(expected)


def test_mcnemar_of_many_flips_neither_overflows_nor_vanishes() -> None:
    # The normal approximation with continuity correction is good here to a percent.
    z = (10_300 - 9_700 - 1) / math.sqrt(20_000)
    assert mcnemar(10_300, 9_700) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=0.01)
    assert mcnemar(20_000, 0) < 1e-300


def test_a_clear_gain_is_sure_and_its_interval_leaves_zero_out() -> None:
    found = compare(flipped(30, 5), 1000)
    assert found.difference == pytest.approx(0.025)
    assert (found.images, found.gained, found.lost) == (1000, 30, 5)
    assert 0 < found.low < 0.025 < found.high < 0.04
    assert found.is_sure


def test_two_like_models_are_not_told_apart() -> None:
    found = compare(flipped(6, 5), 1000)
    assert found.low < 0 < found.high
    assert not found.is_sure
    nothing = compare(flipped(0, 0), 50)
    assert (nothing.difference, nothing.p_value) == (0.0, 1.0)
    assert nothing.low < 0 < nothing.high


def test_the_interval_holds_its_promise() -> None:
    """Of many repeated experiments about 95 % hold the true difference."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(1000):
        gained, lost, _ = rng.multinomial(200, [0.08, 0.05, 0.87])
        found = compare(flipped(int(gained), int(lost)), 200)
        held += found.low <= 0.03 <= found.high
    assert 0.93 <= held / 1000 <= 0.98


def test_like_scores_do_not_drift_and_others_do() -> None:
    rng = np.random.default_rng(7)
    usual, same = rng.beta(0.5, 0.5, 2000), rng.beta(0.5, 0.5, 500)
    assert psi(usual, usual) == pytest.approx(0.0)
    assert psi(usual, same) < 0.1
    assert psi(usual, rng.beta(5, 1, 500)) > DRIFT
    assert math.isfinite(psi(np.zeros(300), np.ones(300)))
    with pytest.raises(ContractError):
        psi(usual, np.array([]))


def test_the_psi_is_the_textbooks_sum() -> None:
    reference = np.array([0.1] * 60 + [0.9] * 40)
    current = np.array([0.1] * 30 + [0.9] * 70)
    shares = [(60.5 / 101, 30.5 / 101), (40.5 / 101, 70.5 / 101)]
    expected = sum((b - a) * math.log(b / a) for a, b in shares)
    assert psi(reference, current, bins=2) == pytest.approx(expected)


def test_a_histogram_counts_the_ends() -> None:
    assert histogram(np.array([0.0, 0.5, 1.0]), 2).tolist() == [1, 2]
