"""Tasks on batches: unpacking, the mail at the end, deletion, and what finds lost ones."""

import logging
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_ready

from detection.services import batches
from detection.services.batches import ending, receiving
from detection.tasks.boundary import task_boundary

log = logging.getLogger(__name__)


@shared_task(name=receiving.UNPACK_BATCH, bind=True)
def unpack_batch(self: Task, batch_id: int) -> None:
    """Unpack a batch. Delivered twice, the second time does nothing."""
    worker = self.request.hostname or ""

    def fail(sentence: str) -> None:
        claim = batches.claimed_by(batch_id=batch_id, worker=worker)
        if claim:
            batches.batch_fail(claim=claim, code="internal", sentence=sentence)

    with task_boundary(f"batch {batch_id}", fail):
        batches.batch_unpack(batch_id=batch_id, worker=worker)


@shared_task(name=ending.MAIL_BATCH)
def mail_batch(batch_id: int) -> None:
    """Send the mail on the end of a batch. Delivered twice, the second time does nothing."""
    with task_boundary(f"the mail on batch {batch_id}", log.warning):
        batches.batch_mail(batch_id=batch_id)


@shared_task(name=ending.DELETE_BATCH)
def delete_batch(batch_id: int) -> None:
    """Delete what a batch's owner has let go. Delivered twice, it goes on or finds nothing."""
    with task_boundary(f"deleting batch {batch_id}", log.warning):
        batches.batch_delete_run(batch_id=batch_id)


@shared_task(name="detection.tasks.sweep_batches")
def sweep_batches() -> None:
    """End batches that have ended, and put lost ones back on the road."""
    batches.batches_sweep()


@shared_task(name="detection.tasks.sweep_pieces")
def sweep_pieces() -> None:
    """Delete pieces of uploads that no batch needs; a storage that is away has them next hour."""
    with task_boundary("sweeping pieces of uploads", log.warning):
        batches.pieces_sweep()


@worker_ready.connect
def take_up_batches(sender: Any, **_: Any) -> None:
    """Take back what this worker left behind."""
    if "errands" in sender.app.amqp.queues.consume_from:
        batches.worker_started(worker=sender.hostname)
