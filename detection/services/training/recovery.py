"""Finds runs whose worker was lost and puts them back, but not for ever."""

import logging
import shutil
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from detection.models import TrainingRun, Work
from detection.models.training import TrainingRunQuerySet
from detection.services import notices
from detection.services.training.estimates import measurements_give_up
from detection.services.training.execution import run_fail
from detection.services.training.reporter import events_create
from detection.services.training.requests import run_enqueue

log = logging.getLogger(__name__)

# A commit and its enqueueing lie this close together unless something went wrong.
ENQUEUE_GRACE = timedelta(seconds=5)
MEASUREMENT_PATIENCE = timedelta(hours=1)


def runs_sweep(*, now: datetime | None = None) -> int:
    """Put back runs without a sign of life, and send again those that no worker heard of.

    Returns:
        How many runs were moved or sent.
    """
    now = now or timezone.now()
    lease = now - timedelta(seconds=settings.TRAINING_LEASE_SECONDS)
    moved = _give_back(TrainingRun.objects.abandoned(lease))
    unsent = TrainingRun.objects.unsent(grace=now - ENQUEUE_GRACE, lease=lease)
    for run_id in unsent.values_list("pk", flat=True):
        moved += run_enqueue(run_id=run_id)
    measurements_give_up(created_before=now - MEASUREMENT_PATIENCE)
    return moved


def training_worker_started(*, worker: str) -> int:
    """Put back what a worker of this name held: it cannot be working on it, as it only starts."""
    return _give_back(TrainingRun.objects.held_by(worker))


def _give_back(runs: TrainingRunQuerySet) -> int:
    return sum(_one_given_back(run) for run in runs)


def _one_given_back(run: TrainingRun) -> bool:
    """End a run that was asked to stop or lost its worker too often; else put it back."""
    if run.cancel_requested_at:
        return _cancelled(run)
    if run.attempts >= settings.TRAINING_MAX_ATTEMPTS:
        return run_fail(
            run_id=run.pk,
            code="worker_lost",
            sentence=f"The run was started {run.attempts} times and its worker was lost each "
            "time. Where the machine ran out of memory, a smaller batch or snapshot helps.",
        )
    log.warning("%s lost its worker and is put back", run)
    with transaction.atomic():
        is_moved = _held(run).update(state=Work.QUEUED, enqueued_at=None, worker="")
        events_create(run, ["The worker was lost; the run goes on from what it kept."])
    transaction.on_commit(lambda: run_enqueue(run_id=run.pk), robust=True)
    return bool(is_moved)


def _cancelled(run: TrainingRun) -> bool:
    with transaction.atomic():
        is_ended = _held(run).update(state=Work.CANCELLED, slot=None, finished_at=timezone.now())
        events_create(run, ["The run was stopped; its files are deleted."])
    shutil.rmtree(run.directory, ignore_errors=True)
    notices.run_ended(run_id=run.pk)
    return bool(is_ended)


def _held(run: TrainingRun) -> TrainingRunQuerySet:
    """Return the row as long as nobody else has moved it."""
    return TrainingRun.objects.filter(pk=run.pk, state=Work.RUNNING, attempts=run.attempts)
