"""Tells beforehand how long a run will take, from what this machine did or does in a few steps."""

import logging
from datetime import datetime

from celery import current_app
from django.conf import settings
from django.db import transaction

from detection import ml_gateway
from detection.ml_gateway import GatewayError
from detection.models import (
    ModelVersion,
    Snapshot,
    Split,
    StepMeasurement,
    TrainingRun,
    Work,
)
from detection.services.analysis import BROKER_ERRORS
from detection.services.training.lines import base_at_hand, label_counts

log = logging.getLogger(__name__)

MEASURE_STEPS = "detection.tasks.train_measure"
STEPS = 10


def seconds_estimated(*, architecture: str, snapshot: Snapshot, epochs: int) -> float | None:
    """Return the seconds that training would take; `None` where no speed was measured yet.

    The newest figure counts, be it from a run of the architecture or from measured steps.
    """
    speed = speed_known(architecture=architecture)
    if not speed:
        return None
    counts = label_counts(snapshot)
    # The rarer class is repeated until both are even.
    images = 2 * max(counts.get((Split.TRAIN, label), 0) for label in ("real", "fake"))
    return epochs * images / speed


def speed_known(*, architecture: str) -> float | None:
    """Return the images a second that an architecture last trained with on this installation."""
    run = TrainingRun.objects.measured(architecture).first()
    steps = StepMeasurement.objects.filter(architecture=architecture, images_per_second__gt=0)
    measured = steps.first()
    if run and (measured is None or (run.started_at or run.created_at) > measured.created_at):
        return run.images_per_second
    return measured.images_per_second if measured else None


def measurement_request(
    *, architecture: str, base_version: ModelVersion | None, batch_size: int
) -> StepMeasurement:
    """Have the training worker time a few steps; where it is busy, they wait for its turn."""
    measurement = StepMeasurement.objects.create(
        architecture=architecture, base_version=base_version, batch_size=batch_size
    )
    transaction.on_commit(lambda: _send(measurement.pk), robust=True)
    return measurement


def measurement_run(*, measurement_id: int) -> bool:
    """Time the steps, once; whether this call stored an end."""
    row = StepMeasurement.objects.filter(pk=measurement_id)
    if not row.filter(state=Work.QUEUED).update(state=Work.RUNNING):
        return False
    wanted = row.select_related("base_version__model").get()
    try:
        speed = ml_gateway.steps_measured(
            wanted.architecture,
            base_at_hand(wanted.base_version),
            wanted.batch_size,
            steps=STEPS,
            threads=settings.TRAINING_THREADS,
        )
    except GatewayError as error:
        return measurement_fail(
            measurement_id=measurement_id, code=error.code, sentence=error.sentence
        )
    row.update(state=Work.FINISHED, images_per_second=speed)
    return True


def measurement_fail(*, measurement_id: int, code: str, sentence: str) -> bool:
    """End a measurement with a reason."""
    row = StepMeasurement.objects.filter(pk=measurement_id, state__in=(Work.QUEUED, Work.RUNNING))
    ended = row.update(state=Work.FAILED, error_code=code, error_sentence=sentence[:500])
    return bool(ended)


def measurements_give_up(*, created_before: datetime) -> int:
    """End the measurements that no worker answered."""
    rows = StepMeasurement.objects.filter(
        state__in=(Work.QUEUED, Work.RUNNING), created_at__lt=created_before
    )
    return rows.update(
        state=Work.FAILED,
        error_code="no_answer",
        error_sentence="No training worker has measured the steps: is one running, and free?",
    )


def _send(measurement_id: int) -> None:
    try:
        current_app.send_task(MEASURE_STEPS, args=[measurement_id])
    except BROKER_ERRORS as error:
        log.warning("the broker is away, nothing is measured: %s", error)
        measurement_fail(
            measurement_id=measurement_id,
            code="broker_away",
            sentence="The queue cannot be reached at the moment; try again later.",
        )
