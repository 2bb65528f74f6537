"""JPEG: its segments, from the start of the file to the first pixels and no further."""

import hashlib
import struct
from collections.abc import Iterator

from detection.provenance.containers.embedded import Embedded, Jpeg
from detection.provenance.reading import Damage, decoded

MAX_SEGMENTS = 4_096
MAX_EXTENDED = 8 << 20  # portraits of some phones carry a map of depths there
MAX_JOINED = 4 << 20  # of resources or a profile that stand in several segments

_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_PROFILE = b"ICC_PROFILE\0"

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_BARE = (0x01, *range(0xD0, 0xD9))  # markers without content
# Start-of-frame markers: all of 0xC0..0xCF but the tables and the reserved one among them.
_FRAMES = tuple(marker for marker in range(0xC0, 0xD0) if marker not in (0xC4, 0xC8, 0xCC))
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)


def read(content: bytes, found: Embedded) -> None:
    """Collect the blocks of a JPEG file.

    Raises:
        Damage: The chain of segments breaks; what stood before is kept.
    """
    frame = Jpeg()
    found.jpeg = frame
    extended: dict[bytes, bytearray] = {}
    for marker, body in _segments(content):
        if marker == 0xE1:
            _application_1(body, found, extended)
        elif marker == 0xDB:
            _tables(body, frame)
        elif marker in _FRAMES:
            frame = _with_frame(marker, body, frame)
        elif marker == 0xEE and body.startswith(b"Adobe"):
            frame = Jpeg(frame.tables, frame.sampling, frame.is_progressive, has_adobe_marker=True)
        else:
            _other(marker, body, found)
        found.jpeg = frame
    _join_extended(extended, found)


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of each segment before the first scan."""
    if content[:2] != b"\xff\xd8":
        raise Damage("the file does not begin like a JPEG")
    at, size = 2, len(content)
    for _ in range(MAX_SEGMENTS):
        if at + 4 > size:
            raise Damage("the file ends before its picture")
        if content[at] != 0xFF:
            raise Damage("there is something else where a segment should begin")
        marker = content[at + 1]
        if marker == 0xFF:  # any number of these may fill the gap before a marker
            at += 1
            continue
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return
        if marker in _BARE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        if length < 2 or at + 2 + length > size:
            raise Damage("a segment is longer than the file")
        yield marker, content[at + 4 : at + 2 + length]
        at += 2 + length
    raise Damage("it has too many segments")


def _application_1(body: bytes, found: Embedded, extended: dict[bytes, bytearray]) -> None:
    if body.startswith(_EXIF):
        found.exif = found.exif or body[len(_EXIF) :]
    elif body.startswith(_XMP):
        found.add_xmp(body[len(_XMP) :])
    elif body.startswith(_EXTENDED):
        _collect_extended(body[len(_EXTENDED) :], found, extended)


def _collect_extended(part: bytes, found: Embedded, extended: dict[bytes, bytearray]) -> None:
    """Put a part of a long XMP packet where it belongs: its hash, its length, its place, itself."""
    if len(part) < 40:
        found.note("Extended XMP", "it is cut off")
        return
    name, total, place = struct.unpack_from(">32sII", part)
    text = part[40:]
    if total > MAX_EXTENDED or place + len(text) > total or len(extended) >= 2:
        found.note("Extended XMP", "it is too long or its parts do not fit together")
        return
    whole = extended.setdefault(name, bytearray())
    # Parts come in order in every file that we know; the hash shows whether they did.
    if place == len(whole):
        whole += text


def _join_extended(extended: dict[bytes, bytearray], found: Embedded) -> None:
    """Take those long packets that the short one names and that are whole."""
    for name, whole in extended.items():
        if hashlib.md5(whole, usedforsecurity=False).hexdigest().encode() != name.lower():
            found.note("Extended XMP", "its parts are not those that it was made of")
        elif not any(name in packet for packet in found.xmp):
            found.note("Extended XMP", "the XMP of the file does not name it")
        else:
            found.add_xmp(bytes(whole))


def _tables(body: bytes, frame: Jpeg) -> None:
    """Read quantisation tables: a byte of precision and number, then 64 steps."""
    at = 0
    while at < len(body):
        is_wide, number = body[at] >> 4, body[at] & 15
        size = 128 if is_wide else 64
        steps = body[at + 1 : at + 1 + size]
        if len(steps) < size:
            raise Damage("a quantisation table is cut off")
        frame.tables.setdefault(number, struct.unpack(">64H" if is_wide else ">64B", steps))
        at += 1 + size


def _with_frame(marker: int, body: bytes, frame: Jpeg) -> Jpeg:
    """Read the frame's header: precision, height, width, then three bytes for each component."""
    factors = [body[at] for at in range(7, min(len(body), 6 + 3 * body[5]), 3)]
    sampling = tuple((factor >> 4, factor & 15) for factor in factors)
    return Jpeg(frame.tables, sampling, marker in _PROGRESSIVE, frame.has_adobe_marker)


def _other(marker: int, body: bytes, found: Embedded) -> None:
    if marker == 0xED and body.startswith(_PHOTOSHOP):
        if len(found.photoshop) < MAX_JOINED:
            found.photoshop += body[len(_PHOTOSHOP) :]
    elif marker == 0xE2 and body.startswith(_PROFILE):
        if len(found.profile) < MAX_JOINED:
            found.profile += body[len(_PROFILE) + 2 :]
    elif marker == 0xEB and body[:2] == b"JP":
        found.has_credentials = True
    elif marker == 0xFE:
        found.add_text("JPEG comment", "", decoded(body.rstrip(b"\0")))
