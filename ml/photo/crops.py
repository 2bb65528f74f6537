"""Where a picture is looked at: squares of its own pixels, never of pixels that were computed anew.

Whatever tells a generated picture apart lies in single pixels, and a resize would rub it out.
Places are multiples of 8 pixels from the upper left corner, where encoders lay their grid, so
that every crop sees a file's own grid alike.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["LEAST_SIDE", "MAX_CROPS", "SIDE", "cut", "positions"]

SIDE = 224
# Shorter ones have less than a third of a crop that is not its own mirror image.
LEAST_SIDE = 128
# What one core looks at within half a second, twelve megapixels decoded, with room to spare.
MAX_CROPS = 16
GRID = 8
# Rows that are read to tell how much there is to see at a place.
ROW_STEP = 4

Pixels = npt.NDArray[np.uint8]
Position = tuple[int, int]


def positions(pixels: Pixels) -> list[Position]:
    """Return (left, top) of the crops of a picture uint8 (h, w, 3), row by row.

    Together they cover the picture, but for less than 8 pixels at the right and the lower edge.
    Where that takes more than `MAX_CROPS`, the picture is divided into so many parts at most and
    the place with the most texture is taken in each: a plain sky tells little, and one corner is
    not the picture.
    """
    height, width = pixels.shape[:2]
    lefts, tops = _starts(width), _starts(height)
    if len(lefts) * len(tops) <= MAX_CROPS:
        return [(int(left), int(top)) for top in tops for left in lefts]
    columns, rows = _parts(len(lefts), len(tops))
    chosen: list[Position] = []
    for some_tops in np.array_split(tops, rows):
        texture = _texture(pixels, some_tops)
        for some in np.array_split(np.arange(len(lefts)), columns):
            row, column = np.unravel_index(texture[:, some].argmax(), (len(some_tops), len(some)))
            chosen.append((int(lefts[some[column]]), int(some_tops[row])))
    return chosen


def cut(pixels: Pixels, places: Sequence[Position]) -> Pixels:
    """Return the crops (n, SIDE, SIDE, 3) of a picture; what it lacks is its own mirror image."""
    height, width = pixels.shape[:2]
    below, beside = max(0, SIDE - height), max(0, SIDE - width)
    if below or beside:
        pixels = np.pad(pixels, ((0, below), (0, beside), (0, 0)), "symmetric")
    crops = np.empty((len(places), SIDE, SIDE, 3), np.uint8)
    for crop, (left, top) in zip(crops, places, strict=True):
        crop[:] = pixels[top : top + SIDE, left : left + SIDE]
    return crops


def _starts(side: int) -> npt.NDArray[np.intp]:
    """Return where crops begin along a side: evenly spread, as few as cover it."""
    last = max(0, side - SIDE) // GRID * GRID
    count = -(-last // SIDE) + 1
    return np.linspace(0, last, count).astype(np.intp) // GRID * GRID


def _parts(columns: int, rows: int) -> tuple[int, int]:
    """Return the most columns and rows of parts of about the places' own proportions."""
    fitting = (
        (across, down)
        for across in range(1, min(columns, MAX_CROPS) + 1)
        if (down := min(rows, MAX_CROPS // across))
    )
    return max(
        fitting, key=lambda parts: (min(parts[0] / columns, parts[1] / rows), parts[0] * parts[1])
    )


def _texture(pixels: Pixels, tops: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Return the mean difference of neighbours at each place (tops, lefts) of these rows."""
    lefts = _starts(pixels.shape[1])
    found = np.empty((len(tops), len(lefts)))
    for row, top in zip(found, tops, strict=True):
        green = pixels[top : top + SIDE : ROW_STEP, :, 1]
        sums = cv2.absdiff(green[:, 1:], green[:, :-1]).sum(0, dtype=np.int64).cumsum()
        row[:] = sums[lefts + SIDE - 2] - sums[lefts]
    return found
