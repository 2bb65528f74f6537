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

from bench import growth, photo, throughput, views
from bench.fits import PhotoBench
from bench.model import RUNTIMES, LoopFigures, ModelFigures, RuntimeFigures
from bench.portal import SHAPES, PortalFigures, measure
from bench.retraining import RetrainingFigures
from bench.sample import ROOT, cifake_archive
from bench.training import TrainingFigures

REPORT = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->\n"
MODEL = ROOT / "ml" / "pretrained" / "cifake-residual"
LEAST_TRAINING_RATIO = 0.95
MOST_HEATMAP_FACTOR = 2.0
LEAST_GAIN = 40.0
LEAST_LOOP_SHARE = 0.9
MOST_FIRST_VERDICT_SECONDS = 5.0
MOST_REPORT_SECONDS = 2.0
MOST_INFERENCE_MEGABYTES = 200.0
MOST_WEB_MEGABYTES = 200.0
MOST_MEDIAN_MILLISECONDS = 1000.0
MOST_MEDIAN_MILLISECONDS_RETRAINING = 3000.0
RUNTIME_NAMES = {
    "litert": "LiteRT (serves)",
    "tensorflow": "compiled `tf.function`",
    "keras": "`keras.Model.predict` and generic Grad-CAM, one view",
}


def model_figures(count: int) -> ModelFigures:
    """Measure the model in processes of its own, so that nothing else is loaded there."""
    model = str(MODEL), str(count)
    runtimes = {
        name: RuntimeFigures(**measured_apart("bench.model", *model, name)) for name in RUNTIMES
    }
    return ModelFigures(runtimes, LoopFigures(**measured_apart("bench.model", *model, "loops")))


def training_figures() -> TrainingFigures:
    """Measure training in a process of its own."""
    return TrainingFigures(**measured_apart("bench.training"))


def retraining_figures() -> RetrainingFigures:
    """Measure verdicts beside a training run, in a process of its own."""
    return RetrainingFigures(**measured_apart("bench.retraining"))


def photo_figures() -> PhotoBench:
    """Measure fits to pictures of three sites, in a process of its own."""
    return photo.read(output_of("bench.photo", "--json"))


def measured_apart(module: str, *arguments: str) -> dict[str, float]:
    """Run a module as a process of its own and return the figures that it printed."""
    figures: dict[str, float] = json.loads(output_of(module, *arguments))
    return figures


def output_of(module: str, *arguments: str) -> str:
    """Run a module as a process of its own and return what it printed.

    One that misses a bar of its own ends with status 1, and has printed its figures all the same.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True)
    if done.returncode != 0 and not done.stdout:
        sys.exit(f"{module} could not measure:\n{done.stderr.decode(errors='replace')}")
    return done.stdout.decode()


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
    libraries = ("tensorflow", "ai-edge-litert", "django", "celery", "gunicorn")
    return [
        f"- Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"- Machine: {os.cpu_count()} cores ({cpu}), {memory:.0f} GB of memory, no graphics card",
        f"- System: {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in libraries),
        f"- Other work at the start: {psutil.cpu_percent(interval=3):.0f} % of the processor",
    ]


def model_table(model: ModelFigures) -> list[str]:
    """The model alone: by each runtime, then in loops."""
    lines = [
        "### The model alone",
        "",
        "| run by | first answer | one image | with heatmap | batches of 64 | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {RUNTIME_NAMES[name]} | {figures.seconds_to_first_answer:.1f} s "
        f"| {figures.milliseconds_plain:.2f} ms | {figures.milliseconds_with_heatmap:.2f} ms "
        f"| {figures.images_per_second_batched:.0f} images/s | {figures.peak_megabytes:.0f} MB |"
        for name, figures in model.runtimes.items()
    ]
    loops = model.loops
    rows = {
        "batches of 64 through the detector": loops.detector,
        "the same batches through the bare interpreter": loops.bare,
        "files one by one, with heatmap": loops.files,
    }
    lines += ["", "| in a loop, by LiteRT | figure |", "|---|---|"]
    return lines + [f"| {what} | {figure:.0f} images/s |" for what, figure in rows.items()]


def training_table(training: TrainingFigures) -> list[str]:
    """Our loop with all augmentation, beside Keras' bare `fit`."""
    rows = {
        "training, with augmentation": training.images_per_second,
        "a bare `fit` on arrays in memory": training.images_per_second_bare,
    }
    head = ["### Training", "", "| what | figure |", "|---|---|"]
    return head + [f"| {what} | {figure:.1f} images/s |" for what, figure in rows.items()]


