"""Words of a web page or a program in an image's file, and the texts that may mention them."""

import re
import struct
import zlib
from typing import BinaryIO

__all__ = ["FOREIGN_MARK", "LONGEST_MARK", "Span", "texts_of"]

# A file may be an image to a decoder and a page or program to a browser or server. With the
# character that must follow them, chance puts one of these into the compressed pixels of one 20 MB
# file in 50,000; five letters alone would be in one of 1,400.
FOREIGN_MARK = re.compile(
    rb"<(?:(?:script|html|iframe|body)[\s/>]|!doctype html|\?php\s)", re.IGNORECASE
)
LONGEST_MARK = len(b"<!doctype html")

# Where a text begins in the file, and where it has ended, in bytes.
Span = tuple[int, int]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")
JPEG_TEXTS = {
    0xE1: (b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"),
    0xED: (b"Photoshop 3.0\0",),
    0xFE: (b"",),
}
MAX_BLOCKS = 100_000
MAX_TEXTS = 500
BLANK = b" \t\r\n\0"


def texts_of(stream: BinaryIO) -> list[Span]:
    """Return where the texts stand that tell of a PNG or JPEG, such as a prompt or EXIF.

    A person may ask a generator for "a screen full of <script> tags", and it writes that down. So
    what stands there is not searched, unless the text begins with a mark: that is no longer a text
    which mentions a page, but a page. Nothing is left out where the chain of blocks does not hold
    up to the picture (JPEG) or the file's end (PNG).

    Args:
        stream: Seekable; left at an unspecified place. Only headers and these texts are read.
    """
    stream.seek(0)
    head = stream.read(len(PNG_SIGNATURE))
    if head == PNG_SIGNATURE:
        return _of_png(stream)
    return _of_jpeg(stream) if head[:2] == b"\xff\xd8" else []


def _of_png(stream: BinaryIO) -> list[Span]:
    found: list[Span] = []
    at = len(PNG_SIGNATURE)
    for _ in range(MAX_BLOCKS):
        stream.seek(at)
        head = stream.read(8)
        if len(head) < 8:
            return []
        length, kind = struct.unpack(">I4s", head)
        start, end = at + 8, at + 8 + length
        if kind == b"IEND":
            return found
        if kind in PNG_TEXTS and len(found) < MAX_TEXTS:
            body, checksum = stream.read(length), stream.read(4)
            is_whole = zlib.crc32(body, zlib.crc32(kind)).to_bytes(4, "big") == checksum
            key, _, text = body.partition(b"\0")
            # In EXIF there is no key; its first bytes are no page either.
            if is_whole and len(key) <= 79 and not _is_page(key) and not _is_page(text):
                found.append((start, end))
        at = end + 4
    return []


def _of_jpeg(stream: BinaryIO) -> list[Span]:
    found: list[Span] = []
    at = 2
    for _ in range(MAX_BLOCKS):
        stream.seek(at)
        head = stream.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            return []
        marker, length = struct.unpack(">xBH", head)
        if marker == 0xDA:  # the picture begins
            return found
        if marker in JPEG_TEXTS and length >= 2 and len(found) < MAX_TEXTS:
            body = stream.read(length - 2)
            name = next((name for name in JPEG_TEXTS[marker] if body.startswith(name)), None)
            if name is not None and not _is_page(body[len(name) :]):
                found.append((at + 4, at + 2 + length))
        at += 2 + length
    return []


def _is_page(text: bytes) -> bool:
    return FOREIGN_MARK.match(text.lstrip(BLANK)) is not None
