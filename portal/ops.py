"""Is this installation alive, and is it ready to take work?"""

import tempfile

from celery import current_app
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from kombu.exceptions import OperationalError as BrokerError


@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """Answer as long as the process can answer at all."""
    return JsonResponse({"status": "alive"})


@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database and file storage work, else 503.

    The broker is told but does not count: uploads are kept while it is away.
    """
    checks = {"database": _database(), "media": _media()}
    is_ready = all(state == "ok" for state in checks.values())
    body = {"status": "ready" if is_ready else "not ready", **checks, "broker": _broker()}
    return JsonResponse(body, status=200 if is_ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unreachable"
    return "ok"


def _media() -> str:
    try:
        with tempfile.TemporaryFile(dir=settings.MEDIA_ROOT):
            return "ok"
    except OSError:
        return "not writable"


def _broker() -> str:
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, timeout=2, interval_start=0)
    except (BrokerError, OSError):
        return "unreachable"
    return "ok"
