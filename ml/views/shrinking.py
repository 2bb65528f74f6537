"""Makes a large view small without losing what it is looked at for."""

from math import ceil
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["averaged", "brightened", "strongest"]

Pixels = npt.NDArray[np.uint8]


def strongest(sizes: Pixels, side: int) -> Pixels:
    """Shrink sizes to the greatest of what falls together.

    A mean would let a line that is one pixel wide vanish, and grow ever darker with the picture.

    Args:
        sizes: uint8 (h, w) or (h, w, channels).
        side: Of the longer side at most; smaller ones stay as they are.
    """
    height, width = _fitted(sizes.shape, side)
    window = ceil(sizes.shape[0] / height), ceil(sizes.shape[1] / width)
    if window == (1, 1):
        return sizes
    greatest = cv2.dilate(sizes, np.ones(window, np.uint8), anchor=(0, 0))
    shrunken: Any = cv2.resize(greatest, (width, height), interpolation=cv2.INTER_NEAREST)
    return shrunken


def averaged(values: npt.NDArray[np.int16], side: int) -> npt.NDArray[np.int16]:
    """Shrink values around 0, int16 (h, w), to the mean of what falls together.

    Args:
        values: What is to cancel out where neighbours disagree.
        side: As in `strongest`.
    """
    height, width = _fitted(values.shape, side)
    shrunken: Any = cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
    return shrunken


def brightened(sizes: Pixels, most: int) -> Pixels:
    """Return sizes as brightness, by their square root: weak ones show, strong ones keep apart.

    Args:
        sizes: uint8.
        most: From this size on it is white.
    """
    levels = np.sqrt(np.minimum(np.arange(256) / most, 1)) * 255
    bright: Any = cv2.LUT(sizes, np.rint(levels).astype(np.uint8))
    return bright


def _fitted(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Return (height, width) scaled so that the longer one is at most `side`."""
    height, width = shape[:2]
    scale = min(1.0, side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))
