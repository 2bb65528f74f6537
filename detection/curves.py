"""Draws values over epochs, or over whatever else, as lines for an inline SVG."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480.0, 240.0
# Above and below stand the names of the axes.
LEFT, RIGHT, TOP, BOTTOM = 60.0, 10.0, 30.0, 46.0
MOST_MARKS = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: its name, the CSS class that colours it, and its (epoch, value) pairs.

    `kept` is the epoch whose weights were kept, where the curve is to mark it.
    """

    name: str
    kind: str
    values: Sequence[tuple[float, float]]
    kept: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The epoch whose weights were kept: where it lies, and how people read it."""

    x: float
    y: float
    epoch: int
    value: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A curve in the picture's coordinates; `last` is its value, as people read it."""

    name: str
    kind: str
    points: str
    x: float
    y: float
    last: str
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A number beside an axis, and where it stands."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """All that a template needs to draw curves."""

    title: str
    lines: tuple[Drawn, ...]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    bottom: float = HEIGHT - BOTTOM
    by: str = "epoch"


def chart(
    title: str,
    lines: Sequence[Line],
    *,
    epochs: int,
    is_share: bool = False,
    by: str = "epoch",
) -> Chart | None:
    """Return the chart of the lines that have values; `None` where none has.

    Args:
        title: What is drawn.
        lines: The curves.
        epochs: How long the run is meant to be: the axis reaches as far from the beginning.
        is_share: Whether values are shares, to be read in percent.
        by: What the values are given for, where that is no epoch.
    """
    values = [value for line in lines for _, value in line.values]
    if not values:
        return None
    low, high = _range(values)
    # Neither a loss nor a share lies below nothing, and no share above all.
    low = max(low, 0.0)
    high = min(high, 1.0) if is_share else high
    last = max(epochs, 1)

    def place(epoch: float, value: float) -> tuple[float, float]:
        x = LEFT + (WIDTH - LEFT - RIGHT) * epoch / last
        y = TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)
        return round(x, 1), round(y, 1)

    drawn = []
    for line in lines:
        if line.values:
            points = [place(*pair) for pair in line.values]
            text = " ".join(f"{x},{y}" for x, y in points)
            told = _told(line.values[-1][1], is_share)
            kept = [
                Kept(*place(epoch, value), int(epoch), _told(value, is_share))
                for epoch, value in line.values
                if epoch == line.kept
            ]
            drawn.append(Drawn(line.name, line.kind, text, *points[-1], told, *kept))
    step = _round_step(last)
    across = tuple(Mark(place(e, low)[0], str(e)) for e in range(0, last + 1, step))
    up = tuple(Mark(place(0, level)[1], text) for level, text in _levels(low, high, is_share))
    return Chart(title, tuple(drawn), across, up, by=by)


def _round_step(last: int) -> int:
    """Return the distance between marks: of a long axis a number that people count in."""
    step = max(1, -(-last // MOST_MARKS))
    if step <= 10:
        return step
    unit = 10 ** (len(str(step)) - 1)
    return next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= step)


def _levels(low: float, high: float, is_share: bool) -> Iterator[tuple[float, str]]:
    """Yield round values within the limits, three at least, each with its text."""
    factor, unit = (100, " %") if is_share else (1, "")
    low, high = low * factor, high * factor
    power = 10.0 ** math.floor(math.log10((high - low) / 2))
    step = next(power * one for one in (5, 2, 1, 0.5) if (high - low) / (power * one) >= 3)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        yield number * step / factor, f"{number * step:.{places}f}{unit}"


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return the values' limits with a little room; never the same one twice."""
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or max(abs(high), 1e-3) * 0.1
    return low - room, high + room


def _told(value: float, is_share: bool) -> str:
    return f"{100 * value:.1f} %" if is_share else f"{value:.3g}"
