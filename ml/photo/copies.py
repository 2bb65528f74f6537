"""Which pictures are copies of one another: saved again, scaled or with a narrow border cut off.

A picture's shape is 255 bits: of each of the slowest waves of its grey, but the mean, whether it is
positive. The portal groups thumbnails by 64 such bits; photographs have more to tell them apart by,
and a cut border moves more of them.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dctn

__all__ = ["NEAR", "SAME", "Shape", "cells_of", "groups_of", "is_same", "near_pairs", "shape_of"]

# Measured on 715 pictures of three sites: the same one as JPEG of quality 60 or scaled by 0.9
# differs in at most 10 bits, with 2 % cut off from each side in 33 at the median and 51 in 19 of 20
# cases; of all pairs of different pictures the nearest differ in 62.
NEAR = 54
SAME = 16

_SIDE = 64
_WAVES = 16
# Grey levels; what varies less has no shape, and is like no other picture. Night pictures vary by 1
# to 4: saved again at quality 50 they differ in 22 bits at the median and 53 at most, and from one
# another in 97 at least.
_FAINTEST = 0.5
_CELLS = 16
_SAME_GREY = 12  # levels that no part of the same picture saved again goes beyond
_BLOCK = 512

Shape = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


def shape_of(image: Image.Image) -> Shape:
    """Return the 255 bits of an upright picture; all false where it has no shape."""
    grey = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    pixels = np.asarray(grey, np.float32)
    if pixels.std() < _FAINTEST:
        return np.zeros(_WAVES * _WAVES - 1, np.bool_)
    waves = dctn(pixels, norm="ortho")[:_WAVES, :_WAVES].ravel()[1:]
    return np.asarray(waves > 0)


def near_pairs(shapes: npt.NDArray[np.bool_], bits: int = NEAR) -> npt.NDArray[np.intp]:
    """Return the pairs of pictures (pairs, 2) whose shapes (n, 255) differ in at most `bits`."""
    signs = np.where(shapes, 1.0, -1.0).astype(np.float32)
    signs[~shapes.any(axis=1)] = 0.0  # half of all bits away from everybody
    found = []
    for start in range(0, len(signs), _BLOCK):
        distance = (shapes.shape[1] - signs[start : start + _BLOCK] @ signs.T) / 2
        left, right = np.nonzero(distance <= bits)
        keep = left + start < right
        found.append(np.stack([left[keep] + start, right[keep]], axis=1))
    return np.concatenate(found) if found else np.empty((0, 2), np.intp)


def groups_of(count: int, pairs: npt.NDArray[np.intp]) -> Places:
    """Return a number for each of `count` pictures; whoever is linked by pairs shares one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.intp)


def cells_of(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the mean grey of 16 x 16 parts of a picture, (256,)."""
    grey = image.convert("L").resize((_CELLS, _CELLS), Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(grey, np.uint8).ravel()


def is_same(
    shapes: npt.NDArray[np.bool_], cells: npt.NDArray[np.uint8], pairs: npt.NDArray[np.intp]
) -> npt.NDArray[np.bool_]:
    """Tell which pairs are one picture saved twice, and not one that was changed in a place.

    Args:
        shapes, cells: (n, 255) and (n, 256).
        pairs: (pairs, 2), as `near_pairs` returns them.
    """
    left, right = pairs.T
    bits = (shapes[left] != shapes[right]).sum(axis=1)
    apart = np.abs(cells[left].astype(np.int16) - cells[right]).max(axis=1)
    return np.asarray((bits <= SAME) & (apart <= _SAME_GREY))
