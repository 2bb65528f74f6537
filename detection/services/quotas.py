"""Holds what people hand in against what they may in a day, and keeps count of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.utils import timezone

from detection.image_files import ImageRejected
from detection.models import UsageDay

EVERYBODY, STAFF, GROUP = "everybody", "staff", "group:"
MEGABYTE = 1_000_000
DAYS_TOLD = 30


class QuotaExceeded(ImageRejected):
    """The day's quota does not hold this any more; `retry_after` is in seconds."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__("quota_exceeded", sentence)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Quota:
    """What a person may hand in on one day (UTC); `None` is without limit."""

    images: int | None
    bytes: int | None

    @property
    def megabytes(self) -> int | None:
        """The second in millions of bytes."""
        return None if self.bytes is None else self.bytes // MEGABYTE


@dataclass(frozen=True, slots=True)
class Usage:
    """What a person handed in, day by day, the newest first, and what the quota leaves of today.

    Attributes:
        today: The count of the day (UTC) that `resets_at` ends.
        days: Of the last 30 days, those with anything.
    """

    quota: Quota
    today: UsageDay
    days: list[UsageDay]
    resets_at: datetime

    @property
    def images(self) -> int:
        """How many images in these days."""
        return sum(day.images for day in self.days)

    @property
    def megabytes(self) -> float:
        """How many millions of bytes in these days."""
        return sum(day.bytes for day in self.days) / MEGABYTE

    @property
    def images_left(self) -> int | None:
        """How many images still go in today; `None` without a limit."""
        return None if self.quota.images is None else max(self.quota.images - self.today.images, 0)

    @property
    def bytes_left(self) -> int | None:
        """How many bytes still go in today; `None` without a limit."""
        return None if self.quota.bytes is None else max(self.quota.bytes - self.today.bytes, 0)


def quota_take(*, owner: Any, images: int, bytes: int) -> None:  # noqa: A002 - what is counted
    """Count images against today's quota, all of them or none.

    One conditional UPDATE, so that of many at once never more get through than there is room
    for. Call it in the transaction that stores the rows: what is not stored is not counted.

    Args:
        owner: Who hands in.
        images: How many.
        bytes: Of all files together.

    Raises:
        QuotaExceeded: `quota_exceeded`, an `ImageRejected` that says when it is over.
    """
    quota, today = quota_of(owner), _today()
    if _counted(owner, today, quota, images, bytes):
        return
    if not UsageDay.objects.filter(owner=owner, day=today).exists():
        _open_day(owner, today)
        if _counted(owner, today, quota, images, bytes):
            return
    raise _exceeded(owner, quota, today, images)


def quota_of(user: Any) -> Quota:
    """Return what a user may hand in a day: the most of what fits staff and groups, else the rest.

    Without a rule for groups this costs no query.
    """
    rules = settings.QUOTA_IMAGES_PER_DAY, settings.QUOTA_MEGABYTES_PER_DAY
    groups: list[str] = []
    if any(kind.startswith(GROUP) for rule in rules for kind in rule):
        groups = [f"{GROUP}{name}" for name in user.groups.values_list("name", flat=True)]
    kinds = [*([STAFF] if user.is_staff else []), *groups]
    images, megabytes = (_most(rule, kinds) for rule in rules)
    return Quota(images, None if megabytes is None else megabytes * MEGABYTE)


def usage_of(user: Any) -> Usage:
    """Return what a user handed in of late, beside the quota."""
    today = _today()
    since = UsageDay.objects.visible_to(user).since(today - timedelta(days=DAYS_TOLD - 1))
    days = list(since)
    of_today = next((day for day in days if day.day == today), UsageDay(owner=user, day=today))
    return Usage(quota_of(user), of_today, days, _end_of(today))


def _most(rule: dict[str, int | None], kinds: list[str]) -> int | None:
    """Return the most generous of the limits that fit, or the one for everybody."""
    fitting = [rule[kind] for kind in kinds if kind in rule] or [rule.get(EVERYBODY)]
    limits = [limit for limit in fitting if limit is not None]
    return max(limits) if len(limits) == len(fitting) else None


def _counted(owner: Any, today: Any, quota: Quota, images: int, size: int) -> bool:
    """Add to the day's row, if there is one and it has room."""
    row = UsageDay.objects.filter(owner=owner, day=today)
    if quota.images is not None:
        row = row.filter(images__lte=quota.images - images)
    if quota.bytes is not None:
        row = row.filter(bytes__lte=quota.bytes - size)
    return bool(row.update(images=F("images") + images, bytes=F("bytes") + size))


def _open_day(owner: Any, today: Any) -> None:
    """Make the day's row, unless another request was faster.

    As an upsert: what MySQL takes on a row that is there already is then the lock that the
    update needs, and not a shared one, from which two that both hold it come no further.
    """
    names_target = connection.features.supports_update_conflicts_with_target
    UsageDay.objects.bulk_create(
        [UsageDay(owner=owner, day=today)],
        update_conflicts=True,
        update_fields=["day"],
        unique_fields=["owner", "day"] if names_target else None,
    )


def _exceeded(owner: Any, quota: Quota, today: Any, images: int) -> QuotaExceeded:
    day = UsageDay.objects.get(owner=owner, day=today)
    limits = []
    if quota.images is not None:
        limits.append(f"{quota.images} image{'' if quota.images == 1 else 's'}")
    if quota.bytes is not None:
        limits.append(f"{quota.bytes // MEGABYTE} MB")
    seconds = int((_end_of(today) - timezone.now()).total_seconds()) + 1
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    taken = f"{day.images} image{'' if day.images == 1 else 's'}, {day.bytes / MEGABYTE:.1f} MB"
    return QuotaExceeded(
        f"This account may hand in {' and '.join(limits)} a day and has handed in {taken} today. "
        f"A new day begins at 00:00 UTC, in {hours} h {minutes} min.",
        seconds,
    )


def _today() -> Any:
    return datetime.now(UTC).date()


def _end_of(day: Any) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=UTC)
