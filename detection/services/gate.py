"""One demand on a version: what it may be, what it is, and a sentence for people."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Gate:
    """A demand on a version, and whether the version meets it.

    `value` is `None` where it could not be told, for want of an evaluation. A binding one lets
    nothing through that fails it, whatever reason somebody writes down, the first of a track
    included.
    """

    name: str
    limit: float
    value: float | None
    passed: bool
    sentence: str
    is_binding: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it as a promotion keeps it."""
        return asdict(self)
