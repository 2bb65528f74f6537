"""Draws all views of a file from one decoding."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import process_time
from typing import Any, TypeVar

import cv2
from PIL import Image

from ml.recompression import Recompression, look_for_recompression
from ml.views.errorlevels import error_levels
from ml.views.gradient import gradient
from ml.views.noise import noise
from ml.views.reading import Pixels, Source, read
from ml.views.spectrum import spectrum

__all__ = ["FULL", "LONGEST_SIDE", "NAMES", "Views", "draw"]

R = TypeVar("R")

# One view after the other: a worker has one core.
cv2.setNumThreads(1)

LONGEST_SIDE = 1280
# Up to this side every pixel is looked at, so none may be lost.
EXACT_SIDE = 128

PAINTERS: Mapping[str, Callable[[Source], Pixels]] = {
    "error_levels": lambda source: source.upright(error_levels(source.rgb, LONGEST_SIDE)),
    "noise": lambda source: source.upright(noise(source.luma, LONGEST_SIDE)),
    "spectrum": lambda source: spectrum(source.upright(source.luma)),
    "gradient": lambda source: gradient(source.upright(source.luma), LONGEST_SIDE),
}
NAMES = tuple(PAINTERS)
# The picture itself, for looking closer at those that are larger than a view.
FULL = "full"
MOST_PIXELS = 16_000_000  # half a second of work, 1 to 5 MB
MOST_SIDE = 16_383  # of a WebP


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """What was drawn of one file.

    Attributes:
        pictures: Name, one of `NAMES` -> WebP, at most `LONGEST_SIDE` pixels a side. Where the
            image is larger than that, `FULL` too: the image itself, with its own pixels as far
            as `MOST_PIXELS` and `MOST_SIDE` allow.
        recompression: Whether it was compressed before; `None` where that cannot be asked.
        seconds: Of the processor, for each part: `read`, each of the pictures, `recompression`.
    """

    pictures: Mapping[str, bytes]
    recompression: Recompression | None
    seconds: Mapping[str, float]


def draw(content: bytes, *, max_pixels: int) -> Views:
    """Read a file once and draw every view of it, on its own pixels, then shrunken.

    Args:
        content: Of a file in any format that can be read.
        max_pixels: Larger images are refused before their pixels are decoded.

    Raises:
        ImageReadError: As `ml.preprocessing.open_upright`.
    """
    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], R]) -> R:
        began = process_time()
        result = work()
        seconds[name] = process_time() - began
        return result

    source = timed("read", lambda: read(content, max_pixels=max_pixels))
    pictures = {
        name: timed(name, partial(_painted, paint, source)) for name, paint in PAINTERS.items()
    }
    if max(source.rgb.shape) > LONGEST_SIDE:
        pictures[FULL] = timed(FULL, lambda: _full(source))
    found = timed("recompression", lambda: _recompression(source))
    return Views(pictures, found, seconds)


def _recompression(source: Source) -> Recompression | None:
    return None if source.table is None else look_for_recompression(source.luma, source.table)


def _painted(paint: Callable[[Source], Pixels], source: Source) -> bytes:
    return _webp(paint(source))


def _full(source: Source) -> bytes:
    height, width = source.rgb.shape[:2]
    scale = min(1.0, (MOST_PIXELS / (width * height)) ** 0.5, MOST_SIDE / max(width, height))
    pixels: Any = source.rgb
    if scale < 1:
        size = max(1, int(width * scale)), max(1, int(height * scale))
        pixels = cv2.resize(source.rgb, size, interpolation=cv2.INTER_AREA)
    return _webp(source.upright(pixels), quality=90)


def _webp(pixels: Pixels, *, quality: int = 60) -> bytes:
    """Encode without loss where every pixel is looked at, small elsewhere."""
    buffer = io.BytesIO()
    is_exact = max(pixels.shape) <= EXACT_SIDE
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=is_exact, quality=quality, method=1)
    return buffer.getvalue()
