"""How far a batch is: what became of its files so far, and how long the rest may take."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q

from detection.models import Analysis, Batch, BatchFile, State, VerdictKind
from detection.services import clock

# The rate of the last minute says how long the rest takes; of fewer ends than this none is told.
LOOK_BACK = timedelta(minutes=1)
LEAST_ENDS = 10


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """Counts of images by what became of them, of files that are none, and the time left.

    Attributes:
        expected: Files in the zip, once that is known.
        copies: Of the finished, those answered by the stored result of the same file.
        refused: Files that were not taken in.
        not_unpacked: Files of a batch that has ended which nobody has looked at.
        seconds_left: By the rate of the last minute; `None` where that says nothing.
    """

    expected: int | None
    total: int
    finished: int
    failed: int
    cancelled: int
    unfinished: int
    likely_ai: int
    likely_real: int
    inconclusive: int
    copies: int
    refused: int
    not_unpacked: int
    seconds_left: float | None

    @property
    def ended(self) -> int:
        """Images for which nothing is still to come."""
        return self.total - self.unfinished

    @property
    def to_judge(self) -> int:
        """Images there will be, as far as is known."""
        return self.total if self.expected is None else self.expected - self.refused


def batch_progress(*, batch: Batch) -> BatchProgress:
    """Count what became of a batch's files so far."""
    finished = Q(state=State.FINISHED)
    now = clock.now()
    counts = batch.answers.aggregate(
        total=Count("pk"),
        finished=Count("pk", filter=finished),
        failed=Count("pk", filter=Q(state=State.FAILED)),
        cancelled=Count("pk", filter=Q(state=State.CANCELLED)),
        unfinished=Count("pk", filter=Q(state__in=[State.QUEUED, State.RUNNING])),
        copies=Count("pk", filter=finished & Q(answered_from__isnull=False)),
        lately=Count("pk", filter=Q(finished_at__gte=now - LOOK_BACK)),
        **{kind: Count("pk", filter=finished & Q(verdict=kind)) for kind in VerdictKind.values},
    )
    lately = counts.pop("lately")
    refused = batch.files.filter(image=None).count()
    unseen = max((batch.files_total or 0) - batch.files_seen, 0)
    left = counts["unfinished"] + (unseen if batch.is_active else 0)
    return BatchProgress(
        expected=batch.files_total,
        refused=refused,
        not_unpacked=0 if batch.is_active else unseen,
        seconds_left=_seconds_left(batch, left, lately),
        **counts,
    )


def batches_tally(*, batches: Iterable[Batch]) -> dict[int, dict[str, int]]:
    """Count what became of the files of some batches, for a list: in two queries for all of them.

    Returns:
        For each batch, by its key: `total`, `failed`, `refused`, and one for each verdict.
    """
    keys = {batch.submission_id: batch.pk for batch in batches}
    finished = Q(state=State.FINISHED)
    answers = Analysis.objects.filter(image__submission__in=keys).on_images().current()
    rows = (
        answers.order_by()
        .values("image__submission")
        .annotate(
            total=Count("pk"),
            failed=Count("pk", filter=Q(state=State.FAILED)),
            **{kind: Count("pk", filter=finished & Q(verdict=kind)) for kind in VerdictKind.values},
        )
    )
    nothing = dict.fromkeys(("total", "failed", "refused", *VerdictKind.values), 0)
    tally = {key: dict(nothing) for key in keys.values()}
    for row in rows:
        counts: dict[str, Any] = dict(row)
        tally[keys[counts.pop("image__submission")]] |= counts
    refused = BatchFile.objects.filter(batch__in=tally, image=None).order_by().values("batch")
    for key, count in refused.annotate(count=Count("pk")).values_list("batch", "count"):
        tally[key]["refused"] = count
    return tally


def _seconds_left(batch: Batch, left: int, lately: int) -> float | None:
    if not left or lately < LEAST_ENDS or batch.started_at is None:
        return None
    # A batch that has just begun has had less than a minute to come to that number.
    had = min((clock.now() - batch.started_at).total_seconds(), LOOK_BACK.total_seconds())
    return left * had / lately
