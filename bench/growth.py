"""What a page costs when a thousand analyses have become a million, on MariaDB.

`python -m bench.growth` seeds three databases on one server and asks each for the same pages, in
turns, so that other work on the machine weighs on all of them alike. `--sizes 1000,20000` takes
others, `--plans` adds the plan of every query, `--json` prints the figures for `make bench`.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from bench.sample import ROOT
from tests.installation import Installation, server_variables
from tests.servers import mariadb_server, redis_server

SIZES = (1_000, 100_000, 1_000_000)
USERS = 50
MOST_RATIO = 1.5
# A scene is asked for so often, one database after the other; of the p95 of each round the median
# counts, as a burst of other work on the machine is in one of them.
ROUNDS, IN_A_ROUND = 3, 16
WARM = 3
# An installation of this size has memory for its indexes; the default of MariaDB is 128 MB.
SERVER = ("--innodb-buffer-pool-size=2G", "--innodb-log-file-size=512M")


@dataclass(frozen=True)
class SceneFigures:
    """One scene: milliseconds at the median and at p95, and what was read, by size."""

    name: str
    p50: list[float]
    p95: list[float]
    reads: list[int]

    @property
    def ratio(self) -> float:
        """How many times the smallest database's p95 the largest one's is."""
        return self.p95[-1] / self.p95[0]


@dataclass(frozen=True)
class GrowthFigures:
    """All scenes, the sizes, and how long it took to fill the largest database."""

    sizes: list[int]
    seeding_seconds: list[float]
    seconds: float
    scenes: list[SceneFigures]

    @property
    def worst(self) -> float:
        """The largest ratio of all."""
        return max(scene.ratio for scene in self.scenes)

    @property
    def missed(self) -> list[SceneFigures]:
        """Scenes that grow beyond the bar."""
        return [scene for scene in self.scenes if scene.ratio > MOST_RATIO]


class Asker:
    """The process that asks one database."""

    def __init__(self, portal: Installation) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.growth_scenes"],
            cwd=ROOT,
            env={**portal.environment, "API_RATE_PER_MINUTE": "1000000"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.scenes: list[str] = self._answer()

    def ask(self, what: str, scene: str, times: int = 0) -> Any:
        """Have a scene timed, its reads counted or its queries explained."""
        assert self._process.stdin is not None
        asked = {"what": what, "scene": scene, "times": times}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self) -> None:
        """Let the process end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(("[", "{")) or line.strip().isdigit():
                return json.loads(line)
        raise SystemExit("bench.growth_scenes ended before it had answered.")


def measure(
    sizes: list[int], *, rounds: int, with_plans: bool
) -> tuple[GrowthFigures, dict[str, Any]]:
    """Seed a database of each size, ask all of them, and return figures and plans."""
    begun = time.perf_counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="veripix-growth-")))
        (folder / "mariadb").mkdir()
        mariadb = stack.enter_context(mariadb_server(folder / "mariadb", SERVER))
        redis = stack.enter_context(redis_server(folder / "redis"))
        portals, seconds = [], []
        for size in sizes:
            var = folder / f"var-{size}"
            portal = Installation(var, server_variables(var, folder / "static", mariadb, redis))
            portal.prepare()
            started = time.perf_counter()
            portal.manage("seed_load", "--analyses", str(size), "--users", str(USERS))
            seconds.append(time.perf_counter() - started)
            _say(f"{size:,} analyses in {seconds[-1]:.0f} s")
            portals.append(portal)
        askers = [Asker(portal) for portal in portals]
        for asker in askers:
            stack.callback(asker.end)
        scenes = [_figures(name, askers, rounds) for name in askers[-1].scenes]
        plans = {name: askers[-1].ask("plans", name) for name in askers[-1].scenes if with_plans}
    figures = GrowthFigures(sizes, seconds, time.perf_counter() - begun, scenes)
    return figures, plans


