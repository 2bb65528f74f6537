"""Figures of models as people read them, and their curves and bars as places in a drawing."""

from collections.abc import Sequence
from typing import Any

from django import template

register = template.Library()

WIDTH, HEIGHT = 480, 180
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 8, 22
STEPS = 4
KINDS = ("first", "second")


@register.filter
def share(value: float | None) -> str:
    """Return a share in percent; a dash where there is none."""
    return "—" if value is None else f"{100 * value:.2f}\N{NO-BREAK SPACE}%"


@register.filter
def figure(row: Any, value: float | None) -> str:
    """Return a figure of a comparison in its own unit."""
    if value is None:
        return "—"
    return share(value) if row.is_share else f"{value:.2f}"


@register.inclusion_tag("admin/registry/_lines.html")
def line_chart(chart: dict[str, Any]) -> dict[str, Any]:
    """Draw curves over epochs, each with its name; scaled to what they hold."""
    lines = [line for line in chart["lines"] if line["values"]]
    values = [value for line in lines for value in line["values"]]
    low, high = min(values), max(values)
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    longest = max(len(line["values"]) for line in lines)
    drawn = [
        {
            "name": line["name"],
            "kind": KINDS[chart["lines"].index(line) % 2],
            "points": _points(line["values"], longest, low, high),
            "last": _label(line["values"][-1], chart["is_share"]),
        }
        for line in lines
    ]
    return {
        "title": chart["title"],
        "lines": drawn,
        "ticks": _ticks(low, high, chart["is_share"]),
        "epochs": longest,
        **_frame(),
    }


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


def _points(values: Sequence[float], longest: int, low: float, high: float) -> str:
    step = (WIDTH - LEFT - RIGHT) / max(longest - 1, 1)
    places = (f"{LEFT + index * step:.1f},{_y(v, low, high):.1f}" for index, v in enumerate(values))
    return " ".join(places)


def _y(value: float, low: float, high: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)


def _ticks(low: float, high: float, is_share: bool) -> list[dict[str, Any]]:
    values = [low + (high - low) * step / STEPS for step in range(STEPS + 1)]
    return [{"y": round(_y(v, low, high), 1), "label": _label(v, is_share)} for v in values]


def _label(value: float, is_share: bool) -> str:
    return f"{100 * value:.1f} %" if is_share else f"{value:.3f}"
