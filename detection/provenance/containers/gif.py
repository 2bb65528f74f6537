"""GIF: its comments and its XMP."""

from detection.provenance.containers.embedded import Embedded
from detection.provenance.reading import MAX_TEXT, Damage, decoded

MAX_BLOCKS = 200_000  # 50 MB in blocks of the usual 255 bytes

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_COMMENT, _APPLICATION = 0xFE, 0xFF
_XMP = b"XMP DataXMP"
_CREDENTIALS = b"C2PA_GIF\x01\0\0"
# XMP stands bare in the file. Behind it 258 bytes lead every reader of blocks to the same end.
_XMP_TAIL = 258


def read(content: bytes, found: Embedded) -> None:
    """Collect the blocks of a GIF file.

    Raises:
        Damage: The chain of blocks breaks; what stood before is kept.
        IndexError: It ends too early.
    """
    if content[:6] not in (b"GIF87a", b"GIF89a"):
        raise Damage("the file does not begin like a GIF")
    blocks = _Blocks(content)
    at = 13 + _table(content[10])
    while content[at] != _TRAILER:
        if content[at] == _EXTENSION:
            start = at + 2
            at = blocks.behind(start)
            _extension(content[start - 1], content, start, at, found)
        elif content[at] == _IMAGE:
            at = blocks.behind(at + 11 + _table(content[at + 9]))
        else:
            raise Damage("there is something else where a block should begin")


def _table(flags: int) -> int:
    """Return the bytes of a colour table that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


class _Blocks:
    """Walks chains of blocks; the bound holds for all chains of the file together."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._left = MAX_BLOCKS

    def behind(self, at: int) -> int:
        """Return the place behind a chain: each block tells its length, and 0 ends the chain."""
        content = self._content
        while length := content[at]:
            at += 1 + length
            self._left -= 1
            if not self._left:
                raise Damage("it has too many blocks")
        return at + 1


def _extension(label: int, content: bytes, start: int, end: int, found: Embedded) -> None:
    if label == _COMMENT:
        if end - start > MAX_TEXT:
            found.note("GIF comment", f"it holds more than {MAX_TEXT >> 20} MB of text")
        else:
            found.add_text("GIF comment", "", decoded(_joined(content, start)))
    elif label == _APPLICATION:
        name = content[start + 1 : start + 12]
        if name == _XMP and end - start <= MAX_TEXT:
            found.add_xmp(content[start + 12 : max(start + 12, end - _XMP_TAIL)])
        elif name == _XMP:
            found.note("XMP", f"it holds more than {MAX_TEXT >> 20} MB")
        elif name == _CREDENTIALS:
            found.has_credentials = True


def _joined(content: bytes, at: int) -> bytes:
    parts = []
    while length := content[at]:
        parts.append(content[at + 1 : at + 1 + length])
        at += 1 + length
    return b"".join(parts)
