"""EXIF: directories of numbered fields, read within bounds.

Only fields that somebody asks for are read. No directory is read twice, and the chain goes one
step, to the thumbnail: loops of offsets end by themselves.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from detection.provenance.reading import (
    MAX_ALL_TEXTS,
    MAX_TEXT,
    PARSER_ERRORS,
    Damage,
    decoded,
    why,
)

MAX_ENTRIES = 1_000  # of one directory
MAX_THUMBNAIL = 256 << 10

# What a field holds: text, bytes as they are, or numbers.
Value = str | bytes | tuple[float, ...]

_MAIN = {
    0x000B: "ProcessingSoftware", 0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model",
    0x0112: "Orientation", 0x0131: "Software", 0x0132: "DateTime", 0x013B: "Artist",
    0x013C: "HostComputer", 0x02BC: "XMP", 0x8298: "Copyright", 0x83BB: "IPTC",
    0x8649: "Photoshop", 0x8769: "ExifDirectory", 0x8825: "GpsDirectory", 0x9C9B: "XPTitle",
    0x9C9C: "XPComment", 0x9C9D: "XPAuthor", 0x9C9E: "XPKeywords",
}  # fmt: skip
_PHOTO = {
    0x829A: "ExposureTime", 0x829D: "FNumber", 0x8827: "ISO", 0x9003: "DateTimeOriginal",
    0x9004: "DateTimeDigitized", 0x920A: "FocalLength", 0x9286: "UserComment",
    0xA002: "PixelWidth", 0xA003: "PixelHeight", 0xA405: "FocalLength35", 0xA430: "CameraOwner",
    0xA431: "BodySerial", 0xA434: "LensModel", 0xA435: "LensSerial",
}  # fmt: skip
_PLACE = {
    0x0001: "LatitudeRef", 0x0002: "Latitude", 0x0003: "LongitudeRef", 0x0004: "Longitude",
    0x0006: "Altitude",
}  # fmt: skip
_THUMBNAIL = {0x0201: "ThumbnailOffset", 0x0202: "ThumbnailLength"}

# Bytes of one value, by the number of its type.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_LETTERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_ASCII, _BYTES, _UNDEFINED, _RATIONALS = 2, 1, 7, (5, 10)
# A field of numbers that we read has few; one with more is bytes or nonsense.
_MOST_NUMBERS = 8
_AS_BYTES = ("XMP", "IPTC", "Photoshop", "UserComment")


@dataclass(frozen=True, slots=True)
class Exif:
    """The fields by name, the thumbnail's bytes, and what was wrong, in words for people."""

    fields: dict[str, Value] = field(default_factory=dict)
    thumbnail: bytes = b""
    problems: tuple[str, ...] = ()

    def text(self, name: str) -> str:
        """Return a field of text, or nothing."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def raw(self, name: str) -> bytes:
        """Return a field of bytes, or none."""
        value = self.fields.get(name)
        return value if isinstance(value, bytes) else b""

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return a field of numbers, or none."""
        value = self.fields.get(name)
        return value if isinstance(value, tuple) else ()

    def number(self, name: str) -> float | None:
        """Return the first number of a field."""
        return next(iter(self.numbers(name)), None)


def read(block: bytes) -> Exif:
    """Read a TIFF structure; what is broken in it is told in `problems`."""
    reader = _Reader(block)
    try:
        reader.read_all()
    except PARSER_ERRORS as error:
        reader.problems.append(why(error))
    thumbnail = b""
    try:
        thumbnail = reader.thumbnail()
    except PARSER_ERRORS as error:
        reader.problems.append(why(error))
    return Exif(reader.fields, thumbnail, tuple(dict.fromkeys(reader.problems)))


