"""Tasks on the zips in which people take along what is kept of them."""

import logging
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_ready

from detection.services import data_exports
from detection.tasks.boundary import task_boundary

log = logging.getLogger(__name__)


@shared_task(name=data_exports.MAKE_EXPORT, bind=True)
def make_data_export(self: Task, export_id: int) -> None:
    """Make a zip. Delivered twice, the second time does nothing."""
    worker = self.request.hostname or ""

    def fail(sentence: str) -> None:
        data_exports.export_fail(
            export_id=export_id, worker=worker, code="internal", sentence=sentence
        )

    with task_boundary(f"data export {export_id}", fail):
        data_exports.export_run(export_id=export_id, worker=worker)


@shared_task(name="detection.tasks.sweep_data_exports")
def sweep_data_exports() -> None:
    """Put lost ones back on the road, and delete those whose time is over."""
    with task_boundary("sweeping data exports", log.warning):
        data_exports.exports_sweep()


@worker_ready.connect
def take_up_data_exports(sender: Any, **_: Any) -> None:
    """Take back what this worker left behind."""
    if "errands" in sender.app.amqp.queues.consume_from:
        data_exports.worker_started(worker=sender.hostname)