def retraining_table(retraining: RetrainingFigures) -> list[str]:
    """Verdicts without and with a run on the same cores."""
    rows = {
        "POST to stored verdict, p50, no run": f"{retraining.p50_milliseconds_idle:.0f} ms",
        "the same while a run trains": f"{retraining.p50_milliseconds:.0f} ms",
        "the same, p95": f"{retraining.p95_milliseconds:.0f} ms",
        "the run meanwhile": f"{retraining.training_images_per_second:.0f} images/s",
    }
    head = ["### Verdicts during retraining", "", "| MariaDB and Redis | figure |", "|---|---|"]
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
            f"{model.loops.files:.0f} images/s" for _ in portals
        ],
        "new inference worker, process start to first verdict": [
            f"{figures.seconds_to_first_verdict:.1f} s" for figures in portals.values()
        ],
        f"one client, POST to stored verdict, p50 of {singles}": [
            f"{figures.p50_milliseconds:.0f} ms" for figures in portals.values()
        ],
        f"one client, POST to stored verdict, p95 of {singles}": [
            f"{figures.p95_milliseconds:.0f} ms" for figures in portals.values()
        ],
    }
    rows["the PDF of one analysis, asked for until there"] = [
        f"{figures.seconds_to_report:.2f} s" for figures in portals.values()
    ]
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


def bars(
    model: ModelFigures,
    training: TrainingFigures,
    retraining: RetrainingFigures,
    portals: dict[str, PortalFigures],
) -> list[tuple[bool, str]]:
    """Each bar: whether it is met, and the sentence with its figure."""
    waits = retraining.p50_milliseconds
    judged = [
        (
            model.heatmap_factor <= MOST_HEATMAP_FACTOR,
            f"a heatmap at most doubles a prediction: {model.heatmap_factor:.2f} times",
        ),
        (
            model.gain >= LEAST_GAIN,
            f"one image with heatmap in 1/40 of the time of plain Keras: 1/{model.gain:.0f}",
        ),
        (
            model.loop_share >= LEAST_LOOP_SHARE,
            f"batches of 64 reach 0.9 of the bare interpreter's throughput: {model.loop_share:.2f}",
        ),
        (
            training.ratio >= LEAST_TRAINING_RATIO,
            f"training keeps at least 0.95 of the speed of a bare `fit`: {training.ratio:.3f}",
        ),
        (
            waits <= MOST_MEDIAN_MILLISECONDS_RETRAINING,
            f"one image within 3 s at the median while a run trains: {waits:.0f} ms",
        ),
    ]
    for shape, figures in portals.items():
        web = max(peak for name, peak in figures.peak_megabytes.items() if name.startswith("web"))
        inference = figures.peak_megabytes["inference"]
        median, first = figures.p50_milliseconds, figures.seconds_to_first_verdict
        judged += [
            (
                median <= MOST_MEDIAN_MILLISECONDS,
                f"one image within 1 s at the median, {shape}: {median:.0f} ms",
            ),
            (
                web <= MOST_WEB_MEGABYTES,
                f"a web process stays within 200 MB, {shape}: {web:.0f} MB",
            ),
            (
                inference <= MOST_INFERENCE_MEGABYTES,
                f"the inference worker stays within 200 MB, {shape}: {inference:.0f} MB",
            ),
            (
                first <= MOST_FIRST_VERDICT_SECONDS,
                f"a new worker's first verdict comes within 5 s, {shape}: {first:.1f} s",
            ),
            (
                figures.seconds_to_report <= MOST_REPORT_SECONDS,
                f"the PDF of one analysis in 2 s, {shape}: {figures.seconds_to_report:.2f} s",
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
    print("Measuring training", flush=True)
    training = training_figures()
    print("Measuring fits to photographs", flush=True)
    fits = photo_figures()
    print("Measuring findings and views", flush=True)
    looked = views.read(output_of("bench.views", "--json"))
    print("Measuring verdicts during retraining", flush=True)
    retraining = retraining_figures()
    portals = {}
    for shape in SHAPES:
        print(f"Measuring the portal: {shape}", flush=True)
        portals[shape] = measure(shape, images=wanted.images, singles=wanted.singles)
    print("Measuring the portal beside the floor", flush=True)
    busy = throughput.read(output_of("bench.throughput", "--json"))
    print("Measuring the cost of growth", flush=True)
    grown = growth.read(output_of("bench.growth", "--json"))
    judged = bars(model, training, retraining, portals) + photo.bars(fits) + views.bars(looked)
    judged += throughput.bars(busy) + growth.bars(grown)
    verdicts = [f"- {'met' if is_met else '**missed**'}: {words}" for is_met, words in judged]
    tables = [
        model_table(model),
        training_table(training),
        photo.table(fits),
        views.table(looked),
        retraining_table(retraining),
        portal_table(portals, model, wanted.images, wanted.singles),
        throughput.table(busy),
        growth.table(grown),
        ["### The bars", "", *verdicts],
    ]
    report = "\n\n".join("\n".join(part) for part in (where, *tables))
    print(f"\n{report}")
    if wanted.write:
        keep(report + "\n")
    return 0 if all(is_met for is_met, _ in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
