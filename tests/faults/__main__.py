"""`make faults`: every fault of the table on real servers and programs, and what came of each."""

import argparse
import os
import re
import signal
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import django
import psutil

if TYPE_CHECKING:
    from tests.faults.run import Outcome

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- faults: begin -->\n", "<!-- faults: end -->\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Let the faults happen one after the other, print the table, and say whether all holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--images", type=int, default=300, help="on their way in each fault")
    parser.add_argument("--only", default="", help="faults whose name fits this expression")
    parser.add_argument("--write", action="store_true", help="keep the table in the benchmarks")
    wanted = parser.parse_args(arguments)
    # Through every end of what was started, so that no server outlives this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.faults import clocks
    from tests.faults.ground import ground
    from tests.faults.run import run
    from tests.faults.table import BUCKET, CLOCK, FAULTS

    outcomes: list[Outcome] = []
    skipped: list[tuple[str, str]] = []
    chosen = [fault for fault in FAULTS if re.search(wanted.only, fault.name)]
    with tempfile.TemporaryDirectory(prefix="veripix-faults-") as folder:
        for kind in dict.fromkeys(fault.kind for fault in chosen):
            more = clocks.variables if kind == CLOCK else None
            with ground(Path(folder) / kind, with_bucket=kind == BUCKET, variables=more) as made:
                for fault in (one for one in chosen if one.kind == kind):
                    if why := fault.impossible(made):
                        skipped.append((fault.name, why))
                        continue
                    outcome = run(made, fault, images=wanted.images, photographs=20)
                    outcomes.append(outcome)
                    print(line(outcome), outcome.others, outcome.ended, flush=True)
                    for trouble in (*outcome.troubles, *outcome.reckoning.troubles):
                        print(f"  {trouble}", flush=True)
    report = "\n".join(table(outcomes, skipped))
    print(f"\n{report}")
    if wanted.write:
        keep(report)
    return 0 if all(outcome.is_well for outcome in outcomes) else 1


COLUMNS = (
    *("fault", "done", "images", "answered", "lost", "doubled"),
    *("files without row", "rows without file", "left over", "longest delay"),
)


def line(outcome: "Outcome") -> str:
    """One row of the table."""
    found = outcome.reckoning
    figures = (
        *(found.images, found.answered, len(found.lost), len(found.doubled)),
        *(len(found.files_without_row), len(found.rows_without_file), len(found.left)),
    )
    cells = " | ".join(str(figure) for figure in figures)
    fault = outcome.fault
    return f"| {fault.name} | {fault.words} | {cells} | {found.longest_delay:.1f} s |"


def table(outcomes: Sequence["Outcome"], skipped: Sequence[tuple[str, str]]) -> list[str]:
    """The whole report: where and when, the table, and what could not be done."""
    memory = psutil.virtual_memory().total / 1e9
    cores = os.cpu_count()
    head = [
        f"- Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"- Machine: {cores} cores, {memory:.0f} GB of memory",
        "- Servers: MariaDB with `innodb_flush_log_at_trx_commit=1`, Redis with `appendonly`",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    rows = [line(outcome) for outcome in outcomes]
    return [*head, *rows, *(f"\n{name} was skipped: {why}." for name, why in skipped)]


def keep(report: str) -> None:
    """Put the table between its marks in docs/benchmarks.md."""
    text = REPORT.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    REPORT.write_text(f"{before}{BEGIN}\n{report}\n\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
