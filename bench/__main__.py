"""`make bench`: measure everything, judge it by the bars, print a report or keep it in the docs."""

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.model import ModelFigures
from bench.portal import SHAPES, PortalFigures, measure
from bench.sample import ROOT, cifake_archive

REPORT = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->\n"
MODEL = ROOT / "ml" / "pretrained" / "cifake-residual"
MOST_HEATMAP_FACTOR = 2.0
MOST_WEB_MEGABYTES = 200.0
MOST_MEDIAN_MILLISECONDS = 1000.0


def model_figures(count: int) -> ModelFigures:
    """Measure the model in a process of its own, so that nothing else is loaded there."""
    command = [sys.executable, "-m", "bench.model", str(MODEL), str(count)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"The model could not be measured:\n{done.stderr.decode(errors='replace')}")
    return ModelFigures(**json.loads(done.stdout))


def machine() -> list[str]:
    """Where and with what the figures were measured."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory = psutil.virtual_memory().total / 1e9
    libraries = ("tensorflow", "django", "celery", "gunicorn")
    return [
        f"- Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"- Machine: {os.cpu_count()} cores ({cpu}), {memory:.0f} GB of memory, no graphics card",
        f"- System: {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in libraries),
        f"- Other work at the start: {psutil.cpu_percent(interval=3):.0f} % of the processor",
    ]


def model_table(model: ModelFigures) -> list[str]:
    """The model alone."""
    heatmap = f"{model.milliseconds_with_heatmap:.2f} ms ({model.heatmap_factor:.2f} times as long)"
    rows = {
        "one image, median": f"{model.milliseconds_plain:.2f} ms",
        "one image with heatmap, median": heatmap,
        "batches of 64": f"{model.images_per_second_batched:.0f} images/s",
        "files one by one, with heatmap": f"{model.images_per_second_bare:.0f} images/s",
    }
    head = ["### The model alone", "", "| what | figure |", "|---|---|"]
    return head + [f"| {what} | {figure} |" for what, figure in rows.items()]


def portal_table(
    portals: dict[str, PortalFigures], model: ModelFigures, images: int, singles: int
) -> list[str]:
    """The portal in its shapes, beside the same model called bare."""
    rows = {
        f"{images} images by 4 clients, until the last verdict": [
            f"{figures.images_per_second:.1f} images/s" for figures in portals.values()
        ],
        "the same model called bare on the same files": [
            f"{model.images_per_second_bare:.0f} images/s" for _ in portals
        ],
        f"one client, POST to stored verdict, p50 of {singles}": [
            f"{figures.p50_milliseconds:.0f} ms" for figures in portals.values()
        ],
        f"one client, POST to stored verdict, p95 of {singles}": [
            f"{figures.p95_milliseconds:.0f} ms" for figures in portals.values()
        ],
    }
    for process in next(iter(portals.values())).peak_megabytes:
        rows[f"peak memory, {process}"] = [
            f"{figures.peak_megabytes[process]:.0f} MB" for figures in portals.values()
        ]
    head = [
        "### The portal",
        "",
        f"| what | {' | '.join(portals)} |",
        "|---|" + "---|" * len(portals),
    ]
    return head + [f"| {what} | {' | '.join(cells)} |" for what, cells in rows.items()]


def bars(model: ModelFigures, portals: dict[str, PortalFigures]) -> list[tuple[bool, str]]:
    """Each bar: whether it is met, and the sentence with its figure."""
    judged = [
        (
            model.heatmap_factor <= MOST_HEATMAP_FACTOR,
            f"a heatmap at most doubles a prediction: {model.heatmap_factor:.2f} times",
        )
    ]
    for shape, figures in portals.items():
        web = max(peak for name, peak in figures.peak_megabytes.items() if name.startswith("web"))
        median = figures.p50_milliseconds
        judged += [
            (
                median <= MOST_MEDIAN_MILLISECONDS,
                f"one image within 1 s at the median, {shape}: {median:.0f} ms",
            ),
            (
                web <= MOST_WEB_MEGABYTES,
                f"a web process stays within 200 MB, {shape}: {web:.0f} MB",
            ),
        ]
    return judged


def keep(report: str) -> None:
    """Put the report between the marks in docs/benchmarks.md."""
    text = REPORT.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    REPORT.write_text(before + BEGIN + "\n" + report + "\n" + END + after)


def main() -> int:
    """Measure, print, and say with the exit status whether every bar is met."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--images", type=int, default=200, help="images posted by four clients")
    parser.add_argument("--singles", type=int, default=60, help="images posted one by one")
    parser.add_argument(
        "--write", action="store_true", help="keep the report in docs/benchmarks.md"
    )
    wanted = parser.parse_args()
    cifake_archive()
    where = machine()
    print("Measuring the model", flush=True)
    model = model_figures(wanted.images)
    portals = {}
    for shape in SHAPES:
        print(f"Measuring the portal: {shape}", flush=True)
        portals[shape] = measure(shape, images=wanted.images, singles=wanted.singles)
    judged = bars(model, portals)
    verdicts = [f"- {'met' if is_met else '**missed**'}: {words}" for is_met, words in judged]
    tables = portal_table(portals, model, wanted.images, wanted.singles)
    report = "\n".join(
        [*where, "", *model_table(model), "", *tables, "", "### The bars", "", *verdicts]
    )
    print(f"\n{report}")
    if wanted.write:
        keep(report + "\n")
    return 0 if all(is_met for is_met, _ in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
