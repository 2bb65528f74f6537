"""Forgets images whose time has run out."""

import logging

from celery import shared_task

from detection.services.retention import retention_sweep
from detection.tasks.boundary import task_boundary

log = logging.getLogger(__name__)


@shared_task(name="detection.tasks.background.forget_images")
def forget_images() -> None:
    """Forget some; the rest follows with the next run."""
    with task_boundary("forgetting images", log.warning):
        retention_sweep()