def _figures(name: str, askers: list[Asker], rounds: int) -> SceneFigures:
    """Ask all databases for a scene in turns."""
    for asker in askers:
        asker.ask("time", name, WARM)
    rounds_of: list[list[list[float]]] = [[] for _ in askers]
    for _ in range(rounds):
        taken: list[list[float]] = [[] for _ in askers]
        for _ in range(IN_A_ROUND):
            for asker, times in zip(askers, taken, strict=True):
                times += asker.ask("time", name, 1)
        for all_rounds, times in zip(rounds_of, taken, strict=True):
            all_rounds.append(times)
    figures = SceneFigures(
        name,
        [statistics.median(chain.from_iterable(one)) for one in rounds_of],
        [statistics.median(map(_p95, one)) for one in rounds_of],
        [asker.ask("reads", name) for asker in askers],
    )
    _say(f"{figures.ratio:5.2f}  {name}")
    return figures


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def report(figures: GrowthFigures) -> list[str]:
    """Return the figures as a table in Markdown."""
    names = [f"{size:,}" for size in figures.sizes]
    head = [
        *(f"p95 at {name}" for name in names),
        "ratio",
        f"p50 at {names[0]} and {names[-1]}",
        "rows read at " + ", ".join(names),
    ]
    lines = ["| | " + " | ".join(head) + " |", "|" + "---|" * (len(head) + 1)]
    for scene in figures.scenes:
        cells = [
            *(f"{value:.1f} ms" for value in scene.p95),
            f"{scene.ratio:.2f}",
            f"{scene.p50[0]:.1f}, {scene.p50[-1]:.1f} ms",
            ", ".join(f"{count:,}" for count in scene.reads),
        ]
        lines.append(f"| {scene.name} | " + " | ".join(cells) + " |")
    return lines


def read(text: str) -> GrowthFigures:
    """Return the figures that this module printed."""
    told = json.loads(text)
    del told["worst"]
    return GrowthFigures(**{**told, "scenes": [SceneFigures(**one) for one in told["scenes"]]})


def table(figures: GrowthFigures) -> list[str]:
    """The same with its title, for `make bench`."""
    return ["### The cost of growth", "", *report(figures)]


def bars(figures: GrowthFigures) -> list[tuple[bool, str]]:
    """The bar: whether it is met, and the sentence with its figure."""
    worst = max(figures.scenes, key=lambda scene: scene.ratio)
    words = f"p95 grows at most by half from {figures.sizes[0]:,} to {figures.sizes[-1]:,} analyses"
    return [(not figures.missed, f"{words}: {worst.ratio:.2f}, {worst.name}")]


def plan_lines(plans: dict[str, Any]) -> list[str]:
    """Return each distinct query with the indexes that it used and the rows that it read."""
    lines, seen = ["| in | query | index: rows read |", "|---|---|---|"], set()
    for scene, queries in plans.items():
        for query in queries:
            used = "; ".join(
                f"{table['table']} by {table['key'] or table['access']}"
                f"{' alone' if table['covers'] else ''}: {table['rows']:,}"
                for table in query["tables"]
            )
            sql = _shortened(query["sql"])
            if (sql, used) in seen or not query["tables"]:
                continue
            seen.add((sql, used))
            sorts = ", sorted" if query["sorts"] else ""
            lines.append(f"| {scene} | `{sql}` | {used}{sorts} |")
    return lines


def _shortened(sql: str) -> str:
    """Return what tells a query from others: no column list, no values."""
    sql = re.sub(r"^(\(?SELECT (?:DISTINCT )?).*? FROM ", r"\1… FROM ", sql.replace("`", ""))
    sql = re.sub(r"'[^']*'|\b\d+\b", "?", sql).replace("detection_", "")
    sql = re.sub(r"IN \([^()]{20,}\)", "IN (…)", sql)
    return sql.replace("|", "\\|")[:400]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure and print; ends with status 1 where a scene grows beyond the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--plans", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    figures, plans = measure(sizes, rounds=given.rounds, with_plans=given.plans)
    if given.json:
        print(json.dumps({**asdict(figures), "worst": figures.worst}))
    else:
        print("\n".join([*report(figures), "", *(plan_lines(plans) if plans else [])]))
        rate = figures.sizes[-1] / figures.seeding_seconds[-1]
        print(f"\nseeded {rate:,.0f} analyses a second; all of it took {figures.seconds:.0f} s")
    sys.exit(1 if figures.missed else 0)


if __name__ == "__main__":
    main()
