"""What a generator wrote about how it made an image, in words common to all of them."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from detection.provenance.reading import Damage, shown

Fields = tuple[tuple[str, str], ...]
_NUMBER = re.compile(r"-?\d{1,40}(\.\d{1,10})?")
_LORA = re.compile(r"<(?:lora|lyco):([^:<>]{1,120}):?([^<>]{0,40})>")
MAX_LORAS = 20
MAX_PARTS = 50_000  # lists and objects of a JSON text; the largest graphs have some ten thousand


@dataclass(frozen=True, slots=True)
class Record:
    """One generator's notes.

    Attributes:
        generator: Its name.
        source: Where the notes stand.
        fields: Label and value, in the order in which people read them.
        has_proof: Whether it is whole by a mark of its own, without seed and steps.
    """

    generator: str
    source: str
    fields: Fields
    has_proof: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether fields that belong together are all there: seed, steps, and what was asked of."""
        if self.has_proof:
            return True
        values = dict(self.fields)
        numbers = all(_NUMBER.fullmatch(values.get(label, "")) for label in ("Seed", "Steps"))
        return numbers and bool(values.keys() & {"Sampler", "Prompt", "Model"})


def fields(values: Mapping[str, object]) -> Fields:
    """Return the values that say something, as bounded text."""
    lines = ((label, shown(plain(value))) for label, value in values.items())
    return tuple((label, text) for label, text in lines if text)


def plain(value: object) -> object:
    """Return a value without the braces of a program; nothing for what is empty or nested."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    return ""


def loras_in(prompt: str) -> str:
    """Return the small additional models that a prompt calls, with their weights."""
    found = _LORA.finditer(prompt[:20_000])
    named = (f"{each[1]} ({each[2]})" if each[2] else each[1] for each in found)
    return ", ".join(list(dict.fromkeys(named))[:MAX_LORAS])


def listed(values: Iterable[object]) -> str:
    """Return those of the first few values that are words, in one line."""
    texts = (str(plain(value)) for value, _ in zip(values, range(MAX_LORAS), strict=False))
    return ", ".join(text for text in texts if text)


def as_object(value: str) -> dict[str, Any] | None:
    """Return the JSON object that a text is, or None.

    Raises:
        Damage: It has too many parts, is nested too deeply or has a number too long to be one.
    """
    text = value.strip().strip("\0")
    if not (text.startswith("{") and text.endswith("}")):
        return None
    if text.count("{") + text.count("[") > MAX_PARTS:
        raise Damage("it has too many parts")
    try:
        read = json.loads(text)
    except json.JSONDecodeError:
        return None
    except (RecursionError, ValueError):
        raise Damage("it is nested too deeply or has numbers without end") from None
    return read if isinstance(read, dict) else None
