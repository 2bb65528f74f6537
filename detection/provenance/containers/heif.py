"""HEIC and AVIF: the items of their boxes that hold EXIF and XMP.

A box is a length, four letters and content. `meta` holds `iinf`, which says what each item is, and
`iloc`, which says where its bytes are.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from detection.provenance.containers.embedded import Embedded
from detection.provenance.reading import MAX_TEXT, PARSER_ERRORS, Damage, why

MAX_BOXES = 20_000
MAX_ITEMS = 4_096  # a photograph of a phone has a tile of each 512 x 512 pixels
MAX_EXTENTS = 64  # parts of one item

# The box for Content Credentials tells itself by this number.
_CREDENTIALS = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an item's bytes are: in the file, or in the box `idat`."""

    is_in_box: bool
    extents: tuple[tuple[int, int], ...]


def read(content: bytes, found: Embedded) -> None:
    """Collect the blocks of a HEIC or AVIF file.

    Raises:
        Damage: The boxes break their rules; what stood before is kept.
        struct.error: A box ends too early.
    """
    if content[4:8] != b"ftyp":
        raise Damage("the file does not begin like a HEIC or AVIF")
    for kind, start, end in _boxes(content, 0, len(content)):
        if kind == b"uuid" and content[start : start + 16] == _CREDENTIALS:
            found.has_credentials = True
        elif kind == b"meta":
            _meta(content, start + 4, end, found)


def _boxes(content: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the content of each box between two places."""
    for _ in range(MAX_BOXES):
        if at + 8 > end:
            return
        length, kind = struct.unpack_from(">I4s", content, at)
        start = at + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", content, start)
            start += 8
        elif length == 0:  # to the end
            length = end - at
        if at + length < start or at + length > end:
            raise Damage("a box is longer than what it stands in")
        yield kind, start, at + length
        at += length
    raise Damage("it has too many boxes")


def _meta(content: bytes, at: int, end: int, found: Embedded) -> None:
    boxes = {kind: (start, stop) for kind, start, stop in _boxes(content, at, end)}
    if b"iinf" not in boxes or b"iloc" not in boxes:
        return
    wanted = dict(_items(content, *boxes[b"iinf"]))
    places = _places(content, *boxes[b"iloc"])
    box = boxes.get(b"idat", (0, 0))
    for number, source in wanted.items():
        try:
            block = _bytes_of(content, places[number], box)
            _keep(source, block, found)
        except (*PARSER_ERRORS, KeyError) as error:
            found.note(source, why(error))


def _items(content: bytes, at: int, end: int) -> Iterator[tuple[int, str]]:
    """Yield number and name of the items that hold EXIF or XMP."""
    at += 6 if content[at] == 0 else 8
    for kind, start, stop in _boxes(content, at, end):
        version = content[start]
        if kind != b"infe" or version < 2:
            continue
        number, _, item = struct.unpack_from(
            ">HH4s" if version == 2 else ">IH4s", content, start + 4
        )
        if item == b"Exif":
            yield number, "EXIF"
        elif item == b"mime" and b"application/rdf+xml" in content[start : min(stop, start + 512)]:
            yield number, "XMP"


def _places(content: bytes, at: int, end: int) -> dict[int, _Place]:
    """Return where the items are; every field's width is told at the head of the box."""
    reader = _Numbers(content, at, end)
    version = reader.take(1)
    reader.take(3)
    sizes = reader.take(2)
    widths = [(sizes >> shift) & 15 for shift in (12, 8, 4, 0)]
    offset_width, length_width, base_width, index_width = widths
    found: dict[int, _Place] = {}
    count = reader.take(2 if version < 2 else 4)
    if count > MAX_ITEMS:
        raise Damage("it lists too many items")
    for _ in range(count):
        number = reader.take(2 if version < 2 else 4)
        method = reader.take(2) & 15 if version else 0
        reader.take(2)
        base = reader.take(base_width)
        parts = reader.take(2)
        if parts > MAX_EXTENTS:
            raise Damage("an item has too many parts")
        extents = []
        for _ in range(parts):
            reader.take(index_width if version else 0)
            offset = base + reader.take(offset_width)
            extents.append((offset, reader.take(length_width)))
        found[number] = _Place(method == 1, tuple(extents))
    return found


class _Numbers:
    """Reads big-endian numbers of told widths, one behind the other."""

    def __init__(self, content: bytes, at: int, end: int) -> None:
        self._content, self._at, self._end = content, at, end

    def take(self, width: int) -> int:
        start, self._at = self._at, self._at + width
        if self._at > self._end:
            raise Damage("a list of items is cut off")
        return int.from_bytes(self._content[start : self._at], "big")


def _bytes_of(content: bytes, place: _Place, box: tuple[int, int]) -> bytes:
    start, end = box if place.is_in_box else (0, len(content))
    if sum(length for _, length in place.extents) > MAX_TEXT:
        raise Damage(f"it holds more than {MAX_TEXT >> 20} MB")
    if any(start + offset + length > end for offset, length in place.extents):
        raise Damage("it lies outside of the file")
    return b"".join(
        content[start + offset : start + offset + length] for offset, length in place.extents
    )


def _keep(source: str, block: bytes, found: Embedded) -> None:
    if source == "XMP":
        found.add_xmp(block)
        return
    # The first four bytes tell how many more stand before the TIFF structure.
    (skipped,) = struct.unpack_from(">I", block)
    found.exif = found.exif or block[4 + skipped :].removeprefix(b"Exif\0\0")
