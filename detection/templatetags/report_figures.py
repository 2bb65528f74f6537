"""What a report holds for programs, as people read it: moments, shares, strengths of findings."""

from datetime import datetime
from typing import Any

from django import template

from detection.findings import STRENGTHS, Finding
from detection.plain_figures import FEW, Share
from detection.views.findings import GROUPS, POINTS, glimpse

register = template.Library()


@register.filter
def moment(text: str | None) -> str:
    """Return a moment of a report in words; empty where there is none."""
    if not text:
        return ""
    at = datetime.fromisoformat(text)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


@register.filter
def share(value: float) -> str:
    """Return a share in percent, to one place."""
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


@register.filter
def told(figure: dict[str, Any]) -> str:
    """Return a model's figure: a share in percent, of very few images a count."""
    images = figure["images"]
    return (
        str(Share(figure["value"], images)) if images and images < FEW else share(figure["value"])
    )


@register.filter
def gist(finding: dict[str, Any]) -> str:
    """Return the first lines of a finding's table in one; empty where it needs none."""
    stored = {name: value for name, value in finding.items() if name != "left_out"}
    return glimpse(Finding.from_json(stored))


@register.filter
def by_strength(findings: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Group findings under headings, the strongest first; what there is none of has no heading."""
    groups = [
        (": ".join(GROUPS[strength]), [one for one in findings if one["strength"] == strength])
        for strength in STRENGTHS
    ]
    return [(heading, members) for heading, members in groups if members]


@register.filter
def points(finding: dict[str, Any]) -> str:
    """Say where a finding points; empty where it points nowhere."""
    return POINTS.get(finding["leaning"], "")
