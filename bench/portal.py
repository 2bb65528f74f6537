"""The whole portal under load: images a second to the last verdict, time to a verdict, memory."""

import contextlib
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench.sample import cifake_sample, high_water_mark
from tests.installation import Installation, running_installation, server_variables
from tests.servers import mariadb_server, redis_server
from tests.visitor import Visitor, reason_of

CLIENTS = 4
REPORTS = 5
PROGRAMS = (
    *("web", "inference", "faces", "pictures", "errands", "training", "background", "beat"),
)
UNHURRIED = {"SWEEP_SECONDS": "15", "ANALYSIS_LEASE_SECONDS": "120"}  # As in production.
Sample = list[tuple[str, bytes]]


@dataclass(frozen=True)
class PortalFigures:
    """What one installation did. Times in milliseconds, memory in MB (10^6 bytes) per process.

    `seconds_to_first_verdict` counts from the start of a new inference worker's process to its
    first stored verdict, on an image that waited for it. `seconds_to_report` is the median time
    from asking for the PDF of a verdict to having it.
    """

    images_per_second: float
    p50_milliseconds: float
    p95_milliseconds: float
    peak_megabytes: dict[str, float]
    seconds_to_first_verdict: float
    seconds_to_report: float


@contextlib.contextmanager
def embedded(folder: Path) -> Iterator[Installation]:
    """The installation of `make run`."""
    variables = {**UNHURRIED, "STATIC_ROOT": str(folder / "static")}
    with running_installation(folder / "var", variables, programs=PROGRAMS) as portal:
        yield portal


@contextlib.contextmanager
def on_servers(folder: Path) -> Iterator[Installation]:
    """The installation of compose.yaml, on a MariaDB and a Redis of its own."""
    (folder / "mariadb").mkdir()
    with mariadb_server(folder / "mariadb") as mariadb, redis_server(folder / "redis") as redis:
        variables = server_variables(folder / "var", folder / "static", mariadb, redis)
        with running_installation(
            folder / "var", {**variables, **UNHURRIED}, programs=PROGRAMS
        ) as portal:
            yield portal


SHAPES = {"embedded default": embedded, "MariaDB and Redis": on_servers}


def measure(shape: str, *, images: int, singles: int) -> PortalFigures:
    """Start an installation of this shape and put it under load."""
    with (
        tempfile.TemporaryDirectory(prefix="veripix-bench-") as folder,
        SHAPES[shape](Path(folder)) as portal,
    ):
        visitors = [portal.visitor().sign_up(f"{n}@bench.example.org") for n in range(CLIENTS)]
        cold = first_verdict_after(portal, visitors[0], *cifake_sample(2)[0])
        sample = cifake_sample(images)
        latencies = [analysed_after(portal, visitors[0], *file) for file in sample[:singles]]
        reports = [
            report_after(visitors[0], name, content, portal) for name, content in sample[:REPORTS]
        ]
        rate = len(sample) / seconds_to_last_verdict(portal, visitors, sample)
        return PortalFigures(
            images_per_second=rate,
            p50_milliseconds=1000 * statistics.median(latencies),
            p95_milliseconds=1000 * statistics.quantiles(latencies, n=20)[-1],
            peak_megabytes=peak_memory(portal),
            seconds_to_first_verdict=cold,
            seconds_to_report=statistics.median(reports),
        )


def first_verdict_after(portal: Installation, visitor: Visitor, name: str, content: bytes) -> float:
    """Seconds from the start of a new inference worker to its verdict on an image that waits."""
    portal.stop("inference")
    submission = visitor.open_submission()
    add(visitor, submission, name, content)
    started = time.time()
    portal.start("inference")
    portal.wait_until_ended(submission)
    return last_finish(portal, [submission]) - started


def analysed_after(portal: Installation, visitor: Visitor, name: str, content: bytes) -> float:
    """Seconds from the POST of one image to its stored verdict."""
    submission = visitor.open_submission()
    started = time.time()
    add(visitor, submission, name, content)
    portal.wait_until_ended(submission)
    return last_finish(portal, [submission]) - started


def report_after(visitor: Visitor, name: str, content: bytes, portal: Installation) -> float:
    """Seconds from asking for the PDF of an image's verdict to having all of it."""
    submission = visitor.open_submission()
    add(visitor, submission, name, content)
    portal.wait_until_ended(submission)
    (link,) = visitor.analysis_links(submission)
    started = time.perf_counter()
    answer = visitor.get(f"{link}report.pdf")
    if not answer.content.startswith(b"%PDF"):
        raise RuntimeError(f"No report came: {answer.status_code}")
    return time.perf_counter() - started


def seconds_to_last_verdict(portal: Installation, visitors: list[Visitor], sample: Sample) -> float:
    """Let the visitors post the sample at the same time; seconds until the last stored verdict."""
    submissions = [visitor.open_submission() for visitor in visitors]
    parts = [sample[number :: len(visitors)] for number in range(len(visitors))]
    threads = [
        threading.Thread(target=add_all, args=arguments)
        for arguments in zip(visitors, submissions, parts, strict=True)
    ]
    started = time.time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for submission, part in zip(submissions, parts, strict=True):
        states = portal.wait_until_ended(submission, timeout=600)
        if states != ["finished"] * len(part):
            raise RuntimeError(f"Not every image got a verdict: {states}")
    return last_finish(portal, submissions) - started


def add_all(visitor: Visitor, submission: str, files: Sample) -> None:
    """Post files one after the other, as one client does."""
    for name, content in files:
        add(visitor, submission, name, content)


def add(visitor: Visitor, submission: str, name: str, content: bytes) -> None:
    """Post one file; anything but success ends the benchmark."""
    answer = visitor.add_image(submission, name, content)
    if not answer.ok:
        raise RuntimeError(f"{name} was not taken in: {reason_of(answer)}")


def last_finish(portal: Installation, submissions: list[str]) -> float:
    """When the last verdict of these submissions was stored, in seconds since the epoch."""
    moments = [
        portal.rows(
            "SELECT max(a.finished_at) FROM detection_analysis a"
            " JOIN detection_submittedimage i ON i.id = a.image_id"
            " JOIN detection_submission s ON s.id = i.submission_id WHERE s.public_id = %s",
            submission,
        )[0][0]
        for submission in submissions
    ]
    return max(seconds_since_epoch(moment) for moment in moments)


def seconds_since_epoch(moment: datetime | str) -> float:
    """A moment as the database stores it, in UTC; SQLite answers with text."""
    stored = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    return stored.replace(tzinfo=UTC).timestamp()


def peak_memory(portal: Installation) -> dict[str, float]:
    """The most memory that each process has held at once (VmHWM), gunicorn's worker apart."""
    peaks: dict[str, float] = {}
    for name in PROGRAMS:
        leader = psutil.Process(portal.pid(name))
        peaks[name] = high_water_mark(leader.pid)
        for number, child in enumerate(leader.children(recursive=True), start=1):
            peaks[f"{name}, worker {number}"] = high_water_mark(child.pid)
    return peaks
