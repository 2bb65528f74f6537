"""Tables as text: CSV for programs, Markdown that reads well in a terminal too."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV with a header; `None` is an empty field."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells under a head, padded so that the columns stand below each other."""
    widths = [max(len(line[i]) for line in (head, *lines)) for i in range(len(head))]
    rule = ["-" * width for width in widths]
    return "".join(_padded(line, widths) for line in (head, rule, *lines))


def _padded(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
    return f"| {' | '.join(cells)} |\n"
