"""Finds what fell between the processes and puts it back on the road."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from detection.models import Analysis
from detection.models.submissions import AnalysisQuerySet
from detection.services.analysis import analyses_requeue, analysis_enqueue, analysis_fail
from detection.services.import_requests import imports_sweep
from detection.services.intake import submissions_delete_empty

log = logging.getLogger(__name__)

# A commit and its enqueueing lie this close together unless something went wrong.
ENQUEUE_GRACE = timedelta(seconds=5)
# While workers end analyses, those behind them are waiting, not lost.
IDLE_AFTER = timedelta(seconds=30)
EMPTY_SUBMISSION_AGE = timedelta(days=1)
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class SweepReport:
    """How many analyses were given back, given up, and enqueued again."""

    returned: int
    given_up: int
    enqueued: int


def sweep(*, now: datetime | None = None) -> SweepReport:
    """Return abandoned work to the queue and enqueue what the broker never got or lost."""
    now = now or timezone.now()
    lease = now - timedelta(seconds=settings.ANALYSIS_LEASE_SECONDS)
    returned, given_up = _give_back(Analysis.objects.abandoned(lease))
    waiting = Analysis.objects.never_enqueued(now - ENQUEUE_GRACE)
    # Each has workers of its own: those of the one tell nothing about the other.
    on_images = Analysis.objects.on_images()
    for kind in (on_images.first_looks(), on_images.repeats(), Analysis.objects.on_faces()):
        if not kind.active_since(now - IDLE_AFTER).exists():
            waiting |= kind.lost_in_queue(lease)
    oldest = waiting.oldest_first().values_list("pk", flat=True)[:AT_ONCE]
    enqueued = _enqueue(list(oldest))
    submissions_delete_empty(before=now - EMPTY_SUBMISSION_AGE)
    imports_sweep(now=now)
    return SweepReport(returned, given_up, enqueued)


def worker_started(*, worker: str) -> int:
    """Give back what a worker of this name held: it cannot be working on it, as it only starts.

    Returns:
        How many analyses were given back or given up.
    """
    held = Analysis.objects.held_by(worker)
    returned, given_up = _give_back(held)
    return returned + given_up


def _give_back(analyses: AnalysisQuerySet) -> tuple[int, int]:
    """Requeue what may be tried again; end what has taken its worker down too often."""
    most = settings.ANALYSIS_MAX_ATTEMPTS
    moved = analyses_requeue(analyses=analyses.filter(attempts__lt=most).oldest_first())
    for pk in moved:
        analysis_enqueue(analysis_id=pk)
    given_up = sum(
        analysis_fail(
            claim=claim,
            code="worker_lost",
            sentence=f"The analysis was started {claim.attempts} times and its worker was lost "
            "each time. It can be run again.",
        )
        for claim in analyses.filter(attempts__gte=most)
    )
    if moved or given_up:
        log.warning("%s analyses returned to the queue, %s given up", len(moved), given_up)
    return len(moved), given_up


def _enqueue(waiting: list[int]) -> int:
    """Enqueue in order; the first refusal means that the broker is away, so the rest waits."""
    for count, pk in enumerate(waiting):
        if not analysis_enqueue(analysis_id=pk):
            return count
    return len(waiting)
