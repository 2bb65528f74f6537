"""Lengths of time as people say them."""

from django import template

register = template.Library()


@register.filter
def duration(seconds: float | None) -> str:
    """Return "45 s", "12 min" or "3 h 20 min"; a dash where nothing is known."""
    if seconds is None:
        return "—"
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
