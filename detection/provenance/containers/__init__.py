"""Takes a file apart into its blocks, by the rules of its format and within hard bounds."""

from collections.abc import Callable

from detection.provenance.containers import gif, heif, jpeg, png, webp
from detection.provenance.containers.embedded import Embedded, Jpeg
from detection.provenance.reading import PARSER_ERRORS, why

__all__ = ["Embedded", "Jpeg", "take_apart"]


def _whole_file(content: bytes, found: Embedded) -> None:
    """A TIFF file is what EXIF is: a chain of directories."""
    found.exif = content


_READERS: dict[str, Callable[[bytes, Embedded], None]] = {
    "JPEG": jpeg.read,
    "PNG": png.read,
    "WebP": webp.read,
    "GIF": gif.read,
    "HEIC": heif.read,
    "AVIF": heif.read,
    "TIFF": _whole_file,
}


def take_apart(content: bytes, format: str) -> Embedded:  # noqa: A002
    """Return the blocks of a file; what breaks its rules is noted and all before it kept.

    Args:
        format: One of `image_files.FORMATS`; a BMP carries nothing.
    """
    found = Embedded()
    reader = _READERS.get(format)
    if reader is not None:
        try:
            reader(content, found)
        except PARSER_ERRORS as error:
            found.note(f"The rest of the {format} file", why(error))
    return found
