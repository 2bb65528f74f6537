"""PNG: its chunks up to the end of the image; what stands behind that is no part of it."""

import struct
import zlib
from collections.abc import Callable, Iterator

from detection.provenance.containers.embedded import Embedded
from detection.provenance.reading import (
    MAX_TEXT,
    PARSER_ERRORS,
    Damage,
    decoded,
    shown,
    unpacked,
    why,
)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 100_000  # 1 GB in chunks of the usual 8 kB
MAX_READ = 200  # chunks of the kinds below
MAX_PROFILE = 4 << 20

_XMP_KEY = "XML:com.adobe.xmp"
_NAMES = {b"eXIf": "EXIF", b"iCCP": "Colour profile", b"pHYs": "Pixel density"}
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")


def read(content: bytes, found: Embedded) -> None:
    """Collect the blocks of a PNG file.

    Raises:
        Damage: The chain of chunks breaks; what stood before is kept.
    """
    read_chunks = 0
    for kind, body, is_whole in _chunks(content):
        if kind == b"caBX":
            found.has_credentials = True
        reader = _READERS.get(kind)
        if reader is None:
            continue
        read_chunks += 1
        if read_chunks > MAX_READ:
            found.note("Further text", "the file carries too much of it")
            continue
        source = _source(kind, body)
        if not is_whole:
            found.note(source, "its checksum is wrong")
            continue
        try:
            reader(body, source, found)
        except PARSER_ERRORS as error:
            found.note(source, why(error))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Yield kind, content and soundness of each chunk that we read; a long one cut to a rest."""
    if not content.startswith(SIGNATURE):
        raise Damage("the file does not begin like a PNG")
    at, size = len(SIGNATURE), len(content)
    for _ in range(MAX_CHUNKS):
        if at + 12 > size:
            raise Damage("the file ends before its last chunk")
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 8 + length
        if end + 4 > size:
            raise Damage("a chunk is longer than the file")
        if kind == b"IEND":
            return
        if kind in _READERS or kind == b"caBX":
            # One byte more than anybody reads shows that it is too long.
            body = content[at + 8 : min(end, at + 8 + MAX_PROFILE + 1)]
            is_cut = len(body) < length
            (checksum,) = struct.unpack_from(">I", content, end)
            yield kind, body, is_cut or zlib.crc32(body, zlib.crc32(kind)) == checksum
        at = end + 4
    raise Damage("it has too many chunks")


def _source(kind: bytes, body: bytes) -> str:
    if kind in _TEXTS:
        key, _, _ = body[:79].partition(b"\0")
        return f"PNG text chunk “{shown(decoded(key), 60)}”"
    return _NAMES[kind]


def _key(body: bytes) -> tuple[str, bytes]:
    key, is_ended, rest = body.partition(b"\0")
    if not is_ended or not 1 <= len(key) <= 79:
        raise Damage("it has no name")
    return decoded(key), rest


def _keep(found: Embedded, source: str, key: str, raw: bytes) -> None:
    if len(raw) > MAX_TEXT:
        raise Damage(f"it holds more than {MAX_TEXT >> 20} MB of text")
    if key == _XMP_KEY:
        found.add_xmp(raw)
    else:
        found.add_text(source, key, decoded(raw))


def _plain_text(body: bytes, source: str, found: Embedded) -> None:
    _keep(found, source, *_key(body))


def _packed_text(body: bytes, source: str, found: Embedded) -> None:
    key, rest = _key(body)
    _keep(found, source, key, unpacked(rest[1:]))


def _international_text(body: bytes, source: str, found: Embedded) -> None:
    """Read key, packed or not, method, language, translated key, text."""
    key, rest = _key(body)
    parts = rest[2:].split(b"\0", 2)
    if len(parts) < 3:
        raise Damage("it is cut off")
    _keep(found, source, key, unpacked(parts[2]) if rest[0] else parts[2])


def _exif(body: bytes, source: str, found: Embedded) -> None:
    if len(body) > MAX_TEXT:
        raise Damage(f"it holds more than {MAX_TEXT >> 20} MB")
    found.exif = found.exif or body.removeprefix(b"Exif\0\0")


def _profile(body: bytes, source: str, found: Embedded) -> None:
    _, rest = _key(body)
    found.profile = unpacked(rest[1:], MAX_PROFILE)


def _density(body: bytes, source: str, found: Embedded) -> None:
    across, _, unit = struct.unpack(">IIB", body)
    found.pixels_per_metre = across if unit == 1 else 0


_READERS: dict[bytes, Callable[[bytes, str, Embedded], None]] = {
    b"tEXt": _plain_text,
    b"zTXt": _packed_text,
    b"iTXt": _international_text,
    b"eXIf": _exif,
    b"iCCP": _profile,
    b"pHYs": _density,
}
