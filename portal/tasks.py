"""What the site does by the clock."""

import logging

from allauth.usersessions.models import UserSession
from celery import shared_task
from django.contrib.sessions.models import Session
from django.core.management import call_command

from detection.services.queueing import task_send
from detection.tasks.boundary import task_boundary
from portal import leaving

log = logging.getLogger(__name__)


@shared_task(name="portal.tasks.forget_sessions")
def forget_sessions() -> None:
    """Delete the sessions that have run out, and what was noted of them: browser and address."""
    call_command("clearsessions")
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()


@shared_task(name=leaving.PURGE)
def purge_account(user_id: int) -> None:
    """Delete the images of somebody who has left. Delivered twice, it goes on or finds nothing."""
    with task_boundary(f"deleting account {user_id}", log.warning):
        leaving.purge_run(user_id=user_id)


@shared_task(name="portal.tasks.sweep_accounts")
def sweep_accounts() -> None:
    """Ask again for accounts whose deletion was left halfway."""
    for pk in leaving.leaving().values_list("pk", flat=True):
        if not task_send(leaving.PURGE, pk):
            break
