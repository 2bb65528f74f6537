"""Two models on the same images: who is better and how surely, what flipped, what drifted."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.errors import ContractError

__all__ = ["DRIFT", "Difference", "Flips", "compare", "flips", "histogram", "mcnemar", "psi"]

Scores = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]
Indices = npt.NDArray[np.intp]

Z = 1.959964  # of the standard normal, for 95 %
PSI_BINS = 10
# Above this the scores are taken to come from other images than those of the reference.
DRIFT = 0.25


@dataclass(frozen=True, slots=True)
class Flips:
    """Places of the images on which two models differ in being right."""

    newly_right: Indices
    newly_wrong: Indices


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better the second of two models is on the same images, in shares of them.

    Attributes:
        gained, lost: Images that only the second, and that only the first, told right.
        low, high: 95 % interval of the difference.
        p_value: Of McNemar's exact test: how often chance alone makes two equal models differ so.
    """

    images: int
    gained: int
    lost: int
    difference: float
    low: float
    high: float
    p_value: float

    @property
    def is_sure(self) -> bool:
        """Tell whether chance is an unlikely explanation, at the usual one in twenty."""
        return self.p_value < 0.05


def flips(first: Scores, second: Scores, labels: Labels, thresholds: tuple[float, float]) -> Flips:
    """Return where a second model is right and the first was not, and the other way round.

    Args:
        first, second: P(FAKE) of the same n images by the two models.
        labels: (n,), 1 for FAKE.
        thresholds: From which P(FAKE) the first and the second call an image FAKE.
    """
    if not len(first) == len(second) == len(labels):
        raise ContractError("different_images", "Two models compare on the same images only.")
    before = (first >= thresholds[0]) == (labels == 1)
    after = (second >= thresholds[1]) == (labels == 1)
    return Flips(np.flatnonzero(after & ~before), np.flatnonzero(before & ~after))


def compare(flipped: Flips, images: int) -> Difference:
    """Return the difference in accuracy that these flips make among so many images.

    The interval is Agresti and Min's (2005): Wald's with half an image more in each of the four
    cells, which holds its 95 % for few images too.
    """
    if images < 1:
        raise ContractError("no_images", "There is no image to compare on.")
    gained, lost = len(flipped.newly_right), len(flipped.newly_wrong)
    total = images + 2
    middle = (gained - lost) / total
    spread = math.sqrt((gained + lost + 1 - (gained - lost) ** 2 / total) / total**2)
    return Difference(
        images,
        gained,
        lost,
        (gained - lost) / images,
        max(-1.0, middle - Z * spread),
        min(1.0, middle + Z * spread),
        mcnemar(gained, lost),
    )


def mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided p of McNemar's exact test: a fair coin for each image that flipped."""
    flipped, fewer = gained + lost, min(gained, lost)
    if gained == lost:
        return 1.0
    steps = np.arange(1, fewer + 1)
    # Logarithms of the binomial coefficients, one from the one before it: none overflows.
    logs = np.concatenate([[0.0], np.cumsum(np.log((flipped - steps + 1) / steps))])
    largest = logs.max()
    tail = math.log(np.exp(logs - largest).sum()) + largest - flipped * math.log(2)
    return min(1.0, 2 * math.exp(tail))


def psi(reference: Scores, current: Scores, bins: int = PSI_BINS) -> float:
    """Return the population stability index between two sets of scores in [0, 1].

    Over equal bins; half an image more in each, so that an empty one does not make it infinite.
    0 means alike; `DRIFT` and above is called a drift.
    """
    if not len(reference) or not len(current):
        raise ContractError("no_images", "There is no score to compare.")
    wanted, found = (_shares(scores, bins) for scores in (reference, current))
    return float(((found - wanted) * np.log(found / wanted)).sum())


def histogram(scores: Scores, bins: int) -> npt.NDArray[np.intp]:
    """Return how many scores in [0, 1] lie in each of the equal bins; 1.0 is in the last."""
    return np.histogram(scores, bins, (0.0, 1.0))[0]


def _shares(scores: Scores, bins: int) -> npt.NDArray[np.float64]:
    counts = histogram(scores, bins) + 0.5
    return np.asarray(counts / counts.sum())
