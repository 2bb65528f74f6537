"""Counts and times what happens, for Prometheus; where nobody asked for it, at no cost.

Nothing is measured until `configure` was called. From then on each process writes into files of its
own in one folder, and whoever is asked for metrics adds them all up: one web process speaks for
the workers on its machine, and a process that ended is still counted.
"""

import logging
import os
import socket
import time
from pathlib import Path
from typing import Any, Protocol

log = logging.getLogger(__name__)

ANALYSIS, INTAKE = "analysis", "intake"
WORK_SECONDS = (
    *(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05),
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0),
)
WAIT_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400)
# What a process reserves on the disk: room that is only found missing later would end it by SIGBUS.
RESERVED = {"counter": 1 << 18, "histogram": 1 << 20}

COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "stage_images": ("Images that went through a stage.", ("road", "stage")),
    "analysis_moves": ("Analyses that came into a state.", ("state", "track")),
    "verdicts": (
        "Verdicts that were stored, and whether a model looked or an earlier result was taken.",
        ("verdict", "track", "model", "answered"),
    ),
    "errors": ("Foreseen and unforeseen errors by their code.", ("where", "code")),
    "requests": ("Answers of the web server.", ("view", "method", "status")),
    "tasks": ("Celery tasks that ended.", ("task", "outcome")),
    "images_taken": ("Images that were taken in.", ("format",)),
    "image_bytes": ("Bytes of the images that were taken in.", ("format",)),
    "webhooks": ("Attempts to deliver a webhook.", ("outcome",)),
    "fetches": ("Images fetched from an address.", ("outcome",)),
}
HISTOGRAMS: dict[str, tuple[str, tuple[str, ...], tuple[float, ...]]] = {
    "stage_seconds": ("Time in a stage, once for all its images.", ("road", "stage"), WORK_SECONDS),
    "wait_seconds": ("From waiting to being taken up.", ("queue",), WAIT_SECONDS),
    "answer_seconds": ("From being handed in to a stored end.", ("queue",), WAIT_SECONDS),
    "request_seconds": ("Time to an answer of the web server.", ("view", "method"), WORK_SECONDS),
    "task_seconds": ("Time in a Celery task.", ("task",), WORK_SECONDS),
    "webhook_seconds": ("Time of one attempt to deliver a webhook.", (), WORK_SECONDS),
    "fetch_seconds": ("Time to fetch an image from an address.", (), WORK_SECONDS),
}


class Stage(Protocol):
    """What `stage` returns: something to be entered and left."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class _Idle:
    """Measures nothing."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


class _Meter:
    """The metrics of this process; each combination of labels is looked up once."""

    def __init__(self) -> None:
        # Only here: a process that measures nothing loads none of it.
        from prometheus_client import Counter, Histogram

        self._metrics: dict[str, Any] = {
            name: Counter(f"veripix_{name}", text, labels, registry=None)
            for name, (text, labels) in COUNTERS.items()
        }
        self._metrics |= {
            name: Histogram(f"veripix_{name}", text, labels, buckets=buckets, registry=None)
            for name, (text, labels, buckets) in HISTOGRAMS.items()
            if labels
        }
        self._children: dict[tuple[str, ...], Any] = {}

    def __call__(self, *key: str) -> Any:
        """Return the counter or histogram of a name and the values of its labels."""
        child = self._children.get(key)
        if child is None:
            name, *labels = key
            metric = self._metrics.get(name)
            if metric is None:
                # Without labels it would write zeros at once, also where it never happens.
                from prometheus_client import Histogram

                text, _, buckets = HISTOGRAMS[name]
                metric = Histogram(f"veripix_{name}", text, buckets=buckets, registry=None)
            child = self._children[key] = metric.labels(*labels) if labels else metric
        return child


class _Timer:
    """Times one stage."""

    __slots__ = ("_images", "_meter", "_name", "_road", "_started")

    def __init__(self, meter: _Meter, road: str, name: str, images: int) -> None:
        self._meter, self._road, self._name, self._images = meter, road, name, images

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        seconds = time.perf_counter() - self._started
        self._meter("stage_seconds", self._road, self._name).observe(seconds)
        self._meter("stage_images", self._road, self._name).inc(self._images)


_IDLE = _Idle()
_meter: _Meter | None = None


def configure(folder: Path) -> bool:
    """Measure from now on, in this process and those that it forks.

    Args:
        folder: Where all processes of this machine write; it must be there.

    Returns:
        Whether there is room for it. Work goes on without metrics where there is not.
    """
    global _meter
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    from prometheus_client import values

    try:
        values.ValueClass = values.MultiProcessValue(_Identity(folder))
    except OSError as error:
        log.warning("nothing is measured: %s: %s", folder, error.strerror)
        return False
    _meter = _Meter()
    return True


