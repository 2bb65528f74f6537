"""Evaluations and training runs as pictures: one function, one PNG.

Every figure is drawn on a canvas of its own, without matplotlib's shared state, so that workers
and threads may draw at the same time and no display is needed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ml.contract import Calibration, EpochReport, EvaluationRecord, Metrics
from ml.degradation import TIERS
from ml.evaluation.metrics import Floats, Labels, reliability_bins

__all__ = [
    "confusion",
    "history",
    "new_figure",
    "picture_grid",
    "reliability",
    "roc_and_pr",
    "save",
    "tiers",
    "titled",
]

FAKE, REAL, ACCENT = "#ad3f0c", "#1a5aa0", "#0c5b52"
INK, QUIET, LINE, PAPER = "#17191c", "#5d6167", "#dcd7ca", "#fffefb"
STYLE: dict[str, Any] = {"linewidth": 2, "solid_capstyle": "round"}
DPI = 150
COLUMNS = 6
LARGEST_CORNER = 0.5  # a part of a curve that is worth to be enlarged
NAMES = ("real", "fake")
NAMES_SHOWN = ("REAL", "FAKE")

Point = tuple[float, float]


def history(epochs: Sequence[EpochReport], path: Path) -> None:
    """Draw losses and accuracies of a run by epoch, of raw and averaged weights."""
    figure, (losses, accuracies) = new_figure(10, 4.3, 2)
    titled(losses, "Loss", "epoch", "")
    titled(accuracies, "Accuracy", "epoch", "")
    curves = (
        ("training images, as augmented", QUIET, "train_loss", "train_accuracy"),
        ("validation, raw weights", REAL, "validation_loss", "validation_accuracy"),
        ("validation, averaged weights", FAKE, "averaged_loss", "averaged_accuracy"),
    )
    for label, colour, *names in curves:
        for axes, name in zip((losses, accuracies), names, strict=True):
            known = [(e.epoch, getattr(e, name)) for e in epochs if getattr(e, name) is not None]
            if known:
                axes.plot(*zip(*known, strict=True), color=colour, label=label, **STYLE)
    for axes in (losses, accuracies):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    accuracies.yaxis.set_major_formatter(_percent(1))
    _legend_below(figure, losses)
    save(figure, path)


def confusion(metrics: Metrics, path: Path) -> None:
    """Draw how many of each class were taken for which, with the share of the class."""
    figure, (axes,) = new_figure(5, 4.4, 1)
    counts = np.array(
        [[metrics.confusion[f"{true}_as_{told}"] for told in NAMES] for true in NAMES]
    )
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    titled(axes, f"{metrics.n:,} images, {metrics.accuracy:.2%} right", "called", "is")
    axes.imshow(shares, cmap=_shades(), vmin=0, vmax=1)
    for row, column in np.ndindex(2, 2):
        colour = PAPER if shares[row, column] > 0.5 else INK
        text = f"{counts[row, column]:,}\n{shares[row, column]:.2%}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=13)
    axes.set_xticks((0, 1), NAMES_SHOWN)
    axes.set_yticks((0, 1), NAMES_SHOWN)
    axes.grid(visible=False)
    save(figure, path)


def roc_and_pr(
    p_fake: Floats, labels: Labels, metrics: Metrics, threshold: float, path: Path
) -> None:
    """Draw the ROC and the precision-recall curve, and where the threshold lies on them.

    Args:
        p_fake: (n,), the score.
        labels: (n,), 1 for FAKE.
        metrics: The figures at the threshold.
        threshold: Told beside its point.
        path: PNG to write.
    """
    from sklearn.metrics import precision_recall_curve, roc_curve

    figure, (roc, curve) = new_figure(10, 5, 2)
    false_alarms, found, _ = roc_curve(labels, p_fake)
    precision, recall, _ = precision_recall_curve(labels, p_fake)
    average, specificity = metrics.average_precision or 0, metrics.specificity or 0
    titled(roc, f"ROC, area {metrics.roc_auc or 0:.4f}", "REAL called FAKE", "FAKE found")
    roc.plot((0, 1), (0, 1), color=LINE, linewidth=1)
    _curve(roc, false_alarms, found, (0, 1), (1 - specificity, metrics.recall))
    titled(curve, f"Precision and recall, average {average:.4f}", "recall", "precision")
    _curve(curve, recall, precision, (1, 1), (metrics.recall, metrics.precision))
    figure.supxlabel(f"The dot is the threshold, {threshold:g}.", color=QUIET, fontsize=10)
    save(figure, path)


def reliability(
    logits: Floats, labels: Labels, calibration: Calibration, path: Path, threshold: float = 0.5
) -> None:
    """Draw how often the model was right when it was so sure, before and after calibration.

    Args:
        logits: (n,), of FAKE.
        labels: (n,), 1 for FAKE.
        calibration: Its temperature makes the second panel.
        path: PNG to write.
        threshold: P(FAKE) from which an image is called FAKE.
    """
    figure, panels = new_figure(10, 4.6, 2)
    fits = (("Before calibration", Calibration()), ("After calibration", calibration))
    for axes, (title, used) in zip(panels, fits, strict=True):
        confidence, share, sizes = reliability_bins(used.probability(logits), labels, threshold)
        error = float((np.abs(confidence - share) * sizes).sum() / len(labels))
        titled(axes, f"{title}, error {error:.4f}", "confidence", "share of right answers")
        axes.plot((0.5, 1), (0.5, 1), color=LINE, linewidth=1)
        axes.vlines(confidence, confidence, share, color=FAKE, alpha=0.5, linewidth=1.5)
        area = 20 + 380 * sizes / sizes.max()
        axes.scatter(confidence, share, s=area, color=ACCENT, alpha=0.8, linewidths=0)
        axes.set(xlim=(0.48, 1.02), ylim=(min(0.48, float(share.min()) - 0.03), 1.02))
    figure.supxlabel("Larger dots stand for more images.", color=QUIET, fontsize=10)
    save(figure, path)


def tiers(record: EvaluationRecord, path: Path) -> None:
    """Draw accuracy and ROC AUC of the images as they are and under each degradation."""
    sentences = {tier.name: tier.sentence for tier in TIERS}
    rows: dict[str, Metrics] = {"as they are": record}
    rows |= {sentences.get(name, name): metrics for name, metrics in record.tiers.items()}
    figure, (axes,) = new_figure(9, 1.2 + 0.75 * len(rows), 1)
    titled(axes, f"{record.model} on degraded images", "", "")
    positions = np.arange(len(rows))[::-1]
    bars = (
        ("accuracy", ACCENT, "accuracy", 0.17),
        ("roc_auc", LINE, "ROC AUC: whether the order holds, whatever the threshold", -0.17),
    )
    for name, colour, label, offset in bars:
        values = [getattr(metrics, name) for metrics in rows.values()]
        drawn = axes.barh(positions + offset, values, 0.3, color=colour, label=label)
        axes.bar_label(drawn, [f"{value:.4f}" for value in values], padding=4, color=INK)
    axes.set_yticks(positions, list(rows))
    least = min(min(metrics.accuracy, metrics.roc_auc or 0) for metrics in rows.values())
    start = min(0.5, np.floor(10 * least) / 10)
    axes.set_xlim(start, 1.06)
    axes.set_xticks(np.arange(start, 1.01, 0.1))
    axes.xaxis.set_major_formatter(_percent(0))
    axes.grid(visible=False)
    _legend_below(figure, axes)
    save(figure, path)


def picture_grid(
    pictures: Sequence[npt.NDArray[np.uint8]],
    titles: Sequence[str],
    path: Path,
    *,
    heading: str,
    marked: Sequence[bool] = (),
) -> None:
    """Draw images side by side, each under its title.

    Args:
        pictures: uint8 (height, width, 3) each; at least one.
        titles: One per picture.
        path: PNG to write.
        heading: Over all of them.
        marked: One per picture; the titles of the marked ones are red.
    """
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = Figure((1.7 * columns, 0.5 + 2.0 * rows), facecolor=PAPER, layout="constrained")
    figure.suptitle(heading, color=INK, fontsize=13, fontweight="bold")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.axis("off")
    flags = marked or [False] * len(pictures)
    for axes, picture, title, flag in zip(panels, pictures, titles, flags, strict=False):
        axes.imshow(picture, interpolation="nearest")
        axes.set_title(title, fontsize=9, color=FAKE if flag else INK)
    save(figure, path)


def new_figure(width: float, height: float, panels: int) -> tuple[Figure, list[Axes]]:
    """Return a figure of this size in inches and its panels, side by side, in the house style."""
    figure = Figure((width, height), facecolor=PAPER, layout="constrained")
    axes = list(figure.subplots(1, panels, squeeze=False)[0])
    for panel in axes:
        panel.set_facecolor(PAPER)
        panel.grid(color=LINE, linewidth=0.6)
        panel.set_axisbelow(True)
        panel.tick_params(colors=QUIET, length=0)
        for side, spine in panel.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(LINE)
    return figure, axes


def titled(axes: Axes, title: str, below: str, beside: str) -> None:
    """Name a panel and its axes."""
    axes.set_title(title, loc="left", color=INK, fontsize=12, fontweight="bold")
    axes.set_xlabel(below, color=QUIET)
    axes.set_ylabel(beside, color=QUIET)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; its folder is made where it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI, format="png")


def _legend_below(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=3, frameon=False, labelcolor=INK
    )


def _curve(axes: Axes, x: Floats, y: Floats, corner: tuple[float, float], at: Point) -> None:
    """Draw a curve, the threshold's point on it, and its good corner once more, enlarged.

    Args:
        axes: Where to draw.
        x, y: The curve, in [0, 1].
        corner: The best point there could be.
        at: Where the threshold lies.
    """
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    span = 3 * max(abs(at[0] - corner[0]), abs(at[1] - corner[1]), 0.003)
    panels = [axes]
    if span < LARGEST_CORNER:
        left = 0.38 if corner[0] == 0 else 0.12
        panels.append(axes.inset_axes((left, 0.14, 0.5, 0.5), facecolor=PAPER))
        start = 0 if corner[0] == 0 else 1 - span
        panels[1].set(xlim=(start, start + span), ylim=(1 - span, 1))
        panels[1].tick_params(colors=QUIET, length=0, labelsize=8)
        panels[1].grid(color=LINE, linewidth=0.6)
        for spine in panels[1].spines.values():
            spine.set_color(QUIET)
        axes.indicate_inset_zoom(panels[1], edgecolor=QUIET)
    for panel in panels:
        panel.plot(x, y, color=FAKE, **STYLE)
        panel.plot(*at, "o", color=ACCENT, markersize=8, markeredgecolor=PAPER, zorder=3)


def _percent(digits: int) -> FuncFormatter:
    return FuncFormatter(lambda value, _: f"{value:.{digits}%}")


def _shades() -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("shares", [PAPER, ACCENT])
