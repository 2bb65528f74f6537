"""How much waits and how fast it goes, in queries that stay short however much has been done."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from detection.models import (
    Analysis,
    Batch,
    BatchState,
    Explanation,
    ForensicViews,
    Priority,
    Queue,
    State,
    Track,
    TrainingRun,
    UrlFetch,
    WebhookDelivery,
    Work,
)

LATELY = timedelta(minutes=10)
A_DAY = timedelta(days=1)
# Beyond it nobody needs the number, and counting on would cost a second.
COUNTED = 10_000
# The same of analyses in one queue with one priority.
DEPTH_COUNTED = 100_000


@dataclass(slots=True)
class QueueFigures:
    """What one queue holds now."""

    queue: str
    label: str
    # By `Priority`: 0 for what somebody waits for, 1 for parts of batches.
    waiting: dict[int, int] = field(default_factory=dict)
    running: int = 0
    # Since the one that has waited longest came in; nothing where none waits.
    oldest_seconds: float | None = None

    @property
    def depth(self) -> int:
        """How many wait."""
        return sum(self.waiting.values())

    @property
    def single(self) -> int:
        """How many of them somebody waits for."""
        return self.waiting.get(Priority.SINGLE, 0)

    @property
    def in_batches(self) -> int:
        """How many of them are parts of batches."""
        return self.waiting.get(Priority.BATCH, 0)


@dataclass(frozen=True, slots=True)
class Lately:
    """What ended within the last minutes, by track."""

    per_minute: dict[str, float]

    @property
    def total(self) -> float:
        """Images in a minute, of all tracks; looks for faces are not counted twice."""
        return sum(rate for track, rate in self.per_minute.items() if track != Track.FACE)


def queue_figures(*, now: datetime | None = None) -> list[QueueFigures]:
    """Return what each queue of analyses holds.

    A look at the index for each kind that waits, and one at the oldest rows: what has ended costs
    nothing, and of what waits no more than `DEPTH_COUNTED` of a kind is counted.
    """
    now = now or timezone.now()
    figures = {queue.value: QueueFigures(queue.value, queue.label) for queue in Queue}
    oldest: dict[int, QueueFigures] = {}
    for one in figures.values():
        for priority in Priority:
            waiting = Analysis.objects.waiting_in(one.queue).filter(priority=priority)
            # In turn, as the index has them: beyond the bound only younger ones are left out.
            first = waiting.order_by("turn", "pk").values("pk")[:DEPTH_COUNTED]
            found = first.aggregate(count=Count("pk"), oldest=Min("pk"))
            if found["count"]:
                one.waiting[priority] = found["count"]
                oldest[found["oldest"]] = one
    since = Analysis.objects.filter(pk__in=oldest).annotate(
        since=Coalesce("enqueued_at", "created_at")
    )
    for pk, moment in since.values_list("pk", "since"):
        one = oldest[pk]
        one.oldest_seconds = max(one.oldest_seconds or 0.0, (now - moment).total_seconds())
    running = Analysis.objects.filter(state=State.RUNNING).order_by().values_list("queue")
    for queue, count in running.annotate(count=Count("pk")):
        figures[queue].running = count
    return list(figures.values())


def done_lately(*, now: datetime | None = None) -> Lately:
    """Return how many images got their verdict in a minute, over the last ten."""
    since = (now or timezone.now()) - LATELY
    ended = Analysis.objects.filter(state=State.FINISHED, finished_at__gte=since)
    by_track = ended.order_by().values_list("track").annotate(count=Count("pk"))
    minutes = LATELY.total_seconds() / 60
    return Lately({track: count / minutes for track, count in by_track})


def failures_lately(*, now: datetime | None = None) -> dict[str, int]:
    """Return how many analyses failed within a day, by code, the most frequent first.

    Of very many only the newest are looked at.
    """
    since = (now or timezone.now()) - A_DAY
    failed = Analysis.objects.filter(state=State.FAILED, finished_at__gte=since)
    newest = failed.order_by("-finished_at").values_list("error_code", flat=True)[:COUNTED]
    counts: dict[str, int] = {}
    for code in newest:
        counts[code] = counts.get(code, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def others_waiting() -> dict[str, int]:
    """Return what waits beside analyses, by kind; at most `COUNTED` of each.

    Of pictures, whose tables have no index to what waits, the newest `COUNTED` are looked at.
    """
    # What waits for a webhook that is off is not sent, and what is held back is not due.
    told = WebhookDelivery.objects.waiting().filter(webhook__is_active=True)
    kinds: Iterable[tuple[str, QuerySet[Any]]] = (
        ("training", TrainingRun.objects.filter(state=Work.QUEUED)),
        ("batches", Batch.objects.filter(state=BatchState.UNPACKING)),
        ("fetches", UrlFetch.objects.unfinished()),
        ("webhooks", told.exclude(next_attempt_at=None)),
    )
    counts = {name: rows.order_by()[:COUNTED].count() for name, rows in kinds}
    pictures: Iterable[tuple[str, QuerySet[Any]]] = (
        ("views", ForensicViews.objects.all()),
        ("heatmaps", Explanation.objects.all()),
    )
    for name, rows in pictures:
        newest = rows.order_by("-pk").values("pk", "state")[:COUNTED]
        is_queued = Q(state=State.QUEUED)
        counts[name] = newest.aggregate(count=Count("pk", filter=is_queued))["count"]
    return counts
