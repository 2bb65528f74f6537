"""What the verdict page tells of the file: findings by strength, and where it was seen before."""

from dataclasses import dataclass
from itertools import groupby
from textwrap import shorten
from typing import Any

from detection.findings import Detail, Finding, Strength
from detection.models import Analysis, State
from detection.services.findings_told import findings_told
from detection.services.seen_before import MOST, sightings

# Heading and what it means, by strength.
GROUPS: dict[Strength, tuple[str, str]] = {
    "conclusive": ("Conclusive", "signed by somebody who is trusted here"),
    "strong": ("Strong", "hard to explain otherwise, and still no proof"),
    "moderate": ("Moderate", "anybody can write it"),
    "weak": ("Hints", "have many innocent reasons"),
    "context": ("Good to know", "speaks for nothing"),
}
POINTS = {"ai": "speaks for AI", "real": "speaks for a photograph", "doubt": "lowers the certainty"}
ICONS = {"ai": "likely_ai", "real": "likely_real", "doubt": "warning", "neutral": "info"}


# Of these the first lines are told at once, without opening the table.
GLIMPSED = ("generator", "camera", "editing")
GLIMPSED_LINES = 4
GLIMPSED_LENGTH = 60
# Whose values are understood without their label.
SPEAKING = ("Generator", "Maker", "Lens", "Program", "Step", "Taken", "Written there")


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """A finding as pages tell it."""

    code: str
    kind: str
    leaning: str
    icon: str
    sentence: str
    source: str
    points: str
    glimpse: str
    details: tuple[Detail, ...]
    has_signed_thumbnail: bool

    @property
    def is_private(self) -> bool:
        """Tell whether all of its table is for the owner alone."""
        return bool(self.details) and all(line.is_private for line in self.details)


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """The findings of one strength."""

    strength: Strength
    title: str
    note: str
    findings: tuple[ShownFinding, ...]


def finding_groups(analysis: Analysis, *, with_private: bool) -> list[FindingGroup]:
    """Return the findings of an analysis by strength, the strongest first.

    Args:
        analysis: Finished, of an image.
        with_private: Whether what is private is shown as well: to the owner alone.
    """
    findings = list(findings_told(analysis))
    if not with_private:
        findings = [finding.without_private() for finding in findings]
    first_signed = next((one for one in findings if one.kind == "credentials"), None)
    signed = first_signed if analysis.signed_thumbnail else None
    return [
        FindingGroup(strength, *GROUPS[strength], tuple(_shown(one, one is signed) for one in some))
        for strength, some in groupby(findings, key=lambda finding: finding.strength)
    ]


def findings_context(analysis: Analysis, user: Any) -> dict[str, Any]:
    """Return what the verdict page tells of the file, once the analysis has finished."""
    if analysis.state != State.FINISHED:
        return {}
    seen = sightings(image=analysis.image, user=user)
    return {
        "finding_groups": finding_groups(analysis, with_private=True),
        "sightings": seen[:MOST],
        "has_more_sightings": len(seen) > MOST,
    }


def glimpse(finding: Finding) -> str:
    """Return the first lines of the table in one, each of them cut short.

    Private ones are among them where there are no others: whoever may not read them has a finding
    without them.
    """
    if finding.kind not in GLIMPSED:
        return ""
    public = [line for line in finding.details if not line.is_private]
    lines = (public or finding.details)[:GLIMPSED_LINES]
    return " · ".join(_gist(finding, line) for line in lines)


def _gist(finding: Finding, line: Detail) -> str:
    value = shorten(line.value, GLIMPSED_LENGTH, placeholder=" …")
    speaks = line.label in SPEAKING or (finding.kind == "camera" and line.label == "Model")
    return value if speaks else f"{line.label} {value}"


def _shown(finding: Finding, has_signed_thumbnail: bool) -> ShownFinding:
    return ShownFinding(
        finding.code,
        finding.kind,
        finding.leaning,
        ICONS[finding.leaning],
        finding.sentence,
        finding.source,
        POINTS.get(finding.leaning, ""),
        glimpse(finding),
        finding.details,
        has_signed_thumbnail,
    )
