"""Which workers are alive: each leaves a sign in the cache, also while a task keeps it busy.

A `solo` worker answers Celery's ping only between two tasks, and without Redis never.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

# How often a worker gives a sign, and after how long without one it is taken to be gone.
BEAT_SECONDS = 10
GONE_SECONDS = 45
# What a cache that is away raises.
CACHE_ERRORS = (RedisError, OSError)
NAMES = "workers"
SWEPT = "workers-swept"


@dataclass(frozen=True, slots=True)
class Sign:
    """A worker's sign of life."""

    name: str
    queues: Sequence[str]
    started_at: float
    seen_at: float
    memory_bytes: int
    # What it is at, and since when; empty between two tasks.
    task: str = ""
    task_since: float = 0.0

    @property
    def seconds_since(self) -> float:
        """How long ago it was given."""
        return max(0.0, time.time() - self.seen_at)

    @property
    def task_name(self) -> str:
        """Its task without the place where it is defined."""
        return self.task.rpartition(".")[2]

    @property
    def task_seconds(self) -> float:
        """How long its task has been running."""
        return max(0.0, time.time() - self.task_since) if self.task else 0.0


def worker_beat(*, sign: Sign) -> None:
    """Leave a worker's sign of life.

    The list of names is only written where the name is missing: two that write it at once leave
    one out, which then finds itself missing at its next beat.
    """
    cache.set(_key(sign.name), asdict(sign), timeout=GONE_SECONDS)
    names = cache.get(NAMES) or []
    if sign.name not in names:
        alive = cache.get_many([_key(name) for name in names])
        kept = [name for name in names if _key(name) in alive]
        cache.set(NAMES, [*kept, sign.name], timeout=None)


def worker_gone(*, name: str) -> None:
    """Take a worker's sign away, as it ends in good order."""
    cache.delete(_key(name))


def workers_alive() -> list[Sign]:
    """Return the last sign of each worker that is alive, sorted by name.

    Raises:
        RedisError: When the cache is away, or `OSError`: see `CACHE_ERRORS`.
    """
    found: dict[str, dict[str, Any]] = cache.get_many([_key(n) for n in cache.get(NAMES) or []])
    return sorted((Sign(**sign) for sign in found.values()), key=lambda sign: sign.name)


def sweep_told() -> None:
    """Remember that the sweeper has just been there."""
    cache.set(SWEPT, time.time(), timeout=None)


def seconds_since_sweep() -> float | None:
    """Return how long ago the sweeper was there; nothing where it never was."""
    swept = cache.get(SWEPT)
    return None if swept is None else max(0.0, time.time() - swept)


def _key(name: str) -> str:
    """Return the key of a worker's sign; names may hold what keys may not."""
    return f"worker-{name.encode().hex()}"
