"""What the site does by the clock."""

from celery import shared_task
from django.core.management import call_command


@shared_task(name="portal.tasks.forget_sessions")
def forget_sessions() -> None:
    """Delete the sessions that have run out; Django by itself keeps them for ever."""
    call_command("clearsessions")
