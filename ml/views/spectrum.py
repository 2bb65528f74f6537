"""Spectrum: which regular patterns a picture holds, as bright points."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import numpy.typing as npt

from ml.views.reading import Pixels

__all__ = ["TILE", "spectrum"]

TILE = 512  # pixels a side
# At most so many along each side, spread over the picture.
MOST_TILES = 5
DARK, BRIGHT = 2, 99.95  # percentiles

Floats = npt.NDArray[np.float32]


def spectrum(luma: Pixels) -> Pixels:
    """Return the logarithm of the power of each frequency, frequency 0 in the middle.

    The mean over tiles of the picture's own pixels, never resized, each under a bell (P. D. Welch,
    "The use of fast Fourier transform for the estimation of power spectra", 1967). Generators
    that up-sample leave points and brims in it: X. Zhang, S. Karaman and S.-F. Chang, "Detecting
    and Simulating Artifacts in GAN Fake Images", WIFS 2019; R. Durall, M. Keuper and J. Keuper,
    "Watch your Up-Convolution", CVPR 2020.

    Args:
        luma: uint8 (h, w).

    Returns:
        uint8 (side, side), `side` the longer one of the picture, at most `TILE`. Both axes reach
        from -1/2 to 1/2 waves a pixel; a narrow picture is filled up with zeros.
    """
    side = min(TILE, max(luma.shape))
    height, width = min(side, luma.shape[0]), min(side, luma.shape[1])
    bell = np.outer(_bell(height), _bell(width))
    power = np.zeros((side, side // 2 + 1), np.float32)
    for tile in _tiles(luma, height, width):
        values = tile.astype(np.float32)
        waves = np.fft.rfft2((values - values.mean()) * bell, (side, side))
        power += waves.real**2 + waves.imag**2
    # A floor at what rounding to 8 bits leaves, so that a plain picture is not its own noise.
    logarithm = np.log(_whole(power) + bell.size / 100)
    low, high = np.percentile(logarithm, (DARK, BRIGHT))
    scaled = (logarithm - low) / max(float(high - low), 1e-3)
    return (np.clip(scaled, 0, 1) * 255).astype(np.uint8)


def _bell(length: int) -> Floats:
    """Return Hann's window without the zeros at its ends, which would leave nothing of 2 pixels."""
    return np.hanning(length + 2)[1:-1].astype(np.float32)


def _tiles(luma: Pixels, height: int, width: int) -> Iterator[Pixels]:
    tops, lefts = (
        np.linspace(0, whole - part, min(MOST_TILES, -(-whole // part))).astype(int)
        for whole, part in zip(luma.shape, (height, width), strict=True)
    )
    for top, left in product(tops, lefts):
        yield luma[top : top + height, left : left + width]


def _whole(half: Floats) -> Floats:
    """Return all frequencies (side, side), 0 in the middle, of those to the right."""
    side = len(half)
    # What is real has the same power at a frequency and at its opposite.
    columns = np.arange(side) - side // 2
    rows = (np.arange(side) - side // 2)[:, None] * np.where(columns < 0, -1, 1)
    return half[rows % side, np.abs(columns)]
