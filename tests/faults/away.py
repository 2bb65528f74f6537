"""Servers that are killed or away, a disk that is full, a storage that is slow."""

import threading

import redis as redis_client

from tests.faults.ground import Ground
from tests.faults.run import Course

AWAY_SECONDS = 30.0
FULL_SECONDS = 6.0
SLOW_SECONDS = 20.0
# Each piece that goes through the gate, so a request takes twice as long at least.
SLOWNESS_SECONDS = 1.0


def redis_emptied(ground: Ground, course: Course) -> None:
    """Kill Redis and start it empty."""
    course.began.set()
    ground.redis.kill()
    threading.Event().wait(2)
    ground.redis.start()


def messages_lost(ground: Ground, course: Course) -> None:
    """Take all messages away, and whatever else Redis holds, again and again for some seconds."""
    course.began.set()
    with redis_client.Redis.from_url(ground.portal.environment["REDIS_URL"]) as client:
        for _ in range(20):
            client.flushdb()
            threading.Event().wait(0.2)


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
            course.began.set()
    threading.Event().wait(FULL_SECONDS)
    filler.unlink()


def no_small_disk(ground: Ground) -> str:
    """Why the disk cannot be filled."""
    return "" if ground.is_small else "a small file system may not be mounted here"


def storage_slow(ground: Ground, course: Course) -> None:
    """Let every request to the bucket take seconds."""
    assert ground.gate is not None
    ground.gate.delay_seconds = SLOWNESS_SECONDS
    course.began.set()
    threading.Event().wait(SLOW_SECONDS)
    ground.gate.delay_seconds = 0.0


def storage_away(ground: Ground, course: Course) -> None:
    """Let nobody through to the bucket."""
    assert ground.gate is not None
    course.began.set()
    ground.gate.shut()
    threading.Event().wait(10)
    ground.gate.open()
