"""Keeps a run's row up to date from a thread of its own, so that training never waits for it.

What the run tells is gathered in memory. About every second the thread writes it with a sign of
life and looks whether somebody asked to stop. Where the database is away it tries again, less
and less often, and training goes on meanwhile.
"""

import logging
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from django.db import (
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)
from django.utils import timezone

from detection.models import RunEvent, TrainingRun, Work
from detection.models.training import TrainingRunQuerySet
from detection.services.storage import StorageUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

BEAT_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0
# A database that stays away longer is no hiccup: the run ends, or is found by its silence.
PATIENCE_SECONDS = 3600.0
# Not every error of a database: what is wrong for good is not tried again.
AWAY = (OperationalError, InterfaceError)
# Set when this worker was told to end: the run stops after its step and is put back.
SHUTDOWN = threading.Event()


class Stopped(Exception):
    """Somebody asked the run to stop, the worker is to end, or the run is another worker's now."""


def held(claim: TrainingRun) -> TrainingRunQuerySet:
    """Return the row as long as this very claim holds it."""
    return TrainingRun.objects.filter(
        pk=claim.pk, state=Work.RUNNING, worker=claim.worker, attempts=claim.attempts
    )


class Reporter:
    """Tells a claimed run's row where it stands, as long as the context lasts.

    Args:
        claim: The run.
        is_threaded: Whether a thread writes; without one, whoever tells something writes.
    """

    def __init__(self, claim: TrainingRun, *, is_threaded: bool = True) -> None:
        self.claim, self.is_threaded = claim, is_threaded
        self.is_cancelled, self.is_lost = threading.Event(), threading.Event()
        self._fields: dict[str, Any] = {}
        self._sentences: list[str] = []
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="run reporter", daemon=True)

    def __enter__(self) -> "Reporter":
        if self.is_threaded:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self.is_threaded:
            self._thread.join()

    def tell(self, **fields: Any) -> None:
        """Note columns of the row that have changed."""
        with self._lock:
            self._fields.update(fields)
        if not self.is_threaded:
            self.beat()

    def log(self, sentence: str) -> None:
        """Note a line of the run's log."""
        log.info("%s: %s", self.claim, sentence)
        with self._lock:
            self._sentences.append(sentence[:500])
        if not self.is_threaded:
            self.beat()

    def should_stop(self) -> bool:
        """Tell whether the run is to end now; cheap enough to be asked before each step."""
        return self.is_cancelled.is_set() or self.is_lost.is_set() or SHUTDOWN.is_set()

    def check(self) -> None:
        """Go on, or end here.

        Raises:
            Stopped: When the run is to end now.
        """
        if self.should_stop():
            raise Stopped

    def beat(self) -> None:
        """Write what was told, with a sign of life, and see whether somebody asked to stop.

        Raises:
            OperationalError, InterfaceError: When the database is away; nothing told is lost.
        """
        fields, sentences = self.taken()
        try:
            with transaction.atomic():
                is_held = held(self.claim).update(
                    heartbeat_at=timezone.now(), memory_bytes=memory_bytes(), **fields
                )
                events_create(self.claim, sentences)
            row = TrainingRun.objects.filter(pk=self.claim.pk)
            asked_at = row.values_list("cancel_requested_at", flat=True).first()
        except AWAY:
            self._put_back(fields, sentences)
            raise
        if not is_held:
            self.is_lost.set()
        elif asked_at:
            self.is_cancelled.set()

    def taken(self) -> tuple[dict[str, Any], list[str]]:
        """Return what was told and not yet written, and forget it."""
        with self._lock:
            fields, self._fields = self._fields, {}
            sentences, self._sentences = self._sentences, []
        return fields, sentences

    def _put_back(self, fields: dict[str, Any], sentences: list[str]) -> None:
        with self._lock:
            self._fields = {**fields, **self._fields}
            self._sentences = [*sentences, *self._sentences]

    def _beat_on(self) -> None:
        pause = 0.0
        try:
            while not self._done.wait(pause):
                pause = self._paused(pause)
        finally:
            connection.close()

    def _paused(self, pause: float) -> float:
        """Beat, and return the seconds until the next time."""
        try:
            close_old_connections()
            self.beat()
        except AWAY as error:
            pause = min(2 * max(pause, BEAT_SECONDS), LONGEST_PAUSE_SECONDS)
            log.warning("%s trains on; the database is away: %s", self.claim, error)
            connection.close()
            return pause
        return BEAT_SECONDS


def persist(act: Callable[[], T]) -> T:
    """Do something with database and storage, again and again until they let it be done.

    Raises:
        OperationalError, InterfaceError, StorageUnavailable: After an hour, or when the worker was
            told to end.
    """
    pause, deadline = BEAT_SECONDS, time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            close_old_connections()
            return act()
        except (*AWAY, StorageUnavailable) as error:
            log.warning("database or storage is away: %s", error)
            is_over = connection.in_atomic_block or time.monotonic() > deadline
            if is_over or SHUTDOWN.wait(pause):
                raise
            connection.close()
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def events_create(run: TrainingRun, sentences: list[str]) -> None:
    """Store lines of a run's log."""
    RunEvent.objects.bulk_create([RunEvent(run=run, sentence=one[:500]) for one in sentences])


def memory_bytes() -> int:
    """Return the memory that this process holds; where the system does not tell, its peak."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
