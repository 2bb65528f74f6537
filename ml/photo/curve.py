"""The learning curve: what fewer pictures would have reached, and what some more promise."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ml.contract import CurvePoint, SplitFigures

__all__ = ["LEAST", "expected", "fewer", "sizes_of"]

LEAST = 5  # pictures of a class, below which figures would say nothing
FIRST_POINT = 40  # pictures; each further point has twice as many
MORE = 50  # pictures, for which the curve is carried on

Labels = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]


def fewer(
    labels: Labels, groups: Places, places: Places, share: float, rng: np.random.Generator
) -> Places:
    """Return a share of the places, the same of each class, from as many groups as there are.

    Pictures of one group alone could not be divided any further. `labels` and `groups` are those of
    all pictures.
    """
    kept = []
    for label in (0, 1):
        members = rng.permutation(places[labels[places] == label])
        own = groups[members]
        earlier = np.array([int((own[:i] == own[i]).sum()) for i in range(len(members))])
        spread = members[np.argsort(earlier, kind="stable")]
        kept.append(spread[: max(LEAST, round(share * len(members)))])
    return np.sort(np.concatenate(kept))


def sizes_of(count: int) -> list[int]:
    """Return 40, 80, 160, ... pictures, as far as that is clearly fewer than all."""
    sizes = [FIRST_POINT]
    while sizes[-1] * 2 < count:
        sizes.append(sizes[-1] * 2)
    return [size for size in sizes if size <= 0.8 * count]


def expected(curve: Sequence[CurvePoint], overall: SplitFigures) -> float | None:
    """Return what the curve a + b / sqrt(pictures), carried on, promises for 50 more.

    `None` where it has fewer than three points, does not rise, or where nothing was learnt yet.
    """
    if len(curve) < 3 or not overall.is_worth_something:
        return None
    images = np.array([point.images for point in curve], np.float64)
    found = np.array([point.roc_auc for point in curve])
    slope, _ = np.polyfit(1 / np.sqrt(images), found, 1, w=np.sqrt(images))
    if slope >= 0:
        return None
    rise = slope * (1 / np.sqrt(images[-1] + MORE) - 1 / np.sqrt(images[-1]))
    return float(min(1.0, overall.roc_auc + rise))
