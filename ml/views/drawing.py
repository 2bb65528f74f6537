"""Draws all views of a file from one decoding."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import process_time
from typing import TypeVar

import cv2
from PIL import Image

from ml.recompression import Recompression, look_for_recompression
from ml.views.errorlevels import error_levels
from ml.views.gradient import gradient
from ml.views.noise import noise
from ml.views.reading import Pixels, Source, read
from ml.views.spectrum import spectrum

__all__ = ["LONGEST_SIDE", "NAMES", "Views", "draw"]

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


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """What was drawn of one file.

    Attributes:
        pictures: Name, one of `NAMES` -> WebP, at most `LONGEST_SIDE` pixels a side.
        recompression: Whether it was compressed before; `None` where that cannot be asked.
        seconds: Of the processor, for each part: `read`, each of `NAMES`, `recompression`.
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
    found = timed("recompression", lambda: _recompression(source))
    return Views(pictures, found, seconds)


def _recompression(source: Source) -> Recompression | None:
    return None if source.table is None else look_for_recompression(source.luma, source.table)


def _painted(paint: Callable[[Source], Pixels], source: Source) -> bytes:
    return _webp(paint(source))


def _webp(pixels: Pixels) -> bytes:
    """Encode without loss where every pixel is looked at, small elsewhere."""
    buffer = io.BytesIO()
    is_exact = max(pixels.shape) <= EXACT_SIDE
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=is_exact, quality=60, method=1)
    return buffer.getvalue()
