"""Searches as pictures, in the style of the other plots."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from optuna.trial import FrozenTrial, TrialState

from ml.plots import ACCENT, FAKE, QUIET, REAL, STYLE, new_figure, save, titled
from ml.search.grid import LAYERS, Topology
from ml.search.outcome import accuracy_of
from ml.search.ranking import Row

__all__ = ["study", "topologies"]

PERCENT = FuncFormatter(lambda value, _: f"{value:.1%}")
COLOURS = dict(zip(LAYERS, (REAL, ACCENT, FAKE), strict=True))


def topologies(rows: Sequence[Row], path: Path) -> None:
    """Draw validation accuracy by width, a line for each depth: both stages, side by side.

    A trial that failed is a gap in its line.
    """
    figure, (left, right) = new_figure(11, 4.8, 2)
    first = [row for row in rows if row.topology.stage == 1]
    second = [row for row in rows if row.topology.stage == 2]
    titled(left, "Convolutional part alone", "filters a layer", "validation accuracy")
    titled(right, _title(second), "units a dense layer", "")
    _lines(left, first, "convolution", lambda shape: (shape.conv_layers, shape.filters))
    _lines(right, second, "dense layer", lambda shape: (shape.dense_layers, shape.dense_units))
    under = {(row.topology.conv_layers, row.topology.filters) for row in second}
    for row in first:
        alone = (row.topology.conv_layers, row.topology.filters)
        if alone in under and row.outcome.best:
            height = accuracy_of(row.outcome.best)
            right.axhline(height, color=QUIET, linestyle=":", label="no dense layer")
    for axes in (left, right):
        axes.yaxis.set_major_formatter(PERCENT)
        axes.legend(frameon=False, labelcolor=QUIET, loc="best")
    save(figure, path)


def study(trials: Sequence[FrozenTrial], importances: Mapping[str, float], path: Path) -> None:
    """Draw the accuracies of a study's trials in their order, and what decided them.

    Args:
        trials: Those that ended; the default is marked, and what was ended early is hollow.
        importances: Share of the variance by hyperparameter; the panel stays empty without any.
        path: Of the PNG.
    """
    figure, (left, right) = new_figure(11, 4.8, 2)
    titled(left, "Trials", "trial", "validation accuracy")
    titled(right, "What decided the accuracy", "share of the variance", "")
    _history(left, trials)
    names = sorted(importances, key=lambda name: importances[name])
    shown = [name.replace("_", " ") for name in names]
    right.barh(shown, [importances[name] for name in names], color=ACCENT, height=0.6)
    right.xaxis.set_major_formatter(PERCENT)
    save(figure, path)


def _history(axes: Axes, trials: Sequence[FrozenTrial]) -> None:
    finished = [trial for trial in trials if trial.state == TrialState.COMPLETE and trial.value]
    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    finished.sort(key=lambda trial: trial.number)
    numbers = [trial.number for trial in finished]
    values = [trial.value or 0.0 for trial in finished]
    axes.step(
        numbers, list(accumulate(values, max)), where="post", color=QUIET, label="best so far"
    )
    axes.plot(numbers, values, "o", color=REAL, label="finished")
    axes.plot(
        [trial.number for trial in pruned],
        [trial.intermediate_values[max(trial.intermediate_values)] for trial in pruned],
        "o",
        markerfacecolor="none",
        markeredgecolor=REAL,
        label="ended early",
    )
    for trial, value in zip(finished, values, strict=True):
        if trial.user_attrs.get("default"):
            axes.plot(trial.number, value, "D", color=FAKE, markersize=9, label="default")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PERCENT)
    axes.legend(frameon=False, labelcolor=QUIET, loc="best")


def _title(rows: Sequence[Row]) -> str:
    if not rows:
        return "Dense heads"
    shape = rows[0].topology
    return f"Dense heads on {Topology(shape.conv_layers, shape.filters).name}"


def _lines(
    axes: Axes, rows: Sequence[Row], thing: str, place: Callable[[Topology], tuple[int, int]]
) -> None:
    """Draw one line for each depth; `place` gives a topology's depth and width."""
    widths = sorted({place(row.topology)[1] for row in rows})
    found = {place(row.topology): row.outcome.best for row in rows}
    for depth in LAYERS:
        epochs = [found.get((depth, width)) for width in widths]
        heights = [accuracy_of(epoch) if epoch else float("nan") for epoch in epochs]
        label = f"{depth} {thing}{'s' * (depth > 1)}"
        axes.plot(widths, heights, "o-", color=COLOURS[depth], label=label, **STYLE)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(widths))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
