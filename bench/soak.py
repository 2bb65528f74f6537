"""Twenty minutes at half load: does memory stay flat, and does every file get closed again?

`python -m bench.soak` (`make soak`) lets half of the users of `bench.load` work on the real stack
and looks at every process meanwhile. After a warm-up, no program may have grown by 5 % or more, nor
hold more open files; and nothing may be lost, doubled or answered with an error.
"""

import argparse
import json
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TypeVar

import psutil

from bench.load import PEOPLE, LoadFigures, counted, locust, stack, table
from bench.throughput import ended
from tests.installation import Installation

Value = TypeVar("Value", int, float)
MINUTES, USERS = 20, 25
EVERY_SECONDS = 5.0
# Caches fill and models load in the first part; the ends of the rest are compared.
WARM_UP, END = 0.3, 0.2
MOST_GROWTH = 0.05
# One more open file here and there is a connection that comes and goes.
MOST_FILES = 3


@dataclass
class Program:
    """What one program held, with all processes that it started, at each look."""

    memory: list[float] = field(default_factory=list)  # in megabytes
    files: list[int] = field(default_factory=list)

    @property
    def begun(self) -> float:
        """Megabytes after the warm-up."""
        return median(_first(self.memory))

    @property
    def at_end(self) -> float:
        """Megabytes at the end."""
        return median(_last(self.memory))

    @property
    def growth(self) -> float:
        """By which share it has grown between the two."""
        return self.at_end / self.begun - 1

    @property
    def more_files(self) -> float:
        """How many files more it holds open."""
        return median(_last(self.files)) - median(_first(self.files))

    @property
    def is_flat(self) -> bool:
        """Tell whether it keeps within the bounds."""
        return self.growth < MOST_GROWTH and self.more_files <= MOST_FILES


def _first(values: Sequence[Value]) -> Sequence[Value]:
    start = int(len(values) * WARM_UP)
    return values[start : start + max(1, int(len(values) * END))]


def _last(values: Sequence[Value]) -> Sequence[Value]:
    return values[-max(1, int(len(values) * END)) :]


@contextmanager
def watched(portal: Installation) -> Iterator[dict[str, Program]]:
    """Look at all programs every few seconds while this lasts."""
    found = {name: Program() for name in portal.running}
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(EVERY_SECONDS):
            for name, program in found.items():
                memory, files = held(portal.pid(name))
                program.memory.append(memory)
                program.files.append(files)

    thread = threading.Thread(target=look, name="soak")
    thread.start()
    try:
        yield found
    finally:
        is_over.set()
        thread.join()


def held(pid: int) -> tuple[float, int]:
    """Megabytes and open files of a process and of those that it started."""
    first = psutil.Process(pid)
    memory, files = 0, 0
    for process in (first, *first.children(recursive=True)):
        try:
            # Their own pages: shared ones would be counted with each of them.
            memory += process.memory_full_info().uss
            files += process.num_fds()
        except psutil.NoSuchProcess:
            continue
    return memory / 1e6, files


def measure(*, users: int, minutes: float) -> tuple[dict[str, Program], LoadFigures]:
    """Run the load, watch, wait for the last verdict, and count."""
    with tempfile.TemporaryDirectory(prefix="veripix-soak-") as name:
        folder = Path(name)
        with stack(folder) as portal:
            people = str(folder / "people.json")
            portal.manage("shell", "-c", PEOPLE.format(count=users, path=people))
            with watched(portal) as found:
                requests = locust(portal, folder, users, round(minutes * 60))
            tally = json.loads((folder / "tally.json").read_text())
            return found, counted(portal, requests, tally, ended(portal))


def programs_table(found: dict[str, Program]) -> list[str]:
    """What each program held, as docs/benchmarks.md shows it."""
    lines = [
        "| program | after the warm-up | at the end | growth | open files |",
        "|---|---|---|---|---|",
    ]
    for name, one in found.items():
        lines.append(
            f"| {name} | {one.begun:.1f} MB | {one.at_end:.1f} MB | {one.growth:+.1%} "
            f"| {median(_first(one.files)):.0f} → {median(_last(one.files)):.0f} |"
        )
    return lines


def main() -> int:
    """Run it, print the tables, and say with the exit status whether all stayed flat."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    wanted = parser.parse_args()
    found, figures = measure(users=wanted.users, minutes=wanted.minutes)
    print("\n".join([*programs_table(found), "", *table(figures)]))
    is_well = all(one.is_flat for one in found.values())
    return int(not is_well or bool(figures.failures or figures.lost or figures.doubled))


if __name__ == "__main__":
    sys.exit(main())
