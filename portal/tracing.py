"""Gives each request a number that its answer, its lines in the log and its tasks carry."""

import logging
import os
import re
import time
from collections.abc import Callable
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from detection import telemetry
from portal.logs import request_id_now, request_now, task_now

log = logging.getLogger("portal.access")

HEADER = "X-Request-ID"
# In the message of a task.
TASK_HEADER = "veripix_request_id"
SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Tracing:
    """The outermost middleware: numbers a request, times it, and tells of its answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; `request.request_id` is there for whoever has to name it."""
        started = time.perf_counter()
        request_id = _given_id(request) or new_id()
        request.request_id = request_id  # type: ignore[attr-defined]
        tokens = request_id_now.set(request_id), request_now.set(request)
        try:
            response = self.get_response(request)
            response[HEADER] = request_id
            self._tell(request, response.status_code, time.perf_counter() - started)
        finally:
            request_id_now.reset(tokens[0])
            request_now.reset(tokens[1])
        return response

    def _tell(self, request: HttpRequest, status: int, seconds: float) -> None:
        if not (telemetry.is_on() or settings.ACCESS_LOG):
            return
        view = view_of(request)
        method = request.method if request.method in METHODS else "OTHER"
        telemetry.request_answered(view, method, status, seconds)
        if settings.ACCESS_LOG:
            milliseconds = round(1000 * seconds, 1)
            log.info(
                "%s %s answered %s in %s ms",
                *(method, view, status, milliseconds),
                extra={
                    "method": method,
                    "view": view,
                    "status": status,
                    "milliseconds": milliseconds,
                },
            )


def new_id() -> str:
    """Return a number that no other request has."""
    return os.urandom(8).hex()


def _given_id(request: HttpRequest) -> str:
    """Return the number that the proxy gave the request; a stranger's own is not taken."""
    given = request.headers.get(HEADER, "") if settings.TRUST_PROXY else ""
    return given if SANE.fullmatch(given) else ""


def view_of(request: HttpRequest) -> str:
    """Return the name of the view that answered; there are few, however many addresses are."""
    match = request.resolver_match
    if match is not None:
        return match.view_name or match.route
    return "static" if request.path.startswith(settings.STATIC_URL) else "unknown"


# -- tasks -------------------------------------------------------------------------------------

_begun: dict[str, float] = {}


@before_task_publish.connect
def name_the_request(headers: dict[str, Any], **_: Any) -> None:
    """Send the number of the request along with the task that it causes."""
    if request_id := request_id_now.get():
        headers[TASK_HEADER] = request_id


@task_prerun.connect
def begin_task(task_id: str, task: Any, **_: Any) -> None:
    """Have the lines of a task carry its number, and that of the request behind it."""
    task_now.set((task_id, task.name))
    request_id_now.set(getattr(task.request, TASK_HEADER, None) or "")
    _begun[task_id] = time.perf_counter()


@task_postrun.connect
def end_task(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    """Tell of a task that ended."""
    seconds = time.perf_counter() - _begun.pop(task_id, time.perf_counter())
    outcome = "done" if state == "SUCCESS" else "failed"
    telemetry.task_ended(task.name, outcome, seconds)
    if settings.ACCESS_LOG:
        milliseconds = round(1000 * seconds, 1)
        log.info(
            "%s %s in %s ms",
            *(task.name, outcome, milliseconds),
            extra={"outcome": outcome, "milliseconds": milliseconds},
        )
    task_now.set(("", ""))
    request_id_now.set("")
