"""Is this installation alive, and is it ready to take work?"""

from celery import current_app
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from kombu.exceptions import OperationalError as BrokerError

from detection.services.storage import storage_check


@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """Answer as long as the process can answer at all."""
    return JsonResponse({"status": "alive"})


@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database and file storage work, else 503.

    The broker is told but does not count: uploads are kept while it is away.
    """
    checks = {"database": database(), "media": media()}
    is_ready = all(state == "ok" for state in checks.values())
    body = {"status": "ready" if is_ready else "not ready", **checks, "broker": broker()}
    return JsonResponse(body, status=200 if is_ready else 503)


def database() -> str:
    """Ask the database: "ok" or what is wrong, in a word."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unreachable"
    return "ok"


def media() -> str:
    """Ask whether files can be kept: "ok" or what is wrong, in a word."""
    try:
        storage_check()
    except OSError:
        return "unreachable" if settings.IS_STORAGE_REMOTE else "not writable"
    return "ok"


def broker() -> str:
    """Ask whether tasks can be handed over: "ok" or what is wrong, in a word."""
    try:
        with current_app.connection_for_write() as connected:
            connected.ensure_connection(max_retries=1, timeout=2, interval_start=0)
    except (BrokerError, OSError):
        return "unreachable"
    return "ok"
