"""Figures of models as people read them, and bars as places in a drawing."""

from collections.abc import Sequence
from typing import Any

from django import template

register = template.Library()

WIDTH, HEIGHT = 480, 180
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 8, 22
KINDS = ("first", "second")


@register.filter
def share(value: float | None) -> str:
    """Return a share in percent; a dash where there is none."""
    return "—" if value is None else f"{100 * value:.2f}\N{NO-BREAK SPACE}%"


@register.filter
def percent(value: float | None) -> str:
    """Return a share in percent to one place, as far as some hundred pictures tell it."""
    return "—" if value is None else f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


@register.filter
def percents(interval: Sequence[float]) -> str:
    """Return both ends of an interval in percent."""
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f}\N{NO-BREAK SPACE}%"


@register.filter
def points(difference: float) -> str:
    """Say how much more or less a share is, in points."""
    found = f"{100 * abs(difference):.1f}"
    if found == "0.0":
        return "no change that could be told"
    return f"{found} points {'more' if difference > 0 else 'less'}"


@register.filter
def figure(row: Any, value: float | None) -> str:
    """Return a figure of a comparison in its own unit."""
    if value is None:
        return "—"
    return share(value) if row.is_share else f"{value:.2f}"


@register.inclusion_tag("admin/registry/_bars.html")
def bar_chart(
    first: Sequence[int], second: Sequence[int], first_name: str, second_name: str
) -> dict[str, Any]:
    """Draw two histograms over [0, 1] beside each other, bin by bin."""
    most = max(*first, *second, 1)
    wide = (WIDTH - LEFT - RIGHT) / len(first)
    bars = []
    for place, pair in enumerate(zip(first, second, strict=True)):
        for kind, count in zip(KINDS, pair, strict=True):
            tall = (HEIGHT - TOP - BOTTOM) * count / most
            bars.append(
                {
                    "kind": kind,
                    "x": round(LEFT + wide * (place + 0.1 + 0.4 * KINDS.index(kind)), 1),
                    "y": round(HEIGHT - BOTTOM - tall, 1),
                    "width": round(0.38 * wide, 1),
                    "height": round(tall, 1),
                    "count": count,
                }
            )
    names = [
        {"kind": kind, "name": name}
        for kind, name in zip(KINDS, (first_name, second_name), strict=True)
    ]
    return {"bars": bars, "names": names, "most": most, **_frame()}


def _frame() -> dict[str, int]:
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": TOP,
        "bottom": HEIGHT - BOTTOM,
        "below": HEIGHT - 6,
    }
