"""What every parser here shares: its bounds, its errors, and text that is fit for showing."""

import struct
import unicodedata
import zlib
from dataclasses import dataclass

# Bounds on what one file may make us read, in bytes where nothing else is said.
MAX_TEXT = 2 << 20  # of one text, packed or not
MAX_TEXTS = 64  # in one file
MAX_ALL_TEXTS = 8 << 20
MAX_SHOWN = 4_000  # characters of one line of a finding's table
MAX_PROBLEMS = 8

# Categories of characters that show nothing, turn the direction of text or cannot be stored.
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


class Damage(Exception):
    """What is read breaks its own rules; the text says how, behind "could not be read:"."""


# What our parsers run into on broken bytes; nothing else is expected of them.
PARSER_ERRORS = (
    *(Damage, ValueError, IndexError, OverflowError, RecursionError, struct.error, zlib.error),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the file that could not be read, and why."""

    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text that the file carries under a key.

    Attributes:
        source: For people, such as "PNG text chunk “parameters”".
        key: As written in the file; empty where the place has no keys.
        value: As written, at most `MAX_TEXT` characters.
    """

    source: str
    key: str
    value: str


def why(error: Exception) -> str:
    """Say for people what was wrong; only `Damage` speaks their language."""
    return str(error) if isinstance(error, Damage) else "it is damaged"


def decoded(raw: bytes) -> str:
    """Return bytes as text: UTF-8 where it is that, else Latin-1, which is never wrong."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def shown(value: object, limit: int = MAX_SHOWN) -> str:
    """Return a value as one bounded text of visible characters; line breaks stay."""
    text = str(value)[: 2 * limit]
    visible = "".join(
        c if c == "\n" or unicodedata.category(c) not in _INVISIBLE else " " for c in text
    ).strip()
    return visible if len(visible) <= limit else f"{visible[: limit - 1]}…"


def unpacked(packed: bytes, limit: int = MAX_TEXT) -> bytes:
    """Return what a zlib stream holds.

    Raises:
        Damage: It holds more than `limit` bytes, or ends too early.
        zlib.error: It is no such stream.
    """
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(packed, limit + 1)
    if len(content) > limit:
        raise Damage(f"it unpacks to more than {limit >> 20} MB")
    if not unpacker.eof:
        raise Damage("it is cut off")
    return content
