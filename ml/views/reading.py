"""Reads and decodes a file once, on the grid on which it was compressed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.preprocessing import guarded, to_upright_rgb, turn_upright

__all__ = ["Pixels", "Source", "read"]

JPEG_FORMATS = ("JPEG", "MPO")
# Components of a JPEG that holds red, green and blue as they are; the decoder cannot give luma.
RGB_COMPONENTS = [ord("R"), ord("G"), ord("B")]

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A decoded picture, not yet turned upright: turning moves JPEG's grid.

    Attributes:
        rgb: uint8 (h, w, 3).
        luma: Brightness, uint8 (h, w); of a JPEG as it was compressed, without a detour by RGB.
        turn: Brings it upright; `None` where it stands.
        table: The 64 steps by which the luma of a JPEG was compressed, row by row; `None`
            where the file is none, or its luma is not at hand.
    """

    rgb: Pixels
    luma: Pixels
    turn: Image.Transpose | None
    table: Sequence[int] | None

    def upright(self, plane: Pixels) -> Pixels:
        """Return pixels (h, w) or (h, w, 3) as they are meant to be seen."""
        if self.turn is None:
            return plane
        return np.asarray(Image.fromarray(plane).transpose(self.turn))


def read(content: bytes, *, max_pixels: int) -> Source:
    """Decode a file of any format that can be read; of an animation the first frame.

    Raises:
        ImageReadError: As `ml.preprocessing.open_upright`.
    """
    return guarded(content, max_pixels, _source)


def _source(image: Image.Image) -> Source:
    if image.format not in JPEG_FORMATS:
        rgb = np.asarray(to_upright_rgb(image))
        return Source(rgb, _luma(rgb), None, None)
    if image.mode == "RGB" and not _holds_rgb(image):
        image.draft("YCbCr", None)
    image.load()
    turn = turn_upright(image)
    rgb = np.asarray(image.convert("RGB"))
    if image.mode not in ("YCbCr", "L"):
        return Source(rgb, _luma(rgb), turn, None)
    return Source(rgb, np.asarray(image.getchannel(0)), turn, _luma_table(image))


def _luma(rgb: Pixels) -> Pixels:
    luma: Any = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return luma


def _holds_rgb(image: Image.Image) -> bool:
    components = [component[0] for component in getattr(image, "layer", [])]
    return components == RGB_COMPONENTS or image.info.get("adobe_transform") == 0


def _luma_table(image: Image.Image) -> Sequence[int] | None:
    """Return the table of the first component, row by row."""
    (_, _, _, number), *_ = image.layer  # type: ignore[attr-defined] # of JpegImageFile
    tables: dict[int, list[int]] = image.quantization  # type: ignore[attr-defined]
    return tables.get(number)
