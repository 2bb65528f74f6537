"""What an analysis found and weighed, as people read it in the admin panel."""

from collections.abc import Iterable

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from detection.findings import Finding
from detection.models import Analysis


def reasons_text(analysis: Analysis) -> SafeString | str:
    """List the reasons of a verdict, the weightiest first, with their codes."""
    return _listed(
        format_html("{} <code>{}</code>", one["sentence"], one["code"]) for one in analysis.reasons
    )


def changes_text(analysis: Analysis) -> SafeString | str:
    """List what would lead to another verdict."""
    return _listed(analysis.would_change)


def findings_text(analysis: Analysis) -> SafeString | str:
    """List the findings, the strongest first; what only the owner may see is left out."""
    found = (Finding.from_json(one).without_private() for one in analysis.findings)
    return _listed(map(_finding, found))


def _finding(finding: Finding) -> SafeString:
    details = ((line.label, line.value) for line in finding.details)
    return format_html(
        "<strong>{}</strong>, speaks for {}: {} <code>{}</code>, from {}{}",
        finding.strength.capitalize(),
        {"ai": "AI", "real": "real", "doubt": "doubt", "neutral": "neither"}[finding.leaning],
        finding.sentence,
        finding.code,
        finding.source,
        format_html_join("", "<br>{}: {}", details),
    )


def _listed(lines: Iterable[SafeString | str]) -> SafeString | str:
    """Return lines as a numbered list, or a dash where there are none."""
    items = format_html_join("", "<li>{}</li>", ((line,) for line in lines))
    shape = "flex flex-col gap-2 break-words max-w-3xl"
    return format_html('<ol class="{}">{}</ol>', shape, items) if items else "—"
