"""IPTC: numbered fields of press agencies, mostly within Photoshop's resources."""

import struct
from dataclasses import dataclass, field

from detection.provenance.reading import Damage, decoded

MAX_FIELDS = 1_000
MAX_RESOURCES = 1_000
IPTC_RESOURCE = 0x0404

# Of the second record, the only one with words for people.
NAMES = {
    5: "Title", 65: "Program", 70: "ProgramVersion", 80: "Author", 85: "AuthorTitle", 110: "Credit",
    115: "Source", 116: "Copyright", 120: "Caption",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Iptc:
    """The first value of each field, by the names above."""

    fields: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a field, or nothing."""
        return self.fields.get(name, "")


def read(block: bytes) -> Iptc:
    """Read fields one behind the other: a mark, record, number, length, content.

    Raises:
        Damage: A field breaks the chain.
        struct.error: The block ends too early.
    """
    fields: dict[str, str] = {}
    at = 0
    for _ in range(MAX_FIELDS):
        if at + 5 > len(block) or block[at] == 0:  # writers pad with zeros
            return Iptc(fields)
        mark, record, number, length = struct.unpack_from(">BBBH", block, at)
        if mark != 0x1C or at + 5 + length > len(block):
            raise Damage("a field does not end where it should")
        if record == 2 and number in NAMES:
            fields.setdefault(NAMES[number], decoded(block[at + 5 : at + 5 + length]))
        at += 5 + length
    raise Damage("it has too many fields")


def resources(block: bytes) -> dict[int, bytes]:
    """Return Photoshop's resources by number: mark, number, name, length, content.

    Raises:
        Damage: A resource breaks the chain.
        struct.error: The block ends too early.
    """
    found: dict[int, bytes] = {}
    at = 0
    for _ in range(MAX_RESOURCES):
        if at + 12 > len(block):
            return found
        mark, number, name_length = struct.unpack_from(">4sHB", block, at)
        if mark != b"8BIM":
            raise Damage("a resource does not begin where it should")
        at += 6 + (name_length + 2) // 2 * 2  # name with its length, padded to an even number
        (length,) = struct.unpack_from(">I", block, at)
        if at + 4 + length > len(block):
            raise Damage("a resource is longer than what it stands in")
        found.setdefault(number, block[at + 4 : at + 4 + length])
        at += 4 + length + length % 2
    raise Damage("it has too many resources")