def is_on() -> bool:
    """Tell whether this process measures."""
    return _meter is not None


class _Identity:
    """Names this process among all that share the folder, also from other containers."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._pid, self._name = folder, 0, ""
        self()

    def __call__(self) -> str:
        """Return the name; in a process that was forked a new one, with room reserved for it.

        Raises:
            OSError: When there is no room.
        """
        pid = os.getpid()
        if pid != self._pid:
            host = "".join(letter for letter in socket.gethostname() if letter.isalnum())
            # The moment too: in containers all processes have the same few numbers.
            name = f"{host}-{pid}-{time.time_ns():x}"
            for kind, size in RESERVED.items():
                _reserve(self._folder / f"{kind}_{name}.db", size)
            self._pid, self._name = pid, name
        return self._name


def _reserve(path: Path, size: int) -> None:
    """Make a file whose every byte has its place on the disk.

    Raises:
        OSError: When there is no room.
    """
    with path.open("xb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError:
            path.unlink()
            raise


# -- what is told ------------------------------------------------------------------------------


def stage(name: str, *, road: str = ANALYSIS, images: int = 1) -> Stage:
    """Time one stage of a road: `with stage("infer", images=32): ...`.

    Args:
        name: claim, read, examine, infer, decide, heatmap, store; of the intake inspect,
            previews, store. Few and fixed: each costs a time series.
        road: `ANALYSIS` or `INTAKE`.
        images: How many go through it at once.
    """
    return _IDLE if _meter is None else _Timer(_meter, road, name, images)


def stage_took(name: str, seconds: float, *, road: str = ANALYSIS, images: int = 1) -> None:
    """Tell of a stage that somebody else timed."""
    if _meter is not None:
        _meter("stage_seconds", road, name).observe(seconds)
        _meter("stage_images", road, name).inc(images)


def analysis_moved(state: str, track: str, *, count: int = 1) -> None:
    """Tell that analyses came into a state: queued, running, finished, failed, cancelled.

    Or `returned`: given back to the queue, as their worker was lost.
    """
    if _meter is not None and count:
        _meter("analysis_moves", state, track).inc(count)


def verdict_given(kind: str, track: str, model: str, *, is_stored: bool = False) -> None:
    """Tell of a verdict that was stored.

    Args:
        kind: As `VerdictKind` spells it; for faces one call each.
        track: Which kind of model looks.
        model: Name and number of the version, `ModelVersion.label`; empty where none was asked.
        is_stored: Whether an earlier result was taken instead of looking anew.
    """
    if _meter is not None:
        _meter("verdicts", kind, track, model, "stored" if is_stored else "model").inc()


def waited(queue: str, seconds: float) -> None:
    """Tell how long an analysis waited before a worker took it up."""
    if _meter is not None:
        _meter("wait_seconds", queue).observe(seconds)


def answered(queue: str, seconds: float) -> None:
    """Tell how long an analysis took from being handed in to its end."""
    if _meter is not None:
        _meter("answer_seconds", queue).observe(seconds)


def error_met(where: str, code: str) -> None:
    """Count an error by its code.

    Args:
        where: analysis, intake, api, fetch, webhook, batch, task.
        code: One of our own codes, never a text: each costs a time series.
    """
    if _meter is not None:
        _meter("errors", where, code).inc()


def image_taken(format: str, byte_size: int) -> None:  # noqa: A002 - the row's own word
    """Tell of an image that was taken in."""
    if _meter is not None:
        _meter("images_taken", format).inc()
        _meter("image_bytes", format).inc(byte_size)


def request_answered(view: str, method: str, status: int, seconds: float) -> None:
    """Tell of an answer of the web server, by the name of its view and never by its address."""
    if _meter is not None:
        _meter("requests", view, method, str(status)).inc()
        _meter("request_seconds", view, method).observe(seconds)


def task_ended(task: str, outcome: str, seconds: float) -> None:
    """Tell of a Celery task that ended, as `done` or `failed`."""
    if _meter is not None:
        _meter("tasks", task, outcome).inc()
        _meter("task_seconds", task).observe(seconds)


def webhook_tried(outcome: str, seconds: float) -> None:
    """Tell of an attempt to deliver a webhook: delivered, failed, or given_up with the last one."""
    if _meter is not None:
        _meter("webhooks", outcome).inc()
        _meter("webhook_seconds").observe(seconds)


def fetch_ended(outcome: str, seconds: float) -> None:
    """Tell of an image that was to be fetched: `fetched`, or the code of the refusal."""
    if _meter is not None:
        _meter("fetches", outcome).inc()
        _meter("fetch_seconds").observe(seconds)
