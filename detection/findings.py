"""A finding is one piece of evidence about an image; how strong it is and where it points."""

from dataclasses import dataclass
from typing import Any, Literal, Self

# What kind of evidence: who signed the file, what made it, how it was taken, what was done to it.
Kind = Literal[
    "credentials", "generator", "declaration", "camera", "editing", "compression", "screenshot",
    "thumbnail", "unreadable",
]  # fmt: skip
# Conclusive: signed by somebody who is trusted here. Strong: hard to explain otherwise, and still
# no proof. Moderate: anybody can write it. Weak: hints that have many innocent reasons. Context:
# good to know, speaks for nothing.
Strength = Literal["conclusive", "strong", "moderate", "weak", "context"]
# Towards which verdict it speaks; "doubt" lowers the certainty of any verdict.
Leaning = Literal["ai", "real", "doubt", "neutral"]

# Of before: it told everybody that there is a position, which the line “Position” tells its owner.
OUTDATED = "Position in the file"

STRENGTHS: tuple[Strength, ...] = ("conclusive", "strong", "moderate", "weak", "context")


@dataclass(frozen=True, slots=True)
class Detail:
    """A line of a finding's table; what is private is shown to the image's owner alone."""

    label: str
    value: str
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of evidence.

    Attributes:
        kind: See `Kind`.
        code: For programs, unique to what was found: docs/findings.md lists them.
        source: Where it stands, such as "EXIF" or "PNG text chunk “parameters”".
        strength, leaning: See `Strength` and `Leaning`.
        sentence: For people: what it means, and what it does not.
        details: What was read, for those who want to look closer.
    """

    kind: Kind
    code: str
    source: str
    strength: Strength
    leaning: Leaning
    sentence: str
    details: tuple[Detail, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored with an analysis."""
        return {
            "kind": self.kind,
            "code": self.code,
            "source": self.source,
            "strength": self.strength,
            "leaning": self.leaning,
            "sentence": self.sentence,
            "details": [
                {"label": line.label, "value": line.value, "is_private": line.is_private}
                for line in self.details
            ],
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Return what `as_json` stored."""
        details = tuple(Detail(**one) for one in stored["details"] if one["label"] != OUTDATED)
        return cls(**{**stored, "details": details})

    def without_private(self) -> Self:
        """Return it as somebody who does not own the image may see it."""
        public = tuple(line for line in self.details if not line.is_private)
        return type(self)(
            self.kind, self.code, self.source, self.strength, self.leaning, self.sentence, public
        )
