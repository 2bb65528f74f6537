"""What the page of a run shows, from its row: bars, time left, curves, log."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString

from detection.admin.links import object_link
from detection.curves import Chart, Line, chart
from detection.epochs import kept_epoch, validated
from detection.models import Dataset, Stage, TrainingRun, Work

LOG_LINES = 200
# A worker that is there takes a run up within seconds.
UNCLAIMED = timedelta(seconds=20)
NAMES = {
    "epochs": "Epochs",
    "peak_learning_rate": "Learning rate",
    "batch_size": "Batch",
    "horizontal_flip": "Mirrored images",
    "cutmix": "Mixed batches",
    "degradation": "Degraded images",
    "new_share": "Share of new images",
    "seed": "Seed",
    "precision": "Precision",
    "false_alarms": "False alarms allowed",
}
COLOURS = {
    Work.FINISHED: "success",
    Work.FAILED: "danger",
    Work.RUNNING: "info",
    Work.CANCELLED: "warning",
}


def context(run: TrainingRun) -> dict[str, Any]:
    """Return what the templates of a run's page need."""
    return {
        "run": run,
        "state_colour": COLOURS.get(Work(run.state), ""),
        "charts": [one for one in charts(run) if one],
        "percent_done": round(100 * run.share_done),
        "percent_of_stage": round(100 * run.share_of_stage),
        "stage_text": stage_text(run),
        "is_getting_ready": is_getting_ready(run),
        "stage_bar": stage_bar(run),
        "learnt_from": learnt_from(run),
        "facts": list(facts(run)),
        "events": list(run.events.order_by("-pk")[:LOG_LINES]),
        "is_unclaimed": is_unclaimed(run),
    }


def is_getting_ready(run: TrainingRun) -> bool:
    """Tell whether a fit has begun and has no picture to read yet: it loads its network."""
    is_first = run.stage == Stage.PREPARING and not run.steps
    return run.is_fit and run.state == Work.RUNNING and is_first


def stage_text(run: TrainingRun) -> str:
    """Say what a running run is at."""
    return "Making the network ready" if is_getting_ready(run) else run.get_stage_display()


def learnt_from(run: TrainingRun) -> list[Dataset]:
    """Return the datasets in which to look after a run that failed."""
    return list(run.snapshot.datasets.all()) if run.state == Work.FAILED else []


def stage_bar(run: TrainingRun) -> str:
    """Say what the second bar counts; empty where nothing is counted."""
    if run.state != Work.RUNNING or not run.steps:
        return ""
    if run.stage == Stage.TRAINING:
        return f"Epoch {run.epoch} of {run.epochs}: step {run.step:,} of {run.steps:,}"
    counted = "steps" if run.stage == Stage.VALIDATING else "images"
    return f"{run.get_stage_display()}: {run.step:,} of {run.steps:,} {counted}"


def is_unclaimed(run: TrainingRun) -> bool:
    """Tell whether a run waits longer than a worker that is there would let it."""
    return run.state == Work.QUEUED and run.created_at < timezone.now() - UNCLAIMED


def charts(run: TrainingRun) -> Iterator[Chart | None]:
    """Yield the curves of loss and accuracy; the training loss goes on within an epoch."""
    loss = list(_column(run, "train_loss"))
    is_within = run.state == Work.RUNNING and run.stage == Stage.TRAINING and run.step
    if is_within and run.loss is not None and run.epoch == len(run.history) + 1:
        loss.append((len(run.history) + run.share_of_stage, run.loss))
    kept = kept_epoch(run.history, run.config.get("keep", "last"))
    found = [(float(report["epoch"]), *validated(report)) for report in run.history]
    lost = [(epoch, loss) for epoch, loss, _ in found]
    yield chart(
        "Loss",
        [Line("Training", "first", loss), Line("Validation", "second", lost, kept)],
        epochs=run.epochs,
    )
    right = [(epoch, accuracy) for epoch, _, accuracy in found]
    yield chart(
        "Accuracy",
        [
            Line("Training", "first", list(_column(run, "train_accuracy"))),
            Line("Validation", "second", right, kept),
        ],
        epochs=run.epochs,
        is_share=True,
    )


def facts(run: TrainingRun) -> Iterator[tuple[str, SafeString | str]]:
    """Yield what was asked for, in names and values for people."""
    yield "Snapshot", object_link(run.snapshot)
    if run.is_fit:
        yield "Fitted for", run.model_name
    else:
        base = object_link(run.base_version) if run.base_version else ""
        yield "Begun with", base or f"fresh weights of {run.architecture}"
    yield "Asked by", "the schedule" if run.is_scheduled else str(run.requested_by or "—")
    for name, value in run.chosen.items():
        is_percent = name == "false_alarms" and value is not None
        yield NAMES[name], f"{100 * value:g} %" if is_percent else _told(value)


def _column(run: TrainingRun, name: str) -> Iterator[tuple[float, float]]:
    for report in run.history:
        if report.get(name) is not None:
            yield float(report["epoch"]), float(report[name])


def _told(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
