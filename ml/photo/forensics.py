"""What making and storing a picture leaves in its pixels, as numbers that no training chose.

A camera's sensor and lens, a generator's up-sampling and an encoder each leave their own
spectrum, their own dependence between neighbours and between colours, their own grid of 8 by 8.
Most of it lies in what remains when the content is subtracted: in residuals. Every number is a
mean over a crop or a logarithm of one, with a floor at what rounding to 8 bits leaves, so that a
plain sky or a black edge gives moderate values and not endless ones.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt
from scipy import fft

from ml.photo.crops import SIDE

__all__ = ["FEATURES", "describe"]

# Crops are small: threads that share the pictures gain more than threads within a filter.
cv2.setNumThreads(1)

BLOCK = 8
# Luma, blue and red difference of JPEG, the latter centred on 0.
COLOURS = np.array(
    [
        (0.299, 0.587, 0.114),
        (-0.168736, -0.331264, 0.5),
        (0.5, -0.418688, -0.081312),
    ],
    np.float32,
)
LAPLACIAN = np.array([(-1, 2, -1), (2, -4, 2), (-1, 2, -1)], np.float32) / 4
RINGS = (28, 14, 14)
# Neighbours (down, right) to correlate with: the nearest, and those of encoders' grids.
LAGS = (
    *((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (2, 2), (0, 3), (3, 0)),
    *((0, 4), (4, 0), (0, 8), (8, 0), (1, 2), (2, 1)),
)
QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.99)
TONES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
SATURATIONS = (0.1, 0.5, 0.9)
# Residuals are rounded to multiples of a step and cut to this many steps before pairs are counted.
STEPS = 2
LEVELS = 2 * STEPS + 1
# Pairs that are alike when the order or the sign of both is turned around count as one.
PAIRS = tuple((i, j) for i in range(LEVELS) for j in range(i, LEVELS) if i + j < LEVELS)
SHADES = 8
# Of one crop, as `_parts` yields them.
FEATURES = 506

Pixels = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.floating] | Sequence[float]


def describe(crops: Pixels) -> npt.NDArray[np.float32]:
    """Return the features float32 (n, FEATURES) of crops uint8 (n, SIDE, SIDE, 3), RGB."""
    rows = np.empty((len(crops), FEATURES), np.float32)
    for row, crop in zip(rows, crops, strict=True):
        row[:] = np.concatenate([np.asarray(part, np.float32).ravel() for part in _parts(crop)])
    return rows


def _parts(crop: Pixels) -> Iterator[Numbers]:
    """Yield the features of one crop group by group; their order is that of the features."""
    image: Plane = crop.astype(np.float32)
    luma, *chroma = _planes(image)
    for plane, rings in zip((luma, *chroma), RINGS, strict=True):
        yield _spectrum(plane, rings)
    yield from _blocks(luma)
    right, down = (_differences(luma, axis) for axis in (1, 0))
    yield _phases(right[2].T)
    yield _phases(down[2])

    # The filter is linear: that of a mixture of colours is the mixture of those of the colours.
    filtered = cast("Plane", cv2.filter2D(image, -1, LAPLACIAN, borderType=cv2.BORDER_REFLECT))
    laplacian, *chroma_laplacians = _planes(filtered)
    median = luma - cv2.medianBlur(luma, 3)
    residuals = (laplacian, median, *chroma_laplacians)
    for residual in (*residuals, right[0], down[0], right[1], down[1]):
        yield _moments(residual)
    for residual in residuals:
        yield _autocorrelations(residual)
    yield _colour_correlations(filtered)
    for residual, step in (
        (laplacian, 1.0),
        (laplacian, 3.0),
        (median, 1.0),
        (right[1], 2.0),
        (down[1], 2.0),
        (right[2], 4.0),
        (down[2], 4.0),
        (chroma_laplacians[0], 0.5),
        (chroma_laplacians[1], 0.5),
    ):
        yield _pairs(residual, step)
    yield _noise_by_brightness(luma, laplacian)
    yield _tones(crop, luma, chroma)


def _planes(image: Plane) -> Sequence[Plane]:
    """Return luma, blue and red difference of an RGB image (h, w, 3)."""
    return cast("Sequence[Plane]", cv2.split(cv2.transform(image, COLOURS)))


def _spectrum(plane: Plane, rings: int) -> Numbers:
    """Return the mean logarithm of the power in rings of equal width; the corners are the last."""
    waves = fft.rfft2((plane - plane.mean()) * _window())
    power = np.log(waves.real**2 + waves.imag**2 + 10.0)
    places, sizes = _rings(rings)
    return np.bincount(places, power.ravel(), rings + 1) / sizes


@cache
def _window() -> Plane:
    slope = np.hanning(SIDE).astype(np.float32)
    return np.outer(slope, slope)


@cache
def _rings(rings: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the ring of each frequency, flat, and how many frequencies each ring has."""
    radius = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE))
    places = np.minimum((radius * 2 * rings).astype(np.intp), rings).ravel()
    return places, np.bincount(places, minlength=rings + 1)


def _blocks(luma: Plane) -> Iterator[Numbers]:
    """Yield sizes of coefficients on JPEG's grid, how many vanish, and what differs off it."""
    on_grid = np.abs(_coefficients(luma))
    half = BLOCK // 2
    off_grid = np.abs(_coefficients(luma[half : half - BLOCK, half : half - BLOCK]))
    sizes = np.log(on_grid.mean((0, 1)) + 0.05)
    yield sizes
    yield np.log((on_grid < 0.5).mean((0, 1)) + 0.01).ravel()[1:]
    yield sizes - np.log(off_grid.mean((0, 1)) + 0.05)


