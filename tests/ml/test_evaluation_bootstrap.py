"""The intervals against the slow way, against theory, and against themselves."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, roc_auc_score

from ml.evaluation import bootstrap
from ml.evaluation.bootstrap import FIGURES, figures

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.uint8]


def scores(count: int, seed: int = 1) -> tuple[Floats, Labels]:
    """Overlapping scores with many ties, a third of the images FAKE."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 3 == 0).astype(np.uint8)
    p_fake = np.clip(0.35 + 0.3 * labels + 0.2 * rng.standard_normal(count), 0, 1)
    return np.round(p_fake, 2), labels


def by_sklearn(p_fake: Floats, labels: Labels) -> list[float]:
    called = p_fake >= 0.5
    return [
        accuracy_score(labels, called),
        f1_score(labels, called),
        roc_auc_score(labels, p_fake),
        average_precision_score(labels, p_fake),
    ]


def test_the_figures_of_a_resample_are_those_of_the_images_drawn() -> None:
    p_fake, labels = scores(300)
    order = np.argsort(-p_fake, kind="stable")
    p_fake, labels = p_fake[order], labels[order]
    ends = np.flatnonzero(np.append(p_fake[1:] < p_fake[:-1], True))
    rng = np.random.default_rng(5)
    drawn = [rng.integers(0, 300, 300) for _ in range(6)]
    counts = np.stack([np.bincount(indices, minlength=300) for indices in drawn])
    found = figures(counts, labels == 1, ends, int((p_fake >= 0.5).sum()))
    expected = [by_sklearn(p_fake[indices], labels[indices]) for indices in drawn]
    assert found == pytest.approx(np.array(expected))


def test_a_model_that_calls_nothing_fake_has_figures_too() -> None:
    p_fake, labels = scores(60)
    intervals = bootstrap(p_fake, labels, 1.01, seed=1, resamples=20).intervals
    assert intervals["accuracy"] == pytest.approx((2 / 3, 2 / 3))
    assert intervals["f1"] == (0.0, 0.0)


def test_the_interval_of_the_accuracy_is_as_wide_as_theory_says() -> None:
    p_fake, labels = scores(3000)
    result = bootstrap(p_fake, labels, 0.5, seed=3)
    right = (p_fake >= 0.5) == (labels == 1)
    # Drawn class by class: the variances of the two shares add up.
    variance = sum(right[labels == c].var() * (labels == c).sum() for c in (0, 1)) / 3000**2
    low, high = result.intervals["accuracy"]
    assert (low + high) / 2 == pytest.approx(right.mean(), abs=0.001)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.1)


def test_every_interval_holds_its_figure_and_more_images_narrow_it() -> None:
    small, large = (bootstrap(*scores(count), 0.5, seed=2) for count in (200, 5000))
    for name, figure in zip(FIGURES, by_sklearn(*scores(5000)), strict=True):
        low, high = large.intervals[name]
        assert low < figure < high
        assert high - low < 0.5 * (small.intervals[name][1] - small.intervals[name][0])


def test_the_same_seed_gives_the_same_bounds() -> None:
    first, again, other = (bootstrap(*scores(200), 0.5, seed=s, resamples=120) for s in (1, 1, 2))
    assert first == again
    assert first.intervals != other.intervals
    assert (first.resamples, first.level, first.seed) == (120, 0.95, 1)


def test_every_resample_has_as_many_of_each_class_as_there_were() -> None:
    # All scores equal: the accuracy is the share of FAKE, which must not move.
    labels = np.array([1] * 30 + [0] * 10, np.uint8)
    intervals = bootstrap(np.full(40, 0.9), labels, 0.5, seed=1, resamples=50).intervals
    assert intervals["accuracy"] == (0.75, 0.75)
    assert intervals["roc_auc"] == (0.5, 0.5)
