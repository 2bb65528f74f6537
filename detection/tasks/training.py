"""Tasks of the training worker, and what finds runs that it lost.

Unlike others they are acknowledged when they are taken: a run outlasts the time after which Redis
would deliver it again. What is lost with a worker is found by its heartbeat.
"""

import logging
import os
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings

from detection.services import training
from detection.services.training import estimates, requests
from detection.services.training.execution import worker_ends
from detection.tasks.boundary import task_boundary

log = logging.getLogger(__name__)


@shared_task(name=requests.TRAIN_MODEL, bind=True, acks_late=False, reject_on_worker_lost=False)
def train_model(self: Task, run_id: int) -> None:
    """Carry out a training run. Delivered twice, the second time does nothing."""

    def fail(sentence: str) -> None:
        training.run_fail(run_id=run_id, code="internal", sentence=sentence)

    with task_boundary(f"training run {run_id}", fail):
        training.run_execute(run_id=run_id, worker=self.request.hostname or "")


@shared_task(name=estimates.MEASURE_STEPS, acks_late=False, reject_on_worker_lost=False)
def train_measure(measurement_id: int) -> None:
    """Time a few steps of training. Delivered twice, the second time does nothing."""

    def fail(sentence: str) -> None:
        estimates.measurement_fail(
            measurement_id=measurement_id, code="internal", sentence=sentence
        )

    with task_boundary(f"measurement {measurement_id}", fail):
        training.measurement_run(measurement_id=measurement_id)


@shared_task(name="detection.tasks.sweep_runs")
def sweep_runs() -> None:
    """Put back runs that lost their worker."""
    training.runs_sweep()


@shared_task(name="detection.tasks.background.retrain_at_night")
def retrain_at_night() -> None:
    """Ask for a run, if this is the hour and there is enough to learn from."""
    training.retrain_if_due()


@worker_ready.connect
def take_up_training(sender: Any, **_: Any) -> None:
    """Let verdicts go first, and take up what this worker left behind."""
    if "training" in sender.app.amqp.queues.consume_from:
        os.setpriority(os.PRIO_PROCESS, 0, settings.TRAINING_NICE)
        training.training_worker_started(worker=sender.hostname)


@worker_shutting_down.connect
def put_run_back(**_: Any) -> None:
    """Stop after the step that runs; the next worker goes on from the checkpoint."""
    worker_ends()