def _coefficients(luma: Plane) -> Plane:
    """Return the cosine transform of each block: (rows, columns, 8, 8), horizontal waves first."""
    rows, columns = (side // BLOCK for side in luma.shape)
    across = (luma.reshape(-1, BLOCK) @ _cosines().T).reshape(rows, BLOCK, columns, BLOCK)
    both = across.transpose(0, 2, 3, 1).reshape(-1, BLOCK) @ _cosines().T
    return both.reshape(rows, columns, BLOCK, BLOCK).astype(np.float32, copy=False)


@cache
def _cosines() -> Plane:
    waves: Plane = fft.dct(np.eye(BLOCK, dtype=np.float32), axis=0, norm="ortho")
    return waves


def _differences(luma: Plane, axis: int) -> tuple[Plane, Plane, Plane]:
    """Return the first three differences of neighbours along an axis."""
    first = np.diff(luma, axis=axis)
    second = np.diff(first, axis=axis)
    return first, second, np.diff(second, axis=axis)


def _phases(third: Plane) -> Numbers:
    """Return how much rows at each distance from JPEG's grid stand out in a third difference."""
    rows = np.abs(third).mean(1) / 2
    phases = np.array([rows[phase::BLOCK].mean() for phase in range(BLOCK)])
    return np.log(phases + 0.01) - np.log(phases.mean() + 0.01)


def _moments(residual: Plane) -> Numbers:
    """Return logarithms of spread, tails and quantiles of the sizes, and the skewness."""
    centred = residual - residual.mean()
    squares = centred * centred
    variance = squares.mean()
    third, fourth = (float(np.vdot(squares, other)) / squares.size for other in (centred, squares))
    sizes = np.sort(np.abs(residual), axis=None)
    return [
        0.5 * np.log(variance + 0.0025),
        third / (variance + 0.0025) ** 1.5,
        np.log((fourth + 1e-3) / (variance**2 + 1e-3)),
        np.log(sizes.mean() + 0.01),
        *np.log(_quantiles(sizes, QUANTILES) + 0.05),
    ]


def _quantiles(ordered: Plane, shares: Sequence[float]) -> Plane:
    """Return values of an ordered row below which these shares of it lie."""
    return ordered[[round(share * (len(ordered) - 1)) for share in shares]]


def _autocorrelations(residual: Plane) -> Numbers:
    """Return the correlation of a residual with itself, shifted by each of `LAGS`."""
    centred = residual - residual.mean()
    height, width = centred.shape
    variance = float(np.vdot(centred, centred)) / centred.size + 0.01
    return [
        np.einsum("ij,ij->", centred[down:, right:], centred[: height - down, : width - right])
        / ((height - down) * (width - right) * variance)
        for down, right in LAGS
    ]


def _colour_correlations(filtered: Plane) -> Numbers:
    """Return how residuals agree: of red, green and blue, then of luma and both differences."""
    colours = np.stack(cv2.split(filtered)).reshape(3, -1)
    centred = colours - colours.mean(1, keepdims=True)
    covariance = centred @ centred.T / centred.shape[1]
    values: list[float] = []
    for mixed in (covariance, COLOURS @ covariance @ COLOURS.T):
        spread = np.sqrt(np.diag(mixed) + 0.01)
        values += [mixed[a, b] / (spread[a] * spread[b]) for a, b in ((0, 1), (1, 2), (0, 2))]
    return values


def _pairs(residual: Plane, step: float) -> Numbers:
    """Return logarithms of how often neighbours, across and down, have each pair of levels."""
    levels = (np.clip(np.rint(residual / step), -STEPS, STEPS) + STEPS).astype(np.uint8)
    counts = np.zeros((LEVELS, LEVELS))
    for first, second in ((levels[:, :-1], levels[:, 1:]), (levels[:-1], levels[1:])):
        codes = first * np.uint8(LEVELS) + second
        found = cv2.calcHist([codes], [0], None, [LEVELS**2], [0, LEVELS**2])
        counts += found.reshape(LEVELS, LEVELS) / codes.size
    counts = counts + counts.T
    counts = counts + counts[::-1, ::-1]
    return [np.log(counts[pair] + 1e-4) for pair in PAIRS]


def _noise_by_brightness(luma: Plane, residual: Plane) -> Numbers:
    """Return the residual's size in each of eight shades; where one is rare, that of all."""
    shades = np.clip(luma * (SHADES / 256), 0, SHADES - 1).astype(np.intp).ravel()
    sizes = np.abs(residual).ravel()
    counts = np.bincount(shades, minlength=SHADES)
    means = np.bincount(shades, sizes, SHADES) / np.maximum(counts, 1)
    return np.log(np.where(counts > 50, means, sizes.mean()) + 0.05)


def _tones(crop: Pixels, luma: Plane, chroma: Sequence[Plane]) -> Numbers:
    """Return how light, how colourful and how clipped a crop is."""
    red, green, blue = cv2.split(crop)
    highest = cv2.max(cv2.max(red, green), blue).astype(np.float32)
    lowest = cv2.min(cv2.min(red, green), blue)
    saturation = np.sort((highest - lowest) / (highest + 1), axis=None)
    return [
        *_quantiles(np.sort(luma, axis=None), TONES) / 64,
        luma.std() / 32,
        *_quantiles(saturation, SATURATIONS) * 2,
        *(plane.mean() / 16 for plane in chroma),
        *(np.log(plane.std() + 0.5) for plane in chroma),
        (luma >= 254).mean() * 5,
        (luma <= 2).mean() * 5,
    ]
