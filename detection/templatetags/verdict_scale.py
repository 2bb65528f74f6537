"""Where a probability stands among the three verdicts, for the scale on the verdict page."""

from dataclasses import dataclass
from typing import Protocol

from django import template

register = template.Library()

# The uncertain band often leaves a few percent at either end. On an even scale these could not be
# seen, so each verdict gets a fixed part of the width and is even within it.
REAL_ENDS, AI_BEGINS, END = 30.0, 70.0, 100.0


class _Analysis(Protocol):
    @property
    def p_fake(self) -> float | None: ...

    @property
    def band(self) -> tuple[float, float] | None: ...


@dataclass(frozen=True)
class VerdictScale:
    """A scale of 100 units: where the image stands on it, and the band's edges in percent."""

    at: float
    low_percent: float
    high_percent: float
    real_ends: float = REAL_ENDS
    ai_begins: float = AI_BEGINS


def position(p_fake: float, low: float, high: float) -> float:
    """Place a probability (0 to 1) on the scale; its part is the verdict that [low, high] gives."""
    if p_fake < low:
        return REAL_ENDS * p_fake / low
    if p_fake > high:
        return AI_BEGINS + (END - AI_BEGINS) * (p_fake - high) / (1 - high)
    # Without a band between them the two decided parts meet in the middle.
    share = (p_fake - low) / (high - low) if high > low else 0.5
    return REAL_ENDS + (AI_BEGINS - REAL_ENDS) * share


@register.simple_tag
def verdict_scale(analysis: _Analysis) -> VerdictScale | None:
    """Return the scale of an analysis, or None where no band or probability is known."""
    if analysis.p_fake is None or analysis.band is None:
        return None
    low, high = analysis.band
    at = round(position(analysis.p_fake, low, high), 2)
    return VerdictScale(at, round(100 * low, 1), round(100 * high, 1))
