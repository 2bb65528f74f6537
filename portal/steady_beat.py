"""Beat that goes on when its clock is set back, which by itself would keep still for as long."""

import logging
from datetime import datetime
from typing import Any

from celery.utils.time import maybe_make_aware
from django.utils import timezone
from django_celery_beat.schedulers import DatabaseScheduler

log = logging.getLogger(__name__)


class SteadyScheduler(DatabaseScheduler):
    """The schedule of the database, in which nothing was done in the future.

    Beat does again what it did long enough ago. Where its clock was an hour ahead, be it before it
    was started anew, the last time is still to come, and no sweep would be asked for until then.
    """

    def tick(self, *arguments: Any, **options: Any) -> float:
        """Ask for what is due, and say how long to wait."""
        now = timezone.now()
        entries = list(self.schedule.values())
        # An entry itself tells when it was read; its row is what was done since.
        last = [maybe_make_aware(entry.model.last_run_at) for entry in entries]
        ahead = sum(when > now for when in last)
        if ahead:
            log.warning("the clock was set back: %s entries of the schedule begin anew", ahead)
            for entry, when in zip(entries, last, strict=True):
                entry.last_run_at = entry.model.last_run_at = min(when, now)
            # What is due when, and when the rows are read again, was worked out by the clock as it
            # was.
            self._heap = None
            self._last_full_sync = datetime.now()  # noqa: DTZ005 - as the class above tells it
        seconds: float = super().tick(*arguments, **options)
        return seconds
