"""Is this file a safe image? Decided by decoding it, never by its name."""

import hashlib
import struct
import unicodedata
import zlib
from dataclasses import dataclass
from math import ceil
from typing import BinaryIO

import pillow_heif
from PIL import ExifTags, Image, UnidentifiedImageError

from detection.foreign_marks import FOREIGN_MARK, LONGEST_MARK, Span, texts_of

pillow_heif.register_heif_opener()

# What Pillow may try, by its own names; every other decoder stays shut. MPO comes with JPEG.
DECODERS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "HEIF")
# MPO is what phones write: a JPEG with further pictures behind the first.
NAMES = {"MPO": "JPEG", "WEBP": "WebP", "HEIF": "HEIC"}
FORMATS = ("JPEG", "PNG", "WebP", "AVIF", "GIF", "TIFF", "BMP", "HEIC")
CONTENT_TYPES = {name: f"image/{name.lower()}" for name in FORMATS}
EXTENSIONS = (
    *(".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif"),
    *(".tif", ".tiff", ".bmp", ".heic", ".heif"),
)

# Markup that stands where an image should begin.
MARKUP_STARTS = (b"<svg", b"<?xml", b"<!doctype", b"<html", b"<script", b"<!--")

# Pillow's decoders answer damage with whichever of these their parser ran into.
DAMAGE = (
    *(OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, RuntimeError),
    *(OverflowError, ZeroDivisionError, AttributeError, struct.error, zlib.error),
)
SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
# Unicode's categories of characters that show nothing or break lines.
INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
CHUNK = 1 << 20
MAX_NAME = 200


class ImageRejected(Exception):
    """The file is not taken in; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may be at most, in bytes and in pixels."""

    max_bytes: int
    max_pixels: int


@dataclass(frozen=True, slots=True)
class InspectedImage:
    """What is known of a safe file.

    Attributes:
        format: One of `FORMATS`.
        width, height: In pixels, upright as EXIF says.
        byte_size: Of the file.
        sha256: Of the file, as 64 hexadecimal digits.
        pixels: The first frame, decoded and not yet upright, in the file's own mode. A large JPEG
            is decoded at a fraction of its size, at least `preview_side` on its longer side.
    """

    format: str
    width: int
    height: int
    byte_size: int
    sha256: str
    pixels: Image.Image


def inspect(stream: BinaryIO, limits: Limits, *, preview_side: int = 1280) -> InspectedImage:
    """Decode a file fully once and say what it is.

    Args:
        stream: Seekable; read from its start, left at an unspecified place.
        limits: Larger files and images are refused, the latter before pixels are decoded.
        preview_side: See `InspectedImage.pixels`.

    Raises:
        ImageRejected: `empty_file`, `file_too_large`, `disguised_document`,
            `unsupported_format`, `too_many_pixels` or `damaged_image`.
    """
    byte_size, sha256, is_disguised = _scan(stream, limits.max_bytes)
    if byte_size == 0:
        raise ImageRejected("empty_file", "The file is empty.")
    stream.seek(0)
    head = stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(MARKUP_STARTS):
        raise ImageRejected("unsupported_format", "The file is a document, not a photograph.")
    image = _opened(stream, limits.max_pixels)
    if is_disguised:
        raise ImageRejected(
            "disguised_document", "The file is an image with a web page or program hidden in it."
        )
    width, height = image.size
    _decode(image, preview_side)
    if _is_sideways(image):
        width, height = height, width
    name = NAMES.get(image.format or "", image.format or "")
    return InspectedImage(name, width, height, byte_size, sha256, image)


def display_name(raw: str) -> str:
    """Return a file name fit for showing: no folders, no invisible characters, bounded length.

    Characters that control the direction of text go too: they make "gpj.exe" read as "exe.jpg".
    """
    base = raw.replace("\\", "/").rsplit("/", 1)[-1]
    visible = "".join(c for c in base if unicodedata.category(c) not in INVISIBLE)
    name = visible.strip(" .") or "unnamed"
    if len(name) <= MAX_NAME:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 8:
        return name[: MAX_NAME - 1] + "…"
    return f"{stem[: MAX_NAME - len(extension) - 2]}….{extension}"


def uploaded_name(raw: str) -> str:
    """Return the name of a file from a browser fit for showing, as `display_name` does.

    Browsers write three characters of a name as WHATWG's rules for forms say, and no others; a
    percent sign stays as it is, so a name that has such a code of its own is read wrong.
    """
    return display_name(raw.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n"))


def _scan(stream: BinaryIO, max_bytes: int) -> tuple[int, str, bool]:
    """Return size, hash, and whether there is a foreign mark outside of texts, in one reading."""
    texts = texts_of(stream)
    stream.seek(0)
    digest, size, is_disguised, tail = hashlib.sha256(), 0, False, b""
    while chunk := stream.read(CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise ImageRejected(
                "file_too_large", f"The file is larger than {max_bytes / 1e6:g} MB."
            )
        digest.update(chunk)
        # A mark may lie across two chunks.
        window = tail + _without(texts, chunk, size - len(chunk))
        is_disguised = is_disguised or FOREIGN_MARK.search(window) is not None
        tail = window[1 - LONGEST_MARK :]
    return size, digest.hexdigest(), is_disguised


def _without(texts: list[Span], chunk: bytes, at: int) -> bytes:
    """Return a piece of the file, which begins `at` there, with the texts in it blanked."""
    blanked = bytearray(chunk)
    for start, end in texts:
        first, last = max(start - at, 0), min(end - at, len(chunk))
        if first < last:
            blanked[first:last] = bytes(last - first)
    return bytes(blanked)


def _opened(stream: BinaryIO, max_pixels: int) -> Image.Image:
    stream.seek(0)
    try:
        image = Image.open(stream, formats=DECODERS)
    except Image.DecompressionBombError:
        raise _too_many_pixels(max_pixels) from None
    except UnidentifiedImageError:
        raise ImageRejected(
            "unsupported_format",
            f"The file is not an image that can be read. These can: {', '.join(FORMATS)}.",
        ) from None
    except DAMAGE as error:
        raise _damaged() from error
    if image.width * image.height > max_pixels:
        raise _too_many_pixels(max_pixels)
    return image


def _decode(image: Image.Image, preview_side: int) -> None:
    """Decode the first frame to its end: only that shows whether all of it is there."""
    try:
        if image.format in ("JPEG", "MPO"):
            # The decoder scales by halves while it reads: 50 megapixels give 12 MB at most, not
            # 150. Both sides are told in proportion, as it goes by the shorter one.
            scale = preview_side / max(image.size)
            image.draft(None, (ceil(image.width * scale), ceil(image.height * scale)))
        image.load()
    except MemoryError:
        raise out_of_memory() from None
    except DAMAGE as error:
        raise _damaged() from error


def _is_sideways(image: Image.Image) -> bool:
    try:
        return image.getexif().get(ExifTags.Base.Orientation) in SIDEWAYS
    except DAMAGE:
        return False  # broken EXIF does not make a broken picture


def out_of_memory() -> ImageRejected:
    """Return why an image is refused that does not fit into the memory for it."""
    return ImageRejected("too_many_pixels", "The image needs more memory than there is.")


def _too_many_pixels(max_pixels: int) -> ImageRejected:
    return ImageRejected(
        "too_many_pixels", f"The image has more than {max_pixels / 1e6:g} megapixels."
    )


def _damaged() -> ImageRejected:
    return ImageRejected("damaged_image", "The image is damaged or was cut off on its way.")
