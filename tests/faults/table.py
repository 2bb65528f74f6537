"""The table of faults: what is done in each, in the middle of images on their way."""

import threading
from contextlib import suppress
from functools import partial

from tests.faults.ground import Ground
from tests.faults.run import Course, Fault
from tests.waiting import wait_for

KILLS = 2
AWAY_SECONDS = 30.0


def _held(ground: Ground) -> int:
    """How many images workers hold just now."""
    rows = ground.portal.rows("SELECT COUNT(*) FROM detection_analysis WHERE state = 'running'")
    return int(rows[0][0])


def _kill_holding(ground: Ground) -> None:
    """Kill the inference worker while it holds images."""
    try:
        wait_for(lambda: _held(ground), "a worker that holds an image", timeout=20)
    finally:
        ground.portal.kill("inference")


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


def _more_answers(course: Course, before: int) -> bool:
    return len(course.tally.answered) > before


def beat_killed(ground: Ground, course: Course) -> None:
    """Kill the clock, leave it away for some seconds, and start it again."""
    ground.portal.kill("beat")
    course.began.set()
    threading.Event().wait(5)
    ground.portal.start("beat")


def redis_emptied(ground: Ground, course: Course) -> None:
    """Kill Redis and start it empty."""
    course.began.set()
    ground.redis.kill()
    threading.Event().wait(2)
    ground.redis.start()


def mariadb_killed(ground: Ground, course: Course) -> None:
    """Kill the database server and start it again on its files."""
    course.began.set()
    ground.mariadb.kill()
    threading.Event().wait(2)
    ground.mariadb.start()


def both_away(ground: Ground, course: Course) -> None:
    """End database and Redis in good order, for half a minute."""
    course.began.set()
    ground.mariadb.stop()
    ground.redis.stop()
    threading.Event().wait(AWAY_SECONDS)
    ground.redis.start()
    ground.mariadb.start()


def disk_full(ground: Ground, course: Course) -> None:
    """Fill the file system of the media, and free it again."""
    filler = ground.media / ".filler"
    with filler.open("wb") as file:
        try:
            while True:
                file.write(bytes(1 << 16))
                file.flush()
        except OSError:
            pass
    try:
        course.began.set()
        threading.Event().wait(6)
    finally:
        filler.unlink()


def _no_small_disk(ground: Ground) -> str:
    return "" if ground.is_small else "a small file system may not be mounted here"


FAULTS = (
    Fault("inference worker killed", "SIGKILL while it holds images, twice", inference_killed),
    Fault("inference worker gone", "SIGKILL; a worker of another name goes on", inference_gone),
    Fault("web server killed", "SIGKILL during uploads, three times", web_killed),
    Fault("beat killed", "SIGKILL, 5 s away", beat_killed),
    Fault("Redis emptied", "SIGKILL, started without its data", redis_emptied),
    Fault("MariaDB killed", "SIGKILL, started on its files", mariadb_killed),
    Fault("database and Redis away", f"both ended for {AWAY_SECONDS:.0f} s", both_away),
    Fault("disk full", "the media's file system is filled for 6 s", disk_full, _no_small_disk),
)
