"""A share as the length of a bar, for figures that stand beside it in words."""

from django import template

from detection.plain_figures import Share

register = template.Library()


@register.inclusion_tag("models/_bar.html")
def share_bar(share: Share, end: float, kind: str) -> dict[str, object]:
    """Draw a share (0 to 1) as a bar whose ground ends at another share; `kind` is its colour."""
    return {"width": round(100 * min(share.value / end, 1), 1), "kind": kind}


@register.filter
def in_hundred(share: float) -> str:
    """Say a share as so many in 100."""
    return f"{round(100 * share, 4):g} in 100"
