"""Finds what fell between the processes on a batch's road, and puts it back."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction

from detection.models import Batch, BatchState
from detection.models.batches import PIECES_FOLDER, BatchQuerySet
from detection.services import clock
from detection.services.batches.ending import (
    DELETE_BATCH,
    MAIL_BATCH,
    MAIL_PATIENCE,
    batch_finish,
)
from detection.services.batches.receiving import batch_enqueue
from detection.services.batches.unpacking import batch_fail
from detection.services.queueing import task_send
from detection.services.storage import files_delete, files_note, noted_delete

log = logging.getLogger(__name__)

# A commit and its message lie this close together unless something went wrong.
GRACE = timedelta(minutes=1)
# So long a batch waits for its next piece.
UPLOAD_PATIENCE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BatchSweep:
    """How many batches were put back on the road, ended, and given up."""

    returned: int
    ended: int
    given_up: int


def batches_sweep(*, now: datetime | None = None) -> BatchSweep:
    """Return lost batches to the queue, end those that have ended, see to mail and deletions."""
    now = now or clock.now()
    lease = now - timedelta(seconds=settings.ANALYSIS_LEASE_SECONDS)
    returned = _give_back(Batch.objects.abandoned(lease))
    for pk in Batch.objects.lost_in_queue(lease).values_list("pk", flat=True):
        # The first refusal means that the broker is away, so the rest waits.
        if not batch_enqueue(batch_id=pk):
            break
        returned += 1
    analysing = Batch.objects.filter(state=BatchState.ANALYSING, deleted_at=None)
    ended = sum(batch_finish(batch=batch) for batch in analysing)
    given_up = sum(_give_up(batch) for batch in Batch.objects.broken_off(now - UPLOAD_PATIENCE))
    late = Batch.objects.to_be_mailed(now - MAIL_PATIENCE).filter(finished_at__lt=now - GRACE)
    _send(MAIL_BATCH, late)
    _send(DELETE_BATCH, Batch.objects.filter(deleted_at__lt=now - GRACE))
    return BatchSweep(returned, ended, given_up)


def worker_started(*, worker: str) -> int:
    """Give back what a worker of this name held: it cannot be working on it, as it only starts."""
    return _give_back(Batch.objects.held_by(worker))


def pieces_sweep() -> int:
    """Delete pieces of batches that are gone or take no more: a crash left them behind.

    Returns:
        How many files were deleted.
    """
    try:
        folders, _ = default_storage.listdir(PIECES_FOLDER)
    except FileNotFoundError:
        return 0  # a disk on which there never was any
    in_use = set(
        Batch.objects.filter(state__in=(BatchState.RECEIVING, BatchState.UNPACKING)).values_list(
            "public_id", flat=True
        )
    )
    left = [
        f"{PIECES_FOLDER}/{folder}/{name}"
        for folder in folders
        if folder not in in_use
        for name in default_storage.listdir(f"{PIECES_FOLDER}/{folder}")[1]
    ]
    files_delete(left)
    return len(left)


def _give_back(batches: BatchQuerySet) -> int:
    count = 0
    for batch in batches:
        if batch.attempts >= settings.ANALYSIS_MAX_ATTEMPTS:
            batch_fail(
                claim=batch,
                code="worker_lost",
                sentence=f"The worker was lost {batch.attempts} times at the same files, after "
                f"{batch.files_seen:,} of them.",
            )
            continue
        held = Batch.objects.held_by(batch.worker).filter(started_at=batch.started_at)
        count += held.filter(pk=batch.pk).update(worker="", enqueued_at=None)
        batch_enqueue(batch_id=batch.pk)
    if count:
        log.warning("%s batches returned to the queue", count)
    return count


def _give_up(batch: Batch) -> bool:
    """End a batch of which nothing has come for long; what has come is let go."""
    receiving = Batch.objects.filter(
        pk=batch.pk, state=BatchState.RECEIVING, heartbeat_at=batch.heartbeat_at
    )
    with transaction.atomic():
        is_ended = receiving.update(
            state=BatchState.FAILED,
            error_code="upload_broken_off",
            error_sentence="The upload was not finished within a day. Hand it in once more.",
            finished_at=clock.now(),
            wants_mail=False,
        )
        names = files_note(batch.pieces.values_list("file", flat=True)) if is_ended else []
        batch.pieces.filter(file__in=names).delete()
    noted_delete(names)
    return bool(is_ended)


def _send(task: str, batches: BatchQuerySet) -> None:
    for pk in batches.values_list("pk", flat=True):
        if not task_send(task, pk):
            break
