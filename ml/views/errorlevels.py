"""Error levels: how much each place changes when the picture is saved as a JPEG once more."""

import io
from itertools import product

import cv2
import numpy as np
from PIL import Image

from ml.views.reading import Pixels
from ml.views.shrinking import brightened, strongest

__all__ = ["MOST", "QUALITY", "error_levels"]

# The same for every picture, so that two can be compared: the quality of the JPEG, and the change
# of a colour, of 255, from which on it is shown at full brightness.
QUALITY = 90
MOST = 16
# A JPEG has at most 65,500 pixels a side; a multiple of its blocks, so that the grid goes on.
PART = 1 << 15


def error_levels(rgb: Pixels, side: int) -> Pixels:
    """Return the error levels of a picture.

    The difference of each colour between the picture and itself as a JPEG of `QUALITY`, 4:2:0,
    on the grid of the file: N. Krawetz, "A Picture's Worth: Digital Image Analysis and Forensics",
    2007, who shows it magnified; here by a square root, as what was saved before differs by a few
    levels only, and edges by many.

    Args:
        rgb: uint8 (h, w, 3), not turned.
        side: The longer side is shrunken to this at most, to the greatest differences.

    Returns:
        uint8 (height, width, 3).
    """
    difference = np.empty_like(rgb)
    tops, lefts = (range(0, length, PART) for length in rgb.shape[:2])
    for top, left in product(tops, lefts):
        place = np.s_[top : top + PART, left : left + PART]
        difference[place] = cv2.absdiff(rgb[place], _saved_again(rgb[place]))
    return brightened(strongest(difference, side), MOST)


def _saved_again(rgb: Pixels) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=QUALITY)
    with Image.open(file) as saved:
        return np.asarray(saved)
