"""How faithful a map is to the network that it explains: measures after the literature."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ml.degradation import gaussian_blur
from ml.errors import DatasetError

__all__ = [
    "deletion_auc",
    "half_replaced",
    "insertion_auc",
    "rank_correlations",
    "share_inside",
    "sobel",
]

# Deletion and insertion go from nothing to everything in this many equal steps.
STEPS = 16
# What insertion starts from: a Gaussian this wide, as a share of the image's side, leaves the
# colours and no texture.
BLUR = 1 / 8
# The side of a JPEG block in pixels: a half that is cut elsewhere would betray itself.
BLOCK = 8

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]
Probability = Callable[[Pixels], Floats]


def deletion_auc(heat: Floats, pixels: Pixels, probability: Probability, seed: int) -> float:
    """Return how probable the verdict stays while the places with the strongest evidence go.

    A place that goes takes the image's own mean colour. After Petsiuk et al. 2018 (RISE, arXiv
    1806.07421): the area under the curve over the share of places that are gone.

    Args:
        heat: (n, h, w), larger where a place speaks more for the verdict; ties break at random.
        pixels: uint8 (n, height, width, 3).
        probability: From such pixels to the probability of each image's verdict (n,).
        seed: Of the ties.

    Returns:
        The mean over images, in [0, 1]; lower is better.
    """
    mean = np.rint(pixels.mean(axis=(1, 2), keepdims=True)).astype(np.uint8)
    return _auc(heat, pixels, np.broadcast_to(mean, pixels.shape), probability, seed)


def insertion_auc(heat: Floats, pixels: Pixels, probability: Probability, seed: int) -> float:
    """Return how probable the verdict becomes while places come back to the blurred image.

    Arguments as of `deletion_auc`. Returns the mean over images, in [0, 1]; higher is better.
    """
    blurred = gaussian_blur(pixels, BLUR * min(pixels.shape[1:3]))
    return _auc(heat, blurred, pixels, probability, seed)


def half_replaced(of_real: Pixels, of_fake: Pixels, seed: int) -> tuple[Pixels, Bools]:
    """Replace one half of each real image, left, right, top or bottom, by that of a generated one.

    Args:
        of_real: uint8 (n, height, width, 3).
        of_fake: (m, height, width, 3); as many pairs are made as the shorter one allows.
        seed: Of the choice of halves.

    Returns:
        The images, and where they are generated: bool (pairs, height, width).

    Raises:
        DatasetError: `no_halves` when a half is not made of whole JPEG blocks.
    """
    height, width = of_real.shape[1:3]
    if height % (2 * BLOCK) or width % (2 * BLOCK):
        raise DatasetError(
            "no_halves",
            f"Images are halved on whole JPEG blocks, so their sides must be multiples of "
            f"{2 * BLOCK} pixels. Received: {width}x{height}.",
        )
    pairs = min(len(of_real), len(of_fake))
    left = np.broadcast_to(np.arange(width) < width // 2, (height, width))
    top = np.broadcast_to(np.arange(height)[:, None] < height // 2, (height, width))
    halves = np.stack([left, ~left, top, ~top])
    inside: Bools = halves[np.random.default_rng(seed).integers(0, 4, pairs)]
    return np.where(inside[..., None], of_fake[:pairs], of_real[:pairs]), inside


def share_inside(maps: Floats, inside: Bools) -> npt.NDArray[np.float64]:
    """Return the share of each map's evidence, its positive part, that lies inside.

    Args:
        maps: (n, h, w).
        inside: bool (n, height, width); of a finer grid than the maps', or the same.

    Returns:
        (n,) in [0, 1]; a map without any evidence gets the share of the area, which is chance.
    """
    areas = _spread(np.maximum(maps, 0), inside.shape[1:])
    total = areas.sum(axis=(1, 2), dtype=np.float64)
    within = np.where(inside, areas, 0).sum(axis=(1, 2), dtype=np.float64)
    return np.divide(within, total, out=inside.mean(axis=(1, 2)), where=total > 0)


def rank_correlations(one: Floats, other: Floats) -> npt.NDArray[np.float64]:
    """Return Spearman's rank correlation of each pair of maps (n, h, w): (n,) in [-1, 1].

    Where a map is the same everywhere there is no order, and the correlation is 0.
    """
    from scipy.stats import rankdata

    ranks = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (one, other)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    spreads = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), spreads, out=np.zeros(len(a)), where=spreads > 0)


def sobel(pixels: Pixels, shape: tuple[int, int]) -> Floats:
    """Return how strong the edges are: the mean magnitude of the Sobel filter in each place.

    Args:
        pixels: uint8 (n, height, width, 3).
        shape: Rows and columns of the maps; they divide height and width.

    Returns:
        (n, *shape), 0 or more.
    """
    grey = np.pad(pixels.mean(axis=-1), [(0, 0), (1, 1), (1, 1)], "edge")
    smooth_rows = grey[:, :-2] + 2 * grey[:, 1:-1] + grey[:, 2:]
    smooth_columns = grey[:, :, :-2] + 2 * grey[:, :, 1:-1] + grey[:, :, 2:]
    across = smooth_rows[:, :, 2:] - smooth_rows[:, :, :-2]
    down = smooth_columns[:, 2:] - smooth_columns[:, :-2]
    edges = np.hypot(across, down)
    count, height, width = edges.shape
    rows, columns = shape
    cells = edges.reshape(count, rows, height // rows, columns, width // columns)
    means: Floats = cells.mean(axis=(2, 4))
    return means


def _auc(heat: Floats, before: Pixels, after: Pixels, probability: Probability, seed: int) -> float:
    """Return the mean probability while places turn from `before` to `after`, the hottest first."""
    count, rows, columns = heat.shape
    ties = np.random.default_rng(seed).random(heat.shape)
    flat = (len(heat), rows * columns)
    order = np.lexsort((ties.reshape(flat), -heat.reshape(flat)), axis=1)
    ranks = np.argsort(order, axis=1).reshape(count, rows, columns)
    when = _spread(ranks, before.shape[1:3])[..., None]
    steps = np.linspace(0, rows * columns, STEPS + 1)
    curve = [probability(np.where(when < step, after, before)).mean() for step in steps]
    return float(np.trapezoid(curve, dx=1 / STEPS))


def _spread(maps: npt.NDArray[np.generic], size: tuple[int, ...]) -> npt.NDArray[np.generic]:
    """Give each pixel of (n, height, width) the value of the place (n, h, w) it lies in."""
    height, width = size
    rows = np.arange(height) * maps.shape[1] // height
    columns = np.arange(width) * maps.shape[2] // width
    return maps[:, rows[:, None], columns]
