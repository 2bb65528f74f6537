"""Looks along the record of acts once a day."""

from celery import shared_task

from detection.services.audit import audit_check


@shared_task(name="detection.tasks.background.check_audit")
def check_audit() -> None:
    """Log an error where an event was changed, put in or left out."""
    audit_check()
