"""Many reports as CSV, one row an image, harmless in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator

# A cell that starts so is a formula to spreadsheet programs, which would carry it out.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# Spreadsheet programs take a file without it for something else than UTF-8.
BYTE_ORDER_MARK = "\ufeff"

Value = str | int | float | None


def csv_lines(columns: Iterable[str], rows: Iterable[dict[str, Value]]) -> Iterator[str]:
    """Yield a table line by line, the header first.

    Args:
        columns: The names, in order.
        rows: A value for each column; what is missing stays empty.
    """
    names = list(columns)
    yield BYTE_ORDER_MARK + _line(names)
    for row in rows:
        yield _line([_harmless(row.get(name)) for name in names])


def _harmless(value: Value) -> str:
    """Return a value as text; one that a spreadsheet would carry out begins with an apostrophe."""
    if value is None:
        return ""
    text = str(value)
    is_text = isinstance(value, str)
    return f"'{text}" if is_text and text.lstrip(" ").startswith(_FORMULA) else text


def _line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
