"""How a line of the log looks, for people or for programs, and what it never says.

Each line carries what it belongs to: the request with its person, or the task and the request that
caused it. A person is a number here, and an address of the site the pattern of its view: the
address itself may be a key, as that of a shared verdict or of a new password.
"""

import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.utils.functional import LazyObject, empty
from pythonjsonlogger.json import JsonFormatter

LOG_FORMATS = LINE, JSON = "line", "json"
# What `logging` and Django put on a record beside the message; of the latter a request is no text.
NOT_TOLD = {"request", "server_time", "status_code"}
# Where Django writes of a host name that is not in ALLOWED_HOSTS.
FOREIGN_HOST = "django.security.DisallowedHost"

request_now: ContextVar[HttpRequest | None] = ContextVar("request_now", default=None)
# Of the request that caused what happens; in a worker it came with the task.
request_id_now: ContextVar[str] = ContextVar("request_id_now", default="")
task_now: ContextVar[tuple[str, str]] = ContextVar("task_now", default=("", ""))


def context(record: logging.LogRecord | None = None) -> dict[str, Any]:
    """Return what a line belongs to: request, person, task; only what is known.

    Args:
        record: Where it brings its request along, that counts: Django writes of a page that is
            missing when the request is over.
    """
    found: dict[str, Any] = {}
    request = getattr(record, "request", None) or request_now.get()
    if request_id := getattr(request, "request_id", "") or request_id_now.get():
        found["request_id"] = request_id
    if user_id := _user_id(request):
        found["user_id"] = user_id
    task_id, task = task_now.get()
    if task_id:
        found |= {"task_id": task_id, "task": task}
    return found


def _user_id(request: HttpRequest | None) -> int | None:
    """Return who asks, if that was found out already: a line of the log asks no database."""
    user = getattr(request, "user", None)
    if isinstance(user, LazyObject) and user.__dict__.get("_wrapped", empty) is empty:
        return None
    return getattr(user, "pk", None)


class KeepsAddressesBack(logging.Filter):
    """Names the view where a line would name the address that was asked for."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the line, with another address in it."""
        request = getattr(record, "request", None) or request_now.get()
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            told = tuple(
                route_of(request) if argument == request.path else argument
                for argument in record.args
            )
            record.args = told
        return True


class TellsRefusalsBriefly(logging.Filter):
    """Takes the traceback from what was refused for good reason: it is no fault of the portal.

    Strangers send foreign host names all day; as errors they would hide those that are.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the line, as a warning without a traceback."""
        is_refusal = record.name == "django.request" and record.levelno == logging.WARNING
        if is_refusal or record.name == FOREIGN_HOST:
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def route_of(request: HttpRequest) -> str:
    """Return the pattern of the address that was asked for, without what stands in it."""
    match = request.resolver_match
    return "an unknown address" if match is None else f"/{match.route}"


class Line(logging.Formatter):
    """A line for people: what it belongs to stands at its end."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name there
        """Return the line without a traceback."""
        line = super().formatMessage(record)
        known = " ".join(f"{name}={value}" for name, value in context(record).items())
        return f"{line} [{known}]" if known else line


class Json(JsonFormatter):
    """A line for programs: one object, its own fields beside the message."""

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Put time, level, place, message and what the line belongs to, in this order."""
        at = datetime.fromtimestamp(record.created, tz=UTC)
        log_data |= {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.message,
            **context(record),
        }
        super().add_fields(log_data, record, message_dict)
        for name in NOT_TOLD:
            log_data.pop(name, None)


def formatter(form: str) -> logging.Formatter:
    """Return what writes lines in a form, `LINE` or `JSON`."""
    return Json() if form == JSON else Line()


def configuration(*, form: str, level: str) -> dict[str, Any]:
    """Return the configuration of `logging` for every process of the portal.

    Args:
        form: `LINE` or `JSON`.
        level: From which level our own lines are told.
    """
    ours = ("portal", "detection", "ml")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {form: {"()": formatter, "form": form}},
        "filters": {
            "addresses": {"()": KeepsAddressesBack},
            "refusals": {"()": TellsRefusalsBriefly},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": form,
                "filters": ["addresses", "refusals"],
            }
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            name: {"handlers": ["stderr"], "level": level, "propagate": False} for name in ours
        },
    }
