"""Noise: how much each pixel differs from a smoothed copy of the picture."""

import cv2

from ml.views.reading import Pixels
from ml.views.shrinking import brightened, strongest

__all__ = ["MOST", "noise"]

# The same for every picture: a difference of so many levels of brightness, of 255, is white.
MOST = 40


def noise(luma: Pixels, side: int) -> Pixels:
    """Return the size of the noise residual of a picture.

    Image minus denoised image is how sensor noise is looked at since J. Lukáš, J. Fridrich and
    M. Goljan, "Digital Camera Identification from Sensor Pattern Noise", IEEE TIFS 2006; that its
    strength should agree all over a picture is the idea of B. Mahdian and S. Saic, "Using noise
    inconsistencies for blind image forensics", Image and Vision Computing 2009. Both use
    wavelets; a median of 3 by 3 is enough to look at, and many times as fast.

    Args:
        luma: uint8 (h, w).
        side: The longer side is shrunken to this at most, to the strongest residuals.

    Returns:
        uint8 (height, width), by the square root of the size.
    """
    residual = cv2.absdiff(luma, cv2.medianBlur(luma, 3))
    return brightened(strongest(residual, side), MOST)  # type: ignore[arg-type]
