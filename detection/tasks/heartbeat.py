"""Has each worker give signs of life from a thread of its own, whatever its task does."""

import contextlib
import logging
import os
import resource
import threading
import time
from typing import Any

from celery.signals import (
    task_postrun,
    task_prerun,
    worker_ready,
    worker_shutting_down,
)

from detection.services import workers

log = logging.getLogger(__name__)
SWEEP = "detection.tasks.sweep"
PAGE = resource.getpagesize()


class Heart:
    """What this process's sign says, and the thread that gives it."""

    def __init__(self) -> None:
        self.name = ""
        self._queues: list[str] = []
        self._started_at = time.time()
        self._task = ("", 0.0)
        self._end = threading.Event()

    def begin(self, name: str, queues: list[str]) -> None:
        """Give signs from now on."""
        self.name, self._queues, self._started_at = name, queues, time.time()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def at(self, task: str) -> None:
        """Say what the worker is at; it is told with the next sign."""
        self._task = (task, time.time() if task else 0.0)

    def end(self) -> None:
        """Give no more signs, and take the last one away."""
        self._end.set()
        if self.name:
            try:
                workers.worker_gone(name=self.name)
            except workers.CACHE_ERRORS as error:
                log.debug("the sign of life stays until it expires: %s", error)

    def _beat(self) -> None:
        while True:
            try:
                workers.worker_beat(sign=self._sign())
            except workers.CACHE_ERRORS as error:
                # It will be back, and somebody else says so.
                log.debug("no sign of life: %s", error)
            if self._end.wait(workers.BEAT_SECONDS):
                return

    def _sign(self) -> workers.Sign:
        task, since = self._task
        return workers.Sign(
            name=self.name,
            queues=self._queues,
            started_at=self._started_at,
            seen_at=time.time(),
            memory_bytes=_memory(),
            task=task,
            task_since=since,
        )


def _memory() -> int:
    """Return what this process holds in memory, in bytes."""
    with open(f"/proc/{os.getpid()}/statm", encoding="ascii") as file:  # noqa: PTH123 - each beat
        return int(file.read().split()[1]) * PAGE


heart = Heart()


@worker_ready.connect
def begin_heartbeat(sender: Any, **_: Any) -> None:
    """Give signs as soon as the worker takes tasks."""
    heart.begin(sender.hostname, sorted(sender.app.amqp.queues.consume_from))


@task_prerun.connect
def note_task(task: Any, **_: Any) -> None:
    """Remember what the worker is at."""
    heart.at(task.name)


@task_postrun.connect
def note_end(task: Any, **_: Any) -> None:
    """Remember that it is at nothing any more."""
    heart.at("")
    if task.name == SWEEP:
        with contextlib.suppress(*workers.CACHE_ERRORS):
            workers.sweep_told()


@worker_shutting_down.connect
def end_heartbeat(**_: Any) -> None:
    """Be gone at once and not only when the sign expires."""
    heart.end()