class _Reader:
    """Reads one block; `fields` and `problems` grow as it goes."""

    def __init__(self, block: bytes) -> None:
        self.fields: dict[str, Value] = {}
        self.problems: list[str] = []
        self._block = block
        self._order = ""
        self._seen: set[int] = set()
        self._taken = 0

    def read_all(self) -> None:
        """Read the main directory, those it points to, and the one behind it."""
        orders = {b"II*\0": "<", b"MM\0*": ">"}
        order = orders.get(self._block[:4])
        if order is None:
            raise Damage("it does not begin like EXIF")
        self._order = order
        behind = self._directory(self._unpack("I", 4), _MAIN)
        for name, names in (("ExifDirectory", _PHOTO), ("GpsDirectory", _PLACE)):
            for place in self._pointer(name):
                self._directory(place, names)
        if behind:
            self._directory(behind, _THUMBNAIL)

    def thumbnail(self) -> bytes:
        """Return the bytes of the thumbnail, if any."""
        start, length = (self._pointer(f"Thumbnail{part}") for part in ("Offset", "Length"))
        if not start or not length or not length[0]:
            return b""
        if length[0] > MAX_THUMBNAIL:
            raise Damage(f"its thumbnail claims {length[0]:,} bytes")
        if start[0] + length[0] > len(self._block):
            raise Damage("its thumbnail lies outside of it")
        return self._block[start[0] : start[0] + length[0]]

    def _unpack(self, letter: str, at: int) -> int:
        (value,) = struct.unpack_from(self._order + letter, self._block, at)
        return int(value)

    def _pointer(self, name: str) -> tuple[int, ...]:
        value = self.fields.pop(name, ())
        return tuple(int(number) for number in value[:1]) if isinstance(value, tuple) else ()

    def _directory(self, at: int, names: dict[int, str]) -> int:
        """Read one directory and return where the next one is, or 0."""
        if at in self._seen:
            raise Damage("its directories point at each other")
        if at < 8 or at + 2 > len(self._block):
            raise Damage("a directory lies outside of it")
        self._seen.add(at)
        count = self._unpack("H", at)
        if count > MAX_ENTRIES:
            raise Damage(f"a directory claims {count:,} entries")
        behind = at + 2 + 12 * count
        for place in range(at + 2, min(behind, len(self._block) - 11), 12):
            self._entry(place, names)
        if behind > len(self._block):
            raise Damage("a directory is cut off")
        return self._unpack("I", behind) if behind + 4 <= len(self._block) else 0

    def _entry(self, at: int, names: dict[int, str]) -> None:
        tag, kind, count = struct.unpack_from(self._order + "HHI", self._block, at)
        name = names.get(tag)
        if name is None or name in self.fields or kind not in _SIZES:
            return
        length = _SIZES[kind] * count
        start = at + 8 if length <= 4 else self._unpack("I", at + 8)
        if length > MAX_TEXT or self._taken + length > MAX_ALL_TEXTS:
            self.problems.append(f"its field {name} is too long")
        elif start + length > len(self._block):
            self.problems.append(f"its field {name} lies outside of it")
        else:
            self._taken += length
            self._keep(name, kind, self._block[start : start + length])

    def _keep(self, name: str, kind: int, raw: bytes) -> None:
        if name in _AS_BYTES:
            self.fields[name] = raw
        elif name.startswith("XP"):
            self.fields[name] = raw.decode("utf-16-le", "replace").strip("\0 ")
        elif kind in (_ASCII, _UNDEFINED):
            self.fields[name] = decoded(raw).strip("\0 ")
        elif len(raw) <= _MOST_NUMBERS * _SIZES[kind]:
            self.fields[name] = tuple(self._numbers(kind, raw))

    def _numbers(self, kind: int, raw: bytes) -> Iterator[float]:
        if kind in _RATIONALS:
            letter = "I" if kind == 5 else "i"
            for above, below in struct.iter_unpack(self._order + 2 * letter, raw):
                yield above / below if below else float("nan")
        else:
            for (value,) in struct.iter_unpack(self._order + _LETTERS[kind], raw):
                yield value


def comment(raw: bytes) -> str:
    """Return the text of a user comment: eight bytes name its alphabet, which many get wrong."""
    alphabet, text = raw[:8], raw[8:]
    if alphabet == b"UNICODE\0":
        return _wide(text)
    if alphabet in (b"ASCII\0\0\0", bytes(8)):
        return decoded(text).strip("\0 ")
    if alphabet == b"JIS\0\0\0\0\0":
        return ""
    return decoded(raw).strip("\0 ")


def _wide(text: bytes) -> str:
    """Return UTF-16, in the byte order that leaves more zeros in the upper halves."""
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return text.decode("utf-16", "replace").strip("\0 ")
    is_big = text[0::2].count(0) >= text[1::2].count(0)
    return text.decode("utf-16-be" if is_big else "utf-16-le", "replace").strip("\0 ")
