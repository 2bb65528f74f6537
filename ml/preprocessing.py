"""The one road from an image file to the network's pixels, for training and for serving alike."""

import io
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image, JpegImagePlugin, UnidentifiedImageError

from ml.contract import Preprocessing
from ml.errors import ImageReadError

__all__ = [
    "ImageReadError",
    "guarded",
    "has_jpeg_form",
    "open_upright",
    "prepare",
    "prepare_upright",
    "turn_upright",
]

MAX_PIXELS = 50_000_000
BAND = 64  # rows
SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
ORIENTATION_TAG = 0x0112
# Named, because Pillow would also hand PostScript to an interpreter and knows formats that nobody
# needs and attackers like.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "HEIF")

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's decoders answer damage with, depending on which part of their parser ran into it.
DECODER_ERRORS = (
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)

pillow_heif.register_heif_opener()

Pixels = npt.NDArray[np.uint8]
R = TypeVar("R")


def prepare(
    source: Path | str | bytes, form: Preprocessing, *, max_pixels: int = MAX_PIXELS
) -> Pixels:
    """Return an image file as the network's input.

    Args:
        source: A path or the bytes of a file in any format that Pillow or HEIF reads; of an
            animation the first frame is taken.
        form: Size and file form of the network's training data.
        max_pixels: Larger images are refused before their pixels are decoded.

    Returns:
        RGB pixels, uint8 (form.height, form.width, 3), in [0, 255].

    Raises:
        ImageReadError: `missing_file`, `empty_file`, `not_an_image`, `too_many_pixels` or
            `damaged_image`.
    """
    return guarded(source, max_pixels, lambda image: _formed(image, form))


def open_upright(source: Path | str | bytes, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Return an image file as it is meant to be seen: upright, RGB, transparency on white.

    Raises:
        ImageReadError: As `prepare`.
    """
    return guarded(source, max_pixels, to_upright_rgb)


def prepare_upright(image: Image.Image, form: Preprocessing) -> Pixels:
    """Return an upright RGB image, or what was cut out of one, as the network's input."""
    if image.size != (form.width, form.height):
        resample = Image.Resampling[form.resample.upper()]
        image = image.resize((form.width, form.height), resample)
    return np.asarray(_as_jpeg(image, form), np.uint8)


def has_jpeg_form(image: Image.Image, form: Preprocessing) -> bool:
    """Tell whether an opened file already is what the training files are, to the last table."""
    return (
        form.jpeg_quality is not None
        and image.format == "JPEG"
        and image.mode == "RGB"
        and image.size == (form.width, form.height)
        and turn_upright(image) is None
        and JpegImagePlugin.get_sampling(image) == SUBSAMPLING[form.jpeg_subsampling]
        and _tables(image) == _reference_tables(form.jpeg_quality)
    )


def to_upright_rgb(image: Image.Image) -> Image.Image:
    """Turn the image upright as its EXIF says and bring any pixel mode to RGB."""
    image.load()  # before its EXIF is looked at: TIFF turns itself upright on loading
    turn = turn_upright(image)
    if turn is not None:
        image = image.transpose(turn)
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_eight_bits(image)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image.convert("RGB")


def guarded(source: Path | str | bytes, max_pixels: int, use: Callable[[Image.Image], R]) -> R:
    """Open `source`, hand it over before its pixels are decoded, and return what `use` returns.

    Raises:
        ImageReadError: As `prepare`; every way a decoder can fail becomes one.
    """
    content = source if isinstance(source, bytes) else _read(Path(source))
    if not content:
        raise ImageReadError("empty_file", "The file is empty.")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise _too_large(image.width, image.height, max_pixels)
            return use(image)
    except Image.DecompressionBombError:
        raise ImageReadError(
            "too_many_pixels", f"The image has more than the {max_pixels:,} pixels allowed."
        ) from None
    except UnidentifiedImageError:
        raise ImageReadError(
            "not_an_image", "The file is not an image in a format that can be read."
        ) from None
    except DECODER_ERRORS as error:
        raise ImageReadError("damaged_image", f"The image is damaged: {error}.") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ImageReadError("missing_file", f"The file {path} does not exist.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageReadError("unreadable_file", f"{path} cannot be read: {reason}.") from error


def _too_large(width: int, height: int, max_pixels: int) -> ImageReadError:
    return ImageReadError(
        "too_many_pixels",
        f"The image has {width:,} x {height:,} pixels; at most {max_pixels:,} are allowed.",
    )


def _formed(image: Image.Image, form: Preprocessing) -> Pixels:
    if has_jpeg_form(image, form):
        return np.asarray(image, np.uint8)
    return prepare_upright(to_upright_rgb(image), form)


def _as_jpeg(image: Image.Image, form: Preprocessing) -> Image.Image:
    if form.jpeg_quality is None:
        return image
    buffer = io.BytesIO()
    image.save(
        buffer, "JPEG", quality=form.jpeg_quality, subsampling=SUBSAMPLING[form.jpeg_subsampling]
    )
    return Image.open(buffer)


def turn_upright(image: Image.Image) -> Image.Transpose | None:
    """Return how to turn an image upright; damaged metadata is no reason to refuse its pixels."""
    try:
        return UPRIGHT.get(image.getexif().get(ORIENTATION_TAG, 1))
    except DECODER_ERRORS:
        return None


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Bring 16-bit, 32-bit and floating-point greys to 8 bits; Pillow would clip them to white."""
    most = max(float(rows.max()) for rows in _bands(image))
    factor = 1.0
    if image.mode == "F" and most <= 1.0:
        factor = 255.0
    elif image.mode.startswith("I;16") or most > 255.0:
        factor = 255.0 / 65535.0
    bands = [np.clip(np.rint(rows * factor), 0, 255).astype(np.uint8) for rows in _bands(image)]
    return Image.fromarray(np.concatenate(bands), "L")


def _bands(image: Image.Image) -> Iterator[npt.NDArray[np.float64]]:
    """Yield the values of some rows at a time; all at once they take eight times the memory."""
    for top in range(0, image.height, BAND):
        rows = image.crop((0, top, image.width, min(top + BAND, image.height)))
        yield np.nan_to_num(np.asarray(rows, np.float64))


def _tables(image: Image.Image) -> dict[int, list[int]]:
    return getattr(image, "quantization", {})


@lru_cache
def _reference_tables(quality: int) -> dict[int, list[int]]:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        return _tables(image)
