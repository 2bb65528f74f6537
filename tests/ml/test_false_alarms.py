"""The share of REAL images that are called FAKE, and how far the band is raised to bound it."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import calibration
from ml.contract import (
    BEYOND,
    Calibration,
    ContractError,
    FalseAlarms,
    ModelSpec,
    OperatingPoint,
)

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=300)
SHARE = st.floats(0, 1)


def hundred() -> FalseAlarms:
    """REAL images with the scores .00, .01, ... .99."""
    table = calibration.false_alarms(np.arange(100) / 100)
    assert table is not None
    return table


def test_each_threshold_lies_just_above_the_first_image_that_may_not_pass() -> None:
    found = {point.share: point.threshold for point in hundred().points}
    # At 2 % the images with .99 and .98 may pass, and that with .97 may not.
    assert (found[0.02], found[0.01], found[0.05]) == (0.970001, 0.980001, 0.940001)


def test_shares_that_so_few_images_cannot_tell_let_none_pass() -> None:
    found = {point.share: point.threshold for point in hundred().points}
    assert {found[share] for share in (0.0, 0.0005, 0.001, 0.002, 0.005)} == {0.990001}


def test_between_two_points_the_stricter_one_holds() -> None:
    table = hundred()
    assert table.threshold(0.0199) == table.threshold(0.01) == 0.980001
    assert table.threshold(0.0) == 0.990001
    assert table.threshold(1.0) == table.threshold(0.5) == 0.490001


def test_images_of_one_score_pass_together_or_not_at_all() -> None:
    scores = np.array([0.9] * 3 + [0.1] * 97)
    table = calibration.false_alarms(scores)
    assert table is not None
    assert table.threshold(0.02) == 0.900001
    assert table.threshold(0.05) == 0.100001


def test_where_a_real_image_got_all_no_image_reaches_the_threshold() -> None:
    table = calibration.false_alarms(np.array([1.0, 0.2]))
    assert table is not None
    assert table.threshold(0.01) == BEYOND
    bounded = Calibration(false_alarms=table).bounded(0.01)
    assert bounded.is_inconclusive([1.0]).all()


def test_without_a_real_image_there_is_no_table() -> None:
    assert calibration.false_alarms(np.array([])) is None


@given(SCORES, SHARE)
def test_on_the_images_it_was_measured_on_the_bound_always_holds(
    scores: list[float], share: float
) -> None:
    p_fake = np.array(scores)
    bounded = Calibration(false_alarms=calibration.false_alarms(p_fake)).bounded(share)
    assert (p_fake >= bounded.band_high).mean() <= share


@given(SCORES, SHARE, SHARE, st.floats(0.5, 1))
def test_a_smaller_share_never_lowers_the_upper_end(
    scores: list[float], one: float, other: float, high: float
) -> None:
    table = calibration.false_alarms(np.array(scores))
    fitted = Calibration(1.0, 1 - high, high, table)
    strict, loose = (fitted.bounded(share) for share in sorted((one, other)))
    assert strict.band_high >= loose.band_high >= high
    assert strict.band_low == loose.band_low == fitted.band_low


def test_a_fit_measures_its_validation_images() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 6000).astype(np.uint8)
    logits = rng.normal(0, 2, 6000) + np.where(labels == 1, 3.5, -3.5)
    fitted = calibration.fit(logits, labels)
    real = fitted.probability(logits)[labels == 0]
    assert fitted.false_alarms == calibration.false_alarms(real)
    assert (real >= fitted.bounded(0.001).band_high).mean() <= 0.001


def test_without_a_table_the_band_stays_and_holds_an_even_chance() -> None:
    assert Calibration(1.0, 0.2, 0.8).bounded(0.001) == Calibration(1.0, 0.2, 0.8)
    assert Calibration(1.0, 0.6, 0.8).bounded(0.01) == Calibration(1.0, 0.5, 0.8)


def test_a_table_survives_json_and_specs_without_one_are_read(spec: ModelSpec) -> None:
    fitted = dataclasses.replace(spec.calibration, false_alarms=hundred())
    told = dataclasses.replace(spec, calibration=fitted)
    assert ModelSpec.from_json(told.to_json()) == told
    old = json.loads(spec.to_json())
    del old["calibration"]["false_alarms"]
    assert ModelSpec.from_json(json.dumps(old)).calibration.false_alarms is None


@pytest.mark.parametrize(
    ("real", "points"),
    [
        (0, [(0.0, 0.9)]),
        (9, []),
        (9, [(0.01, 0.9)]),
        (9, [(0.0, 0.9), (0.0, 0.8)]),
        (9, [(0.0, 0.8), (0.01, 0.9)]),
        (9, [(0.0, 1.1)]),
        (9, [(0.0, 0.9), (1.0, 0.1)]),
        (9, [(0.0, 0.9), (0.5, -0.1)]),
    ],
)
def test_a_table_that_is_none_is_refused(real: int, points: list[tuple[float, float]]) -> None:
    with pytest.raises(ContractError, match="false_alarms"):
        FalseAlarms(real, tuple(OperatingPoint(*point) for point in points))
