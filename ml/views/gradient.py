"""Gradient: where and towards which side the brightness changes."""

import cv2
import numpy as np
import numpy.typing as npt

from ml.views.reading import Pixels
from ml.views.shrinking import averaged

__all__ = ["MOST", "gradient"]

# Sobel's operator weighs by 8 in all: a change of 32 levels from pixel to pixel is shown in full.
MOST = 8 * 32
MIDDLE = 128


def gradient(luma: Pixels, side: int) -> Pixels:
    """Return the gradient of the brightness in colour.

    By the operator of I. Sobel and G. Feldman, 1968. Red tells the change to the right and green
    that downwards, both middle where there is none; blue tells how strong it is. All go by the
    square root, so that the soft shading shows by which light falls.

    Args:
        luma: uint8 (h, w), upright: the colours tell directions.
        side: The longer side is shrunken to this at most, to the mean: shading agrees among
            neighbours, noise does not.

    Returns:
        uint8 (height, width, 3), RGB.
    """
    across, down = (
        averaged(cv2.Sobel(luma, cv2.CV_16S, *order), side)  # type: ignore[arg-type]
        for order in ((1, 0), (0, 1))
    )
    strength = _root(np.hypot(across, down, dtype=np.float32)) * 255
    return np.dstack([_around_middle(across), _around_middle(down), strength.astype(np.uint8)])


def _around_middle(changes: npt.NDArray[np.int16]) -> Pixels:
    size = _root(np.abs(changes, dtype=np.float32)) * (MIDDLE - 1)
    return (MIDDLE + np.copysign(size, changes)).astype(np.uint8)


def _root(sizes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the square roots of sizes, 1 from `MOST` on."""
    return np.sqrt(np.minimum(sizes / MOST, 1))
