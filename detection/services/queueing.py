"""Sends tasks by name, so that services need not know them, and says when the broker is away."""

import logging

from celery import current_app
from kombu.exceptions import ChannelError, KombuError

log = logging.getLogger(__name__)

BROKER_ERRORS = (KombuError, ChannelError, OSError)


def task_send(name: str, *arguments: object, queue: str | None = None) -> bool:
    """Send a task to the queue of its route, or to another one.

    Returns:
        Whether the broker took it.
    """
    options = {"queue": queue} if queue else {}
    try:
        current_app.send_task(name, args=list(arguments), **options)
    except BROKER_ERRORS as error:
        log.warning("the broker is away, %s%s is not sent: %s", name, arguments, error)
        return False
    return True
