"""WebP: the chunks of its RIFF envelope."""

import struct

from detection.provenance.containers.embedded import Embedded
from detection.provenance.reading import MAX_TEXT, Damage

MAX_CHUNKS = 100_000
_NAMES = {b"EXIF": "EXIF", b"XMP ": "XMP", b"ICCP": "Colour profile"}


def read(content: bytes, found: Embedded) -> None:
    """Collect the blocks of a WebP file.

    Raises:
        Damage: The chain of chunks breaks; what stood before is kept.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        raise Damage("the file does not begin like a WebP")
    end = min(len(content), 8 + struct.unpack_from("<I", content, 4)[0])
    at = 12
    for _ in range(MAX_CHUNKS):
        if at + 8 > end:
            return
        kind, length = struct.unpack_from("<4sI", content, at)
        if at + 8 + length > end:
            raise Damage("a chunk is longer than the file")
        if kind == b"C2PA":
            found.has_credentials = True
        elif kind in _NAMES and length > MAX_TEXT:
            found.note(_NAMES[kind], f"it holds more than {MAX_TEXT >> 20} MB")
        elif kind in _NAMES:
            _keep(kind, content[at + 8 : at + 8 + length], found)
        at += 8 + length + length % 2
    raise Damage("it has too many chunks")


def _keep(kind: bytes, body: bytes, found: Embedded) -> None:
    if kind == b"EXIF":
        found.exif = found.exif or body.removeprefix(b"Exif\0\0")
    elif kind == b"XMP ":
        found.add_xmp(body)
    else:
        found.profile = body
