"""All that is told of an image's file: what the analysis found, and what drawing its views told."""

from dataclasses import replace

from detection.findings import Finding
from detection.models import Analysis, ForensicViews
from detection.provenance import in_order

# What tells how and when a picture was taken and worked on, rather than what it is.
ABOUT_CAMERA = ("camera", "editing")


def camera_told(analysis: Analysis) -> list[str]:
    """Return what others read in an image's file about camera, times and programs."""
    some = [one.without_private() for one in findings_told(analysis) if one.kind in ABOUT_CAMERA]
    lines = [f"{line.label}: {line.value}" for one in some for line in one.details]
    return list(dict.fromkeys(lines))


def without_camera(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return findings without those facts; that it was edited stays, as it lowers a certainty."""
    kept = (one for one in findings if one.kind != "camera")
    return tuple(replace(one, details=()) if one.kind in ABOUT_CAMERA else one for one in kept)


def findings_told(analysis: Analysis) -> tuple[Finding, ...]:
    """Return an image's findings, strongest first, private lines included.

    Those of the views are there once the views are drawn: after the verdict, so they weigh nothing
    in it.
    """
    # An image has none until somebody opens its page.
    views: ForensicViews | None = getattr(analysis.image, "views", None)
    drawn = views.findings if views and views.is_drawn else []
    return in_order(Finding.from_json(stored) for stored in (*analysis.findings, *drawn))
