"""How a batch ends: by itself, by its owner, or deleted; and the mail that says so, once."""

import logging
import smtplib
from datetime import timedelta

from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Max
from django.urls import reverse

from detection.models import Analysis, Batch, BatchState, State, Submission
from detection.services import clock
from detection.services.analysis import analyses_cancel, analyses_retry
from detection.services.batches.progress import batch_progress
from detection.services.intake import images_delete, submissions_delete
from detection.services.queueing import task_send
from detection.services.storage import files_forget

log = logging.getLogger(__name__)

MAIL_BATCH = "detection.tasks.errands.mail_batch"
DELETE_BATCH = "detection.tasks.errands.delete_batch"
# A mail that could not be sent for a day is given up: the page tells the same.
MAIL_PATIENCE = timedelta(days=1)
# Images that are deleted together.
AT_ONCE = 200


def batch_finish(*, batch: Batch) -> bool:
    """Note that a batch has ended, once all its files are unpacked and none waits for a verdict.

    What is found out about faces stands beside the verdicts and is not waited for.

    Returns:
        Whether it has ended with this call.
    """
    if batch.answers.unfinished().exists():
        return False
    last = batch.answers.aggregate(last=Max("finished_at"))["last"]
    ending = Batch.objects.filter(pk=batch.pk, state=BatchState.ANALYSING)
    is_ended = bool(ending.update(state=BatchState.FINISHED, finished_at=last or clock.now()))
    if is_ended:
        batch_mail_send(batch=batch)
    return is_ended


def batch_cancel(*, batch: Batch) -> bool:
    """Stop a batch: nothing more is unpacked, and what still waits gets no verdict.

    Verdicts that are there stay, and what is being analysed is finished.

    Returns:
        Whether there was anything to stop.
    """
    with transaction.atomic():
        active = Batch.objects.active().filter(pk=batch.pk)
        is_stopped = bool(
            active.update(state=BatchState.CANCELLED, worker="", finished_at=clock.now())
        )
        if is_stopped:
            names = list(batch.pieces.values_list("file", flat=True))
            batch.pieces.all().delete()
            # All of them, those on faces too.
            waiting = Analysis.objects.filter(image__submission_id=batch.submission_id)
            analyses_cancel(analyses=waiting)
            files_forget(names)
    return is_stopped


def batch_repeat_failed(*, batch: Batch) -> int:
    """Run those analyses of a batch again that failed, and return how many these were."""
    with transaction.atomic():
        ended = Batch.objects.filter(pk=batch.pk).exclude(
            state__in=(BatchState.RECEIVING, BatchState.UNPACKING)
        )
        failed = batch.answers.filter(state=State.FAILED)
        if not failed.exists() or not ended.update(state=BatchState.ANALYSING, finished_at=None):
            return 0
        return analyses_retry(analyses=failed)


def batch_delete(*, batch: Batch) -> None:
    """Delete a batch with everything that came of it; nobody waits until the last file is gone."""
    batch_cancel(batch=batch)
    with transaction.atomic():
        Batch.objects.filter(pk=batch.pk).update(deleted_at=clock.now())
        transaction.on_commit(lambda: task_send(DELETE_BATCH, batch.pk), robust=True)


def batch_delete_run(*, batch_id: int) -> int:
    """Carry the deletion of a batch out, in steps, and return how many images were deleted."""
    batch = Batch.objects.filter(pk=batch_id).exclude(deleted_at=None).first()
    if batch is None:
        return 0
    count = 0
    while images := list(batch.submission.images.order_by("pk")[:AT_ONCE]):
        count += images_delete(images=images)
        if not Batch.objects.filter(pk=batch_id).exists():
            return count
    submissions_delete(submissions=Submission.objects.filter(pk=batch.submission_id))
    return count


def batch_mail_send(*, batch: Batch) -> None:
    """Have the mail sent, where one is wanted."""
    if batch.wants_mail:
        transaction.on_commit(lambda: task_send(MAIL_BATCH, batch.pk), robust=True)


def batch_mail(*, batch_id: int) -> bool:
    """Tell the owner that a batch has ended, if no mail has told it yet.

    Returns:
        Whether a mail was sent. One that could not be is tried again by the sweep.
    """
    now = clock.now()
    waiting = Batch.objects.to_be_mailed(now - MAIL_PATIENCE).filter(pk=batch_id)
    # Marked before it is sent: no mail is better than two.
    if not waiting.update(mailed_at=now):
        return False
    batch = Batch.objects.select_related("submission__owner").get(pk=batch_id)
    if not batch.submission.owner.is_active:
        return False
    mail = EmailMessage(_subject(batch), _text(batch), to=[batch.submission.owner.email])
    try:
        mail.send()
    except (OSError, smtplib.SMTPException) as error:
        log.warning("the mail on the end of batch %s was not sent: %s", batch_id, error)
        Batch.objects.filter(pk=batch_id, mailed_at=now).update(mailed_at=None)
        return False
    return True


def _subject(batch: Batch) -> str:
    return f"[Veripix] {batch.name}: {batch.get_state_display().lower()}"


def _text(batch: Batch) -> str:
    """Say in plain lines what became of a batch."""
    counts = batch_progress(batch=batch)
    lines = [f"The batch {batch.name} has ended."]
    if batch.state == BatchState.FAILED:
        lines = [f"The batch {batch.name} was not unpacked to its end: {batch.error_sentence}"]
    lines += [
        "",
        f"Images: {counts.total}",
        f"  likely AI-generated: {counts.likely_ai}",
        f"  likely real: {counts.likely_real}",
        f"  inconclusive: {counts.inconclusive}",
    ]
    others = {
        "failed": counts.failed,
        "cancelled": counts.cancelled,
        "still to be analysed": counts.unfinished,
    }
    lines += [f"  {what}: {count}" for what, count in others.items() if count]
    if counts.refused:
        lines.append(f"Files that were not accepted: {counts.refused}")
    if batch.site:
        lines += ["", f"{batch.site}{reverse('batch_detail', args=[batch.public_id])}"]
    return "\n".join(lines) + "\n"
