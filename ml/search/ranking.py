"""The table of a topology search: ranked rows as plain values, CSV and Markdown."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.jsonform import JsonForm
from ml.search.grid import Topology
from ml.search.outcome import Outcome, accuracy_of, loss_of
from ml.search.tables import csv_text, markdown

COLUMNS = (
    "rank",
    "topology",
    "stage",
    "parameters",
    "accuracy",
    "loss",
    "best_epoch",
    "epochs",
    "seconds",
    "status",
    "reason",
)


@dataclass(frozen=True, slots=True)
class Row(JsonForm):
    """One topology and what its trial came to; the file of a trial that ended."""

    topology: Topology
    parameters: int
    outcome: Outcome


def rank(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Sort by validation accuracy, then by loss and size; what did not finish comes last."""
    return tuple(sorted(rows, key=_place))


def base(rows: Sequence[Row], validation_images: int) -> Row | None:
    """Return the convolutional part that heads are put on; `None` when all of them failed.

    Of those that validation cannot tell from the best (within one standard error, Breiman et al.
    1984) it is the one that hands on the fewest features: 24 heads multiply what they cost.
    """
    finished = [(accuracy_of(row.outcome.best), row) for row in rows if row.outcome.best]
    if not finished:
        return None
    best = max(accuracy for accuracy, _ in finished)
    error = math.sqrt(best * (1.0 - best) / validation_images)
    near = [
        (row.topology.features(), -accuracy, row)
        for accuracy, row in finished
        if accuracy >= best - error
    ]
    return min(near, key=lambda choice: choice[:2])[2]


def table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return ranked rows as plain values, one a column; figures of a failed trial are `None`."""
    return [dict(zip(COLUMNS, _cells(i, row), strict=True)) for i, row in enumerate(rows, 1)]


def to_csv(rows: Sequence[Row]) -> str:
    """Return the table as CSV with a header."""
    return csv_text(COLUMNS, table(rows))


def to_markdown(rows: Sequence[Row]) -> str:
    """Return the table as people read it, in Markdown that a terminal shows as well."""
    head = ("rank", "topology", "parameters", "accuracy %", "loss", "epoch", "seconds", "note")
    return markdown(head, [_line(cells) for cells in table(rows)])


def _place(row: Row) -> tuple[float, float, int, str]:
    best = row.outcome.best
    if best is None:
        return 1.0, 0.0, row.parameters, row.topology.name
    return -accuracy_of(best), loss_of(best), row.parameters, row.topology.name


def _cells(place: int, row: Row) -> tuple[Any, ...]:
    outcome, best = row.outcome, row.outcome.best
    return (
        place,
        row.topology.name,
        row.topology.stage,
        row.parameters,
        round(accuracy_of(best), 6) if best else None,
        round(loss_of(best), 6) if best else None,
        best.epoch if best else None,
        len(outcome.epochs),
        round(outcome.seconds, 1),
        outcome.status,
        outcome.reason,
    )


def _line(cells: Mapping[str, Any]) -> tuple[str, ...]:
    finished = cells["status"] == "finished"
    return (
        str(cells["rank"]),
        cells["topology"],
        f"{cells['parameters']:,}",
        f"{cells['accuracy']:.2%}".rstrip("%") if finished else "-",
        f"{cells['loss']:.4f}" if finished else "-",
        str(cells["best_epoch"]) if finished else "-",
        f"{cells['seconds']:.0f}",
        "" if finished else f"{cells['status']}: {cells['reason']}",
    )
