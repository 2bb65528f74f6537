"""Faces in a photograph: where they are, and the square cut around each that the network judges."""

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ml.contract import FaceBox
from ml.quiet import import_tensorflow

if TYPE_CHECKING:
    from mtcnn import MTCNN

__all__ = ["LEAST_SIDE", "MOST_FACES", "cut", "find_faces", "may_hold_face", "warm_up"]

# Shorter faces have too few pixels to tell anything by.
LEAST_SIDE = 40
MOST_FACES = 12
# MTCNN's own 0.8 lets patterns pass that are no faces.
LEAST_CONFIDENCE = 0.9
# Of the face's longer side, added on each of the four sides: hair, ears and edges betray more than
# the middle does.
MARGIN = 0.1

# MTCNN looks for faces of 20 pixels and up: at half size these are those of LEAST_SIDE. Above the
# largest side it would take seconds and find nothing but smaller faces.
SEARCH_SCALE = 0.5
SEARCH_SIDE = 640
# The first of its three networks looks at windows of this many pixels.
SEARCH_LEAST = 12

Found = dict[str, Any]


def may_hold_face(width: int, height: int) -> bool:
    """Tell whether a face of useful size fits into an image of this size in pixels."""
    return min(width, height) >= LEAST_SIDE


def find_faces(image: Image.Image) -> tuple[FaceBox, ...]:
    """Find the faces that are large enough to be judged.

    MTCNN (Zhang et al. 2016, arXiv 1604.02878) looks at the image at half size, at most 640
    pixels on the longer side, so that memory and time are bounded: a face has to be 40 pixels
    wide and high, and about 1/32 of the longer side.

    Args:
        image: Upright RGB.

    Returns:
        Squares around the faces, margin included, inside the image, from left to right; of more
        than `MOST_FACES` the surest ones. Empty where there is none.
    """
    if not may_hold_face(*image.size):
        return ()
    scale = min(SEARCH_SCALE, SEARCH_SIDE / max(image.size))
    size = round(image.width * scale), round(image.height * scale)
    if min(size) < SEARCH_LEAST:
        return ()
    small = image.resize(size, Image.Resampling.BOX)
    found = _mtcnn().detect_faces(np.asarray(small))
    useful = [face for face in found if _is_useful(face, scale)]
    surest = sorted(useful, key=lambda face: -float(face["confidence"]))[:MOST_FACES]
    boxes = [_squared(face, scale, image.size) for face in surest]
    return tuple(sorted(boxes, key=lambda box: (box.left, box.top)))


def cut(image: Image.Image, box: FaceBox) -> Image.Image:
    """Return the face's square of the image, in its own pixels."""
    return image.crop((box.left, box.top, box.left + box.width, box.top + box.height))


def warm_up() -> None:
    """Load MTCNN and run it once, so that the first image does not pay for it."""
    find_faces(Image.new("RGB", (4 * LEAST_SIDE, 4 * LEAST_SIDE), "grey"))


@cache
def _mtcnn() -> "MTCNN":
    """Load the three networks, whose weights lie in their package."""
    import_tensorflow()
    from mtcnn import MTCNN

    return MTCNN()


def _is_useful(face: Found, scale: float) -> bool:
    _, _, width, height = face["box"]
    return face["confidence"] >= LEAST_CONFIDENCE and min(width, height) >= LEAST_SIDE * scale


def _squared(face: Found, scale: float, size: tuple[int, int]) -> FaceBox:
    """Return the square around a found face, moved into the image and no larger than it."""
    left, top, width, height = (float(value) / scale for value in face["box"])
    side = min(round(max(width, height) * (1 + 2 * MARGIN)), *size)
    corner = [
        min(max(round(start + extent / 2 - side / 2), 0), limit - side)
        for start, extent, limit in ((left, width, size[0]), (top, height, size[1]))
    ]
    return FaceBox(corner[0], corner[1], side, side, float(face["confidence"]))
