"""Programs that are killed, at moments that were chosen or that come by chance."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from urllib.parse import urlsplit

import MySQLdb

from tests.faults.ground import Ground
from tests.faults.run import Course
from tests.waiting import wait_for

KILLS = 2
BEAT_AWAY_SECONDS = 5.0


def inference_killed(ground: Ground, course: Course) -> None:
    """Kill the worker in the middle, twice, and start it again under its name."""
    course.began.set()
    for _ in range(KILLS):
        _kill_holding(ground)
        ground.portal.start("inference")


def inference_gone(ground: Ground, course: Course) -> None:
    """Kill the worker for good; another one takes over when its lease has ended."""
    course.began.set()
    _kill_holding(ground)
    ground.portal.start("inference", options=["-n", f"stand-in-{ground.next_picture}@elsewhere"])


def inference_killed_before_commit(ground: Ground, course: Course) -> None:
    """Kill the worker between its heatmaps and its commit: a table that it needs is locked."""
    with _locked(ground, "detection_webhook"):
        course.began.set()
        before = len(_heatmaps(ground))
        with suppress(AssertionError):
            wait_for(lambda: len(_heatmaps(ground)) > before, "heatmaps without rows", timeout=20)
        ground.portal.kill("inference")
    ground.portal.start("inference")


def web_killed(ground: Ground, course: Course) -> None:
    """Kill the web server during uploads, three times."""
    course.began.set()
    for _ in range(3):
        more = partial(_more_answers, course, len(course.tally.answered))
        # Where nobody was answered meanwhile, it dies while requests are under way.
        with suppress(AssertionError):
            wait_for(more, "an answer", timeout=5)
        ground.portal.kill("web")
        ground.portal.start("web")


def web_killed_before_commit(ground: Ground, course: Course) -> None:
    """Kill the web server between files and rows: the table of images is locked."""
    with _locked(ground, "detection_submittedimage"):
        course.began.set()
        with suppress(AssertionError):
            wait_for(lambda: _pending(ground), "files without rows", timeout=20)
        ground.portal.kill("web")
    ground.portal.start("web")


def errands_killed(ground: Ground, course: Course) -> None:
    """Kill the worker that unpacks, in the middle of a batch."""
    course.began.set()
    unpacking = "SELECT COUNT(*) FROM detection_batch WHERE state = 'unpacking' AND worker <> ''"
    for _ in range(KILLS):
        with suppress(AssertionError):
            wait_for(lambda: ground.portal.rows(unpacking)[0][0], "a batch in hand", timeout=5)
        ground.portal.kill("errands")
        ground.portal.start("errands")


def beat_killed(ground: Ground, course: Course) -> None:
    """Kill the clock, leave it away for some seconds, and start it again."""
    ground.portal.kill("beat")
    course.began.set()
    threading.Event().wait(BEAT_AWAY_SECONDS)
    ground.portal.start("beat")


def all_killed(ground: Ground, course: Course) -> None:
    """Kill every program at once, as a power cut would, and start them all."""
    course.began.set()
    with suppress(AssertionError):
        wait_for(lambda: _held(ground), "a worker that holds an image", timeout=10)
    for name in ground.portal.running:
        ground.portal.kill(name)
    ground.start_all()


def _kill_holding(ground: Ground) -> None:
    """Kill the inference worker while it holds images."""
    with suppress(AssertionError):
        wait_for(lambda: _held(ground), "a worker that holds an image", timeout=20)
    ground.portal.kill("inference")


def _held(ground: Ground) -> int:
    """How many images workers hold just now."""
    rows = ground.portal.rows("SELECT COUNT(*) FROM detection_analysis WHERE state = 'running'")
    return int(rows[0][0])


def _pending(ground: Ground) -> int:
    return int(ground.portal.rows("SELECT COUNT(*) FROM detection_pendingfiles")[0][0])


def _heatmaps(ground: Ground) -> set[str]:
    return {name for name in ground.stored() if name.startswith("heatmaps/")}


def _more_answers(course: Course, before: int) -> bool:
    return len(course.tally.answered) > before


@contextmanager
def _locked(ground: Ground, table: str) -> Iterator[None]:
    """Let everybody wait who needs this table; what was opened before goes on."""
    parts = urlsplit(ground.portal.environment["DATABASE_URL"])
    connection = MySQLdb.connect(
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        passwd=parts.password,
        db=parts.path.lstrip("/"),
    )
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {table} WRITE")
        try:
            yield
        finally:
            cursor.execute("UNLOCK TABLES")
