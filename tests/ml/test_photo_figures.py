"""Figures against numbers that are made by hand, and bounds that hold for pictures to come."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ml.photo.figures import band, calibration_error, probability, split_figures, wilson

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1], np.uint8)
LOGITS = np.array([-3.0, -1.0, 0.5, 2.0, -0.5, 1.0, 3.0, 4.0])


def test_figures_of_eight_pictures() -> None:
    found = split_figures(LOGITS[None], LABELS, np.arange(8), rate=0.25, seed=1)
    assert (found.real, found.fake) == (4, 4)
    assert found.roc_auc == pytest.approx(roc_auc_score(LABELS, LOGITS)) == 13 / 16
    assert found.recall == 0.75  # one REAL, at 2, may be called FAKE: above 0.5 lie 1, 3 and 4
    assert found.accuracy == pytest.approx((2 / 4 + 3 / 4) / 2)
    low, high = found.roc_auc_interval
    assert low < found.roc_auc < high


def test_pictures_of_one_score_are_not_told_apart() -> None:
    found = split_figures(np.zeros((1, 8)), LABELS, np.arange(8), rate=0.25, seed=1)
    assert (found.roc_auc, found.recall) == (0.5, 0.0)
    assert not found.is_worth_something


@pytest.mark.parametrize(("groups", "certain"), [(25, 0.867), (5, 0.566)])
def test_classes_that_are_wholly_apart_are_no_certainty(groups: int, certain: float) -> None:
    labels = np.repeat(np.array([0, 1], np.uint8), 25)
    numbers = np.arange(50)
    numbers[25:] = 25 + np.arange(25) % groups  # of copies there are fewer different ones
    logits = np.where(labels == 1, 1.0, -1.0)
    found = split_figures(logits[None], labels, numbers, rate=0.05, seed=1)
    assert (found.roc_auc, found.recall) == (1.0, 1.0)
    assert found.roc_auc_interval == pytest.approx((certain, 1.0), abs=1e-3)
    assert found.recall_interval == pytest.approx((certain, 1.0), abs=1e-3)


def test_copies_widen_the_interval_as_they_are_drawn_together() -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat(np.array([0, 1], np.uint8), 100)
    logits = np.repeat(rng.normal(0, 1, 20), 10) + labels
    apart = split_figures(logits[None], labels, np.arange(200), rate=0.05, seed=1)
    together = split_figures(logits[None], labels, np.arange(200) // 10, rate=0.05, seed=1)
    assert apart.roc_auc == together.roc_auc
    widths = [f.roc_auc_interval[1] - f.roc_auc_interval[0] for f in (apart, together)]
    assert widths[1] > 1.5 * widths[0]


def test_the_band_keeps_its_promise_for_pictures_to_come() -> None:
    rng = np.random.default_rng(5)
    alarms, misses = [], []
    for _ in range(300):
        labels = np.repeat(np.array([0, 1], np.uint8), 30)
        low, high = band(rng.normal(0, 1, 60) + labels, labels, 0.05)
        alarms.append((rng.normal(0, 1, 200) >= high).mean())
        misses.append((rng.normal(1, 1, 200) <= low).mean())
    assert 0.02 < np.mean(alarms) <= 0.05
    assert 0.02 < np.mean(misses) <= 0.05


def test_with_too_few_pictures_the_band_has_no_end() -> None:
    low, high = band(LOGITS, LABELS, 0.05)
    assert probability(np.array([low, high])).tolist() == [0.0, 1.0]


def test_bounds_that_cross_meet_in_the_middle() -> None:
    labels = np.repeat(np.array([0, 1], np.uint8), 40)
    low, high = band(np.where(labels == 1, 5.0, -1.0), labels, 0.05)
    assert low == high == pytest.approx(2.0)


def test_chance_is_taken_off_the_calibration_error() -> None:
    rng = np.random.default_rng(1)
    p_fake = rng.uniform(0.05, 0.95, 4000)
    labels = (rng.random(4000) < p_fake).astype(np.uint8)
    few = [calibration_error(p_fake[i : i + 100], labels[i : i + 100]) for i in range(0, 4000, 100)]
    assert np.mean(few) < 0.07  # 0.1 by chance alone
    assert calibration_error(p_fake**3, labels) > 0.2


def test_the_interval_of_a_share() -> None:
    assert wilson(5, 100) == pytest.approx((0.0215, 0.1118), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 20)[1] == pytest.approx(0.1611, abs=1e-4)
