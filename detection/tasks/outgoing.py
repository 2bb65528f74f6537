"""Tasks that ask others for something, or tell them: nobody waits for them at a page."""

import logging

from celery import shared_task

from detection.services import fetches, webhooks
from detection.tasks.boundary import task_boundary

log = logging.getLogger(__name__)


@shared_task(name=webhooks.DELIVER_WEBHOOKS)
def deliver_webhooks(webhook_id: int) -> None:
    """Send what is due to one webhook. Delivered twice, the second time finds nothing due."""
    with task_boundary(f"delivery to webhook {webhook_id}", log.warning):
        webhooks.webhook_deliver(webhook_id=webhook_id)


@shared_task(name=fetches.FETCH_IMAGE)
def fetch_image(fetch_id: int) -> None:
    """Fetch one image by its address. Delivered twice, the second time does nothing."""

    def fail(sentence: str) -> None:
        fetches.fetch_fail(fetch_id=fetch_id, code="internal", sentence=sentence)

    with task_boundary(f"fetch {fetch_id}", fail):
        fetches.fetch_run(fetch_id=fetch_id)


@shared_task(name="detection.tasks.sweep_outgoing")
def sweep_outgoing() -> None:
    """Put fetches back on the road that fell off it, and send what is due."""
    with task_boundary("sweeping what goes out", log.warning):
        fetches.fetches_sweep()
        webhooks.webhooks_sweep()
