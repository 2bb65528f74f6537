"""How the installation is: database, storage, workers and champions, as staff see it."""

import shutil
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import connection

from detection.models import ModelVersion, Track
from detection.services import workers
from detection.services.queueing import BROKER_ERRORS
from detection.services.storage import storage_check

# A worker that is idle answers within a few milliseconds.
PING_SECONDS = 0.5
LEAST_FREE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """Which database it is, how large, and how fast it answers."""

    engine: str
    version: str
    byte_size: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class StorageState:
    """Where files are kept and whether that works; a bucket says nothing of its room."""

    is_remote: bool
    is_reachable: bool
    free_bytes: int | None = None
    total_bytes: int | None = None

    @property
    def is_almost_full(self) -> bool:
        """Tell whether uploads will soon find no room."""
        if self.free_bytes is None or self.total_bytes is None:
            return False
        return self.free_bytes < LEAST_FREE_SHARE * self.total_bytes


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker's last sign of life, and whether it answers Celery's ping at this moment."""

    sign: workers.Sign
    # `None` where workers cannot be asked: without Redis there is no channel for it.
    has_answered: bool | None


def database_state() -> DatabaseState:
    """Return the state of the database."""
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
        milliseconds = 1000 * (time.perf_counter() - started)
        if connection.vendor == "sqlite":
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
            (size,) = cursor.fetchone()
            return DatabaseState("SQLite", sqlite3.sqlite_version, size, milliseconds)
        # The server's own estimate; exact figures would read every table.
        cursor.execute(
            "SELECT VERSION(), SUM(data_length + index_length) FROM information_schema.tables"
            " WHERE table_schema = DATABASE()"
        )
        version, size = cursor.fetchone()
    engine = "MariaDB" if "mariadb" in version.lower() else "MySQL"
    return DatabaseState(engine, version.partition("-")[0], int(size or 0), milliseconds)


def storage_state() -> StorageState:
    """Return the state of the file storage."""
    try:
        storage_check()
    except OSError:
        return StorageState(settings.IS_STORAGE_REMOTE, is_reachable=False)
    if settings.IS_STORAGE_REMOTE:
        return StorageState(is_remote=True, is_reachable=True)
    usage = shutil.disk_usage(settings.MEDIA_ROOT)
    return StorageState(
        is_remote=False, is_reachable=True, free_bytes=usage.free, total_bytes=usage.total
    )


def worker_states() -> list[WorkerState] | None:
    """Return the state of each worker that is alive; `None` where the cache is away."""
    try:
        signs = workers.workers_alive()
    except workers.CACHE_ERRORS:
        return None
    answered = _answered() if signs and settings.HAS_REDIS else None
    return [
        WorkerState(sign, None if answered is None else sign.name in answered) for sign in signs
    ]


def _answered() -> set[str] | None:
    """Return the names of the workers that answer a ping; `None` where the broker is away."""
    try:
        answers: list[dict[str, Any]] = current_app.control.ping(timeout=PING_SECONDS)
    except BROKER_ERRORS:
        return None
    return {name for answer in answers for name in answer}


def champions() -> list[tuple[str, ModelVersion | None]]:
    """Return each track's name and the version that answers in it."""
    return [(track.label, ModelVersion.objects.champion_of(track)) for track in Track]
