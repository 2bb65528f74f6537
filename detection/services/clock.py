"""What time it is for all processes: the database's, whatever the clocks of their machines say.

Leases and sweeps compare moments that different processes wrote. With clocks that differ by more
than a lease, a sweeper would take work away from workers that are at it, or never find what was
lost. So the database is asked now and then, and in between this process counts the seconds that
pass, which no step of a clock changes.
"""

import time
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

# Quartz drifts by less than a millisecond meanwhile.
ASK_AGAIN_SECONDS = 60.0


class _Clock:
    """The database's time when it was asked last, and the seconds counted since then."""

    def __init__(self) -> None:
        self._asked: tuple[float, datetime] | None = None

    def now(self) -> datetime:
        """Tell the time."""
        counted = time.monotonic()
        asked = self._asked
        if asked is None or counted - asked[0] > ASK_AGAIN_SECONDS:
            with connection.cursor() as cursor:
                cursor.execute("SELECT UTC_TIMESTAMP(6)")
                (told,) = cursor.fetchone()
            # One pair, put in place at once: threads share it.
            self._asked = asked = (counted, told.replace(tzinfo=UTC))
        return asked[1] + timedelta(seconds=counted - asked[0])


_clock = _Clock()


def now() -> datetime:
    """Return the time by which work is claimed, given up and swept."""
    if connection.vendor != "mysql":
        # A file on this machine: all its processes have one clock.
        return timezone.now()
    return _clock.now()
