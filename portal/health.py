"""The health of the whole installation at `/health/`: for people, and as JSON or text for programs.

Strangers may ask, so it names parts and never places: the log tells what a part said. Answers are
kept for some seconds, so that whoever asks again and again costs nothing.
"""

import dataclasses
import shutil
import time
from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Any

from django.conf import settings
from health_check import checks
from health_check.base import HealthCheck, HealthCheckResult
from health_check.exceptions import HealthCheckException, ServiceUnavailable
from health_check.views import HealthCheckView

from detection.models import Queue
from detection.services.workers import CACHE_ERRORS, workers_alive
from portal import ops

KEPT_SECONDS = 5
# Below it uploads will soon find no room.
LEAST_FREE_SHARE = 0.05
_kept: dict[str, tuple[float, HealthCheckResult]] = {}


@dataclasses.dataclass(repr=False)
class Check(HealthCheck):
    """A check that is told by its name, and whose last answer counts for some seconds."""

    def __repr__(self) -> str:
        return type(self).__name__.lower()

    async def get_result(self, executor: Executor | None = None) -> HealthCheckResult:
        """Return what was found out just now, or find it out."""
        name, now = repr(self), time.monotonic()
        if name in _kept and now - _kept[name][0] < KEPT_SECONDS:
            return _kept[name][1]
        result = await super().get_result(executor)
        _kept[name] = (now, result)
        return result


@dataclasses.dataclass(repr=False)
class Database(Check, checks.Database):
    """Whether the database answers."""

    def run(self) -> None:
        """Ask it for nothing."""
        try:
            super().run()
        except HealthCheckException:
            # Its own words name host and user.
            raise ServiceUnavailable("unreachable") from None


@dataclasses.dataclass(repr=False)
class Cache(Check, checks.Cache):
    """Whether the cache keeps what it is given."""


@dataclasses.dataclass(repr=False)
class Storage(Check):
    """Whether files can be kept."""

    def run(self) -> None:
        """Ask the storage."""
        _expect(ops.media())


@dataclasses.dataclass(repr=False)
class Broker(Check):
    """Whether tasks can be handed over."""

    def run(self) -> None:
        """Connect to it."""
        _expect(ops.broker())


@dataclasses.dataclass(repr=False)
class Workers(Check):
    """Whether somebody gives verdicts."""

    def run(self) -> None:
        """Look for a sign of life on the queue that everybody needs."""
        try:
            signs = workers_alive()
        except CACHE_ERRORS:
            raise ServiceUnavailable("nobody knows without the cache") from None
        if not any(Queue.INFERENCE in sign.queues for sign in signs):
            raise ServiceUnavailable("nobody takes images up")


@dataclasses.dataclass(repr=False)
class Disk(Check):
    """Whether there is room left on this machine."""

    def run(self) -> None:
        """Ask for the share that is free."""
        usage = shutil.disk_usage(settings.VAR_ROOT)
        if usage.free < LEAST_FREE_SHARE * usage.total:
            raise ServiceUnavailable("almost full")


class Health(HealthCheckView):
    """Asks all parts at once; 200 where all are well, else 500."""

    checks: Iterable[type[HealthCheck]] = (Database, Cache, Storage, Broker, Workers, Disk)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add a name for people to each result."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["parts"] = [(repr(one.check).capitalize(), one) for one in self.results]
        return context


def _expect(state: str) -> None:
    """Raise what is wrong, in a word."""
    if state != "ok":
        raise ServiceUnavailable(state)
