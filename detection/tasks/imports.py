"""Tasks that bring images into datasets."""

from typing import Any

from celery import Task, shared_task
from celery.signals import worker_ready

from detection.services import import_requests, imports
from detection.tasks.boundary import task_boundary


@shared_task(name=import_requests.IMPORT_IMAGES, bind=True)
def import_images(self: Task, import_id: int) -> None:
    """Run an import. Delivered twice, the second time does nothing."""
    worker = self.request.hostname or ""

    def fail(sentence: str) -> None:
        claim = imports.claimed_by(import_id=import_id, worker=worker)
        if claim:
            imports.import_fail(claim=claim, code="internal", sentence=sentence)

    with task_boundary(f"import {import_id}", fail):
        imports.import_run(import_id=import_id, worker=worker)


@worker_ready.connect
def take_up_imports(sender: Any, **_: Any) -> None:
    """Take back what this worker left behind."""
    if "background" in sender.app.amqp.queues.consume_from:
        import_requests.worker_started(worker=sender.hostname)
