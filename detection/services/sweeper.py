"""Finds what fell between the processes and puts it back on the road."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from detection.models import Analysis
from detection.models.analyses import AnalysisQuerySet
from detection.services import clock
from detection.services.analysis import (
    analyses_requeue,
    analysis_fail,
    claims_of,
)
from detection.services.import_requests import imports_sweep
from detection.services.intake import submissions_delete_empty
from detection.services.pending import pending_sweep
from detection.services.storage import leftovers_delete
from detection.services.traces import traces_clear
from detection.services.waking import rows_enqueue

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
    now = now or clock.now()
    lease = now - timedelta(seconds=settings.ANALYSIS_LEASE_SECONDS)
    returned, given_up = _give_back(Analysis.objects.abandoned(lease))
    waiting = Analysis.objects.never_enqueued(now - ENQUEUE_GRACE)
    # Each has workers of its own: those of the one tell nothing about the other.
    on_images = Analysis.objects.on_images()
    for kind in (on_images.first_looks(), on_images.repeats(), Analysis.objects.on_faces()):
        if not kind.active_since(now - IDLE_AFTER).exists():
            waiting |= kind.lost_in_queue(lease)
    rows = waiting.oldest_first().values_list("pk", "queue", "track")[:AT_ONCE]
    enqueued = rows_enqueue(list(rows))
    submissions_delete_empty(before=now - EMPTY_SUBMISSION_AGE)
    imports_sweep(now=now)
    pending_sweep(now=now)
    leftovers_delete()
    # What was deleted while somebody read, and whatever else people took back meanwhile.
    traces_clear()
    return SweepReport(returned, given_up, enqueued)


def worker_gives_back(*, worker: str) -> int:
    """Give back what a worker of this name holds: it is not working on it, as it asks for this.

    Returns:
        How many analyses were given back or given up.
    """
    held = Analysis.objects.held_by(worker)
    returned, given_up = _give_back(held)
    return returned + given_up


def claims_fail(*, worker: str, code: str, sentence: str) -> None:
    """End what a worker holds and could not foresee; of several each gets a try of its own first.

    One of them may be what went wrong. Given back, they are taken one at a time.
    """
    claims = claims_of(worker=worker)
    if len(claims) == 1:
        analysis_fail(claim=claims[0], code=code, sentence=sentence)
    else:
        worker_gives_back(worker=worker)


def _give_back(analyses: AnalysisQuerySet) -> tuple[int, int]:
    """Requeue what may be tried again; end what has taken its worker down too often."""
    most = settings.ANALYSIS_MAX_ATTEMPTS
    moved = analyses_requeue(analyses=analyses.filter(attempts__lt=most).oldest_first())
    rows = Analysis.objects.filter(pk__in=moved).order_by("pk")
    rows_enqueue(list(rows.values_list("pk", "queue", "track")))
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
