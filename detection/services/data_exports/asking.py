"""Asks for the zip with everything of one's own, and sees to those that there are."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count, F, Sum
from django.utils import timezone

from detection.models import DataExport, SubmittedImage, Work
from detection.models.data_exports import DataExportQuerySet
from detection.services.queueing import task_send
from detection.services.storage import files_forget

log = logging.getLogger(__name__)

MAKE_EXPORT = "detection.tasks.errands.make_data_export"
# So many may be asked for on one day: each reads all that a person has.
MOST_A_DAY = 3
# A worker gives a sign of life every quarter of a minute; see `making`.
LEASE = timedelta(minutes=3)
# The row of what has ended tells so for a while.
TOLD_FOR = timedelta(days=1)


class ExportRefused(Exception):
    """No zip is made; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is: images whose files are kept, their bytes, and images in all."""

    files: int
    bytes: int
    images: int


def extent_of(*, owner: Any) -> Extent:
    """Count what a zip would hold; heatmaps and views come to it, small beside originals."""
    mine = SubmittedImage.objects.visible_to(owner)
    counted = mine.kept().aggregate(files=Count("pk"), bytes=Sum("byte_size"))
    return Extent(counted["files"], counted["bytes"] or 0, mine.count())


def export_request(*, owner: Any) -> DataExport:
    """Have a zip made of everything that is kept of a person.

    Raises:
        ExportRefused: `export_under_way` or `too_many_exports`.
    """
    now = timezone.now()
    with transaction.atomic():
        # Locked, so that of two requests at once one is refused.
        get_user_model().objects.select_for_update().filter(pk=owner.pk).first()
        mine = DataExport.objects.visible_to(owner)
        if mine.active().exists():
            raise ExportRefused("export_under_way", "Your data is being packed already.")
        if mine.filter(created_at__gt=now - timedelta(days=1)).count() >= MOST_A_DAY:
            raise ExportRefused(
                "too_many_exports",
                f"You have asked {MOST_A_DAY} times within a day; try again tomorrow.",
            )
        export = DataExport.objects.create(owner=owner)
        # Robust: what is stored stays asked for, and the sweep enqueues what this could not.
        transaction.on_commit(lambda: _enqueue(export.pk), robust=True)
    return export


def export_delete(*, export: DataExport) -> None:
    """Delete a zip, or stop one that is being made; the row tells so for a day."""
    with transaction.atomic():
        locked = DataExport.objects.select_for_update().filter(pk=export.pk).first()
        if locked is not None:
            _let_go([locked])


def exports_purge(*, owner: Any) -> None:
    """Delete all zips of a person who leaves, in the transaction of that."""
    rows = list(DataExport.objects.visible_to(owner).select_for_update())
    names = [row.file.name for row in rows if row.file]
    DataExport.objects.filter(pk__in=[row.pk for row in rows]).delete()
    files_forget(names)


def exports_sweep(*, now: datetime | None = None) -> int:
    """Put lost ones back on the road, and delete what was kept for its time.

    Returns:
        How many zips were deleted.
    """
    now = now or timezone.now()
    _give_back(DataExport.objects.abandoned(now - LEASE))
    for pk in DataExport.objects.lost_in_queue(now - LEASE).values_list("pk", flat=True):
        # The first refusal means that the broker is away, so the rest waits.
        if not _enqueue(pk):
            break
    with transaction.atomic():
        expired = DataExport.objects.expired(now).filter(state=Work.FINISHED)
        rows = list(expired.select_for_update())
        _let_go(rows)
    DataExport.objects.expired(now - TOLD_FOR).exclude(state__in=(Work.FINISHED,)).delete()
    return len(rows)


def worker_started(*, worker: str) -> None:
    """Give back what a worker of this name held: it cannot be working on it, as it only starts."""
    _give_back(DataExport.objects.filter(state=Work.RUNNING, worker=worker))


def _give_back(exports: DataExportQuerySet) -> None:
    most = settings.ANALYSIS_MAX_ATTEMPTS
    spent = exports.filter(attempts__gte=most)
    now = timezone.now()
    spent.update(
        state=Work.FAILED,
        error_code="worker_lost",
        error_sentence=f"It was begun {most} times and its worker was lost each time.",
        finished_at=now,
        expires_at=now,
    )
    keys = list(exports.values_list("pk", flat=True))
    exports.update(state=Work.QUEUED, worker="", started_at=None, enqueued_at=None)
    for pk in keys:
        _enqueue(pk)


def _let_go(rows: list[DataExport]) -> None:
    """Delete the files of locked rows once that is committed; zips that are made find out."""
    now = timezone.now()
    names = [row.file.name for row in rows if row.file]
    keys = [row.pk for row in rows]
    DataExport.objects.filter(pk__in=keys).update(
        state=Work.CANCELLED, file="", finished_at=now, expires_at=now, worker=""
    )
    files_forget(names)


def _enqueue(export_id: int) -> bool:
    if not task_send(MAKE_EXPORT, export_id):
        return False
    DataExport.objects.filter(pk=export_id).update(enqueued_at=timezone.now())
    return True


def export_claim(*, export_id: int, worker: str) -> DataExport | None:
    """Take an export that waits; of several workers exactly one succeeds."""
    now = timezone.now()
    waiting = DataExport.objects.filter(pk=export_id, state=Work.QUEUED)
    is_mine = waiting.update(
        state=Work.RUNNING, worker=worker, started_at=now, attempts=F("attempts") + 1
    )
    if not is_mine:
        return None
    mine = DataExport.objects.select_related("owner").filter(pk=export_id, worker=worker)
    return mine.filter(state=Work.RUNNING).first()


def held(claim: DataExport) -> DataExportQuerySet:
    """Return the row as long as this very claim holds it: each claim counts one more attempt."""
    return DataExport.objects.filter(
        pk=claim.pk, state=Work.RUNNING, worker=claim.worker, attempts=claim.attempts
    )
