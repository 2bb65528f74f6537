"""All that is told of an image's file: what the analysis found, and what drawing its views told."""

from detection.findings import Finding
from detection.models import Analysis, ForensicViews
from detection.provenance import in_order


def findings_told(analysis: Analysis) -> tuple[Finding, ...]:
    """Return an image's findings, strongest first, private lines included.

    Those of the views are there once the views are drawn: after the verdict, so they weigh nothing
    in it.
    """
    # An image has none until somebody opens its page.
    views: ForensicViews | None = getattr(analysis.image, "views", None)
    drawn = views.findings if views and views.is_drawn else []
    return in_order(Finding.from_json(stored) for stored in (*analysis.findings, *drawn))
