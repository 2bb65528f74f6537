"""A hostile file and what the portal may answer to it."""

import struct
import zlib
from dataclasses import dataclass
from functools import cache

from tests import images

TAKEN = "taken"
# A decoder that is stopped for its time or its memory says so by a code of its own.
STOPPED = {"decoding_too_slow", "undecodable", "too_many_pixels"}
NO_IMAGE = frozenset({"unsupported_format"})
DAMAGED = frozenset({"damaged_image"})
BROKEN = DAMAGED | NO_IMAGE
HUGE = frozenset({"too_many_pixels"})
DISGUISED = frozenset({"disguised_document"})
# Whatever the decoder makes of it: the file is odd, and both answers are right.
EITHER = BROKEN | STOPPED | {TAKEN}
HEAVY = BROKEN | STOPPED
SOUND = frozenset({TAKEN})


@dataclass(frozen=True, slots=True)
class Case:
    """A file with the name that it is handed in by, and the codes that are right answers to it."""

    content: bytes
    codes: frozenset[str]
    file_name: str = "image.jpg"


Cases = dict[str, Case]


def case(content: bytes, codes: frozenset[str] | set[str], file_name: str = "image.jpg") -> Case:
    """Return a case, whatever kind of set tells its codes."""
    return Case(content, frozenset(codes), file_name)


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of ISO's file format, as HEIC, AVIF, JPEG 2000 and JUMBF have them."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def png(width: int, height: int, rows: bytes, *, kind: tuple[int, ...] = (8, 2, 0, 0, 0)) -> bytes:
    """A PNG of this header with these rows, packed; `kind` is depth, colour and three methods."""
    header = struct.pack(">IIBBBBB", width, height, *kind)
    return png_of((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)))


def png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks and its end."""
    return images.PNG_SIGNATURE + b"".join(
        images.png_chunk(*chunk) for chunk in (*chunks, (b"IEND", b""))
    )


@cache
def zeros(size: int) -> bytes:
    """A zlib stream of that many zeros, made without holding them."""
    packer = zlib.compressobj(9)
    piece = bytes(1 << 20)
    parts = [packer.compress(piece) for _ in range(size >> 20)]
    return b"".join(parts) + packer.flush()
