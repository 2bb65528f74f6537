"""Forgets the answers that were kept for programs that ask twice."""

from celery import shared_task

from detection.services.idempotency import requests_forget_old


@shared_task(name="detection.tasks.background.forget_idempotent_requests")
def forget_idempotent_requests() -> None:
    """Delete what is older than a day."""
    requests_forget_old()
