"""How far figures would move if other images of the same kind had been drawn."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ml.contract import Bootstrap
from ml.evaluation.metrics import Floats, Labels

__all__ = ["FIGURES", "bootstrap"]

FIGURES = ("accuracy", "f1", "roc_auc", "average_precision")
RESAMPLES = 1000
LEVEL = 0.95
BLOCK = 50  # resamples at a time, to stay within a few dozen MB at 20,000 images

Doubles = npt.NDArray[np.float64]


def bootstrap(
    p_fake: Floats, labels: Labels, threshold: float, *, seed: int, resamples: int = RESAMPLES
) -> Bootstrap:
    """Return the percentile intervals (Efron 1979) of accuracy, F1, ROC AUC and average precision.

    Each resample draws as many images of each class as there are, with replacement. A resample is
    a count per image, and the images are sorted once: every figure then is a matter of running
    sums, for many resamples at a time.

    Args:
        p_fake: (n,), any score that grows with the evidence for FAKE.
        labels: (n,), 1 for FAKE; both classes must occur.
        threshold: The score from which an image is called FAKE.
        seed: The same seed and images give the same intervals.
        resamples: How many; the bounds' own noise falls with its root.
    """
    order = np.argsort(-p_fake, kind="stable")
    scores, is_fake = p_fake[order], labels[order] == 1
    called = int(np.count_nonzero(scores >= threshold))
    ends = np.flatnonzero(np.append(scores[1:] < scores[:-1], True))
    drawn = _resampled(is_fake, np.random.default_rng(seed), resamples)
    found = np.concatenate([figures(counts, is_fake, ends, called) for counts in drawn])
    tail = (1.0 - LEVEL) / 2
    bounds = np.quantile(found, [tail, 1.0 - tail], axis=0)
    intervals = {
        name: (float(low), float(high)) for name, low, high in zip(FIGURES, *bounds, strict=True)
    }
    return Bootstrap(intervals, resamples, LEVEL, seed)


def figures(
    counts: npt.NDArray[np.integer],
    is_fake: npt.NDArray[np.bool_],
    ends: npt.NDArray[np.intp],
    called: int,
) -> Doubles:
    """Return `FIGURES` of each resample, (resamples, 4).

    Args:
        counts: (resamples, n), how often each image was drawn; the images are sorted by falling
            score.
        is_fake: (n,).
        ends: Index of the last image of each score, ascending; images of one score cannot be
            told apart, so the curves have no point between them.
        called: So many of the first images are called FAKE.
    """
    true = np.cumsum(counts * is_fake, axis=1, dtype=np.float64)
    false = np.cumsum(counts * ~is_fake, axis=1, dtype=np.float64)
    fakes, reals = true[:, -1], false[:, -1]
    hits, alarms = (sums[:, called - 1] if called else 0 * fakes for sums in (true, false))
    accuracy = (hits + reals - alarms) / (fakes + reals)
    f1 = 2 * hits / (hits + alarms + fakes)
    true, false = true[:, ends], false[:, ends]
    gained, lost = np.diff(true, axis=1, prepend=0), np.diff(false, axis=1, prepend=0)
    roc_auc = (lost * (true - gained / 2)).sum(axis=1) / (fakes * reals)
    # Where nothing has been drawn yet, nothing is gained, and any precision will do.
    precision = true / np.maximum(true + false, 1.0)
    average_precision = (gained * precision).sum(axis=1) / fakes
    return np.stack([accuracy, f1, roc_auc, average_precision], axis=1)


def _resampled(
    is_fake: npt.NDArray[np.bool_], rng: np.random.Generator, resamples: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield blocks of counts (resamples, n), each class drawn by itself."""
    for start in range(0, resamples, BLOCK):
        size = min(BLOCK, resamples - start)
        counts = np.empty((size, len(is_fake)), np.int64)
        for members in (is_fake, ~is_fake):
            counts[:, members] = _counts(int(members.sum()), size, rng)
        yield counts


def _counts(images: int, resamples: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return how often each image comes up when `images` of them are drawn, (resamples, images)."""
    draws = rng.integers(0, images, (resamples, images))
    draws += images * np.arange(resamples)[:, None]
    return np.bincount(draws.ravel(), minlength=resamples * images).reshape(resamples, images)
