"""What a line of the log says, in both forms, and what none says."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app, shared_task
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from pytest_django import Settings

from portal import logs, views
from portal.celery import app
from portal.models import User

log = logging.getLogger("portal.test")
handler500 = views.server_error
urlpatterns = [
    path("told/<str:key>/", lambda request, key: told(request), name="told"),
    path("sent/", lambda request: sent(request)),
    path("refused/", lambda request: refused(request)),
    path("broken/<str:key>/", lambda request, key: broken(request)),
    path("", include("portal.urls")),
]


def told(request: HttpRequest) -> HttpResponse:
    """A page that writes a line once it knows who asks."""
    log.info("page of %s", request.user.is_authenticated)
    return HttpResponse("told")


def sent(request: HttpRequest) -> HttpResponse:
    """A page that sends a task."""
    current_app.send_task("tests.portal.tell", queue="told")
    return HttpResponse("sent")


def broken(request: HttpRequest) -> HttpResponse:
    """A page with a bug, at an address that is a key."""
    raise RuntimeError("the cause")


def refused(request: HttpRequest) -> HttpResponse:
    """A page that is not for everybody."""
    raise PermissionDenied


@shared_task(name="tests.portal.tell")
def tell() -> None:
    """A task that writes a line."""
    log.info("in the task")


@pytest.fixture
def lines(settings: Settings) -> Iterator[io.StringIO]:
    """What is logged meanwhile, as objects; the site has the pages above."""
    settings.ROOT_URLCONF = __name__
    yield from written(logs.JSON)


def written(form: str) -> Iterator[io.StringIO]:
    """Collect what our loggers and Django's write in a form."""
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(logs.formatter(form))
    handler.addFilter(logs.KeepsAddressesBack())
    handler.addFilter(logs.TellsRefusalsBriefly())
    loggers = [logging.getLogger(name) for name in ("portal", "django.request", "django.security")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    yield output
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


def objects(output: io.StringIO) -> list[dict[str, Any]]:
    """What was written so far."""
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_line_names_request_and_person(lines: io.StringIO, as_alice: Client, alice: User) -> None:
    answer = as_alice.get("/told/secret-key/")
    (line,) = objects(lines)
    assert line["message"] == "page of True"
    assert line["request_id"] == answer["X-Request-ID"]
    assert line["user_id"] == alice.pk
    assert (line["level"], line["logger"]) == ("INFO", "portal.test")
    assert line["time"].endswith("+00:00")
    assert alice.email not in lines.getvalue()


def test_an_access_line_names_the_view_and_not_the_address(
    lines: io.StringIO, as_alice: Client, alice: User, settings: Settings
) -> None:
    settings.ACCESS_LOG = True
    as_alice.get("/told/secret-key/?note=private")
    as_alice.get("/no/such/page/")
    told_line, access, missing = [
        line for line in objects(lines) if line["logger"] != "django.request"
    ]
    assert told_line["message"] == "page of True"
    found = {name: access[name] for name in ("method", "view", "status", "user_id")}
    assert found == {
        "method": "GET",
        "view": "told",
        "status": 200,
        "user_id": alice.pk,
    }
    assert access["milliseconds"] > 0
    assert (missing["view"], missing["status"]) == ("unknown", 404)
    (django,) = [line for line in objects(lines) if line["logger"] == "django.request"]
    assert django["message"] == "Not Found: an unknown address"
    assert django["request_id"] == missing["request_id"]
    for word in ("secret-key", "private", "no/such"):
        assert word not in lines.getvalue()


def test_a_bug_is_found_again_by_the_number_on_its_page(lines: io.StringIO, db: None) -> None:
    answer = Client(raise_request_exception=False).get("/broken/secret-key/")
    assert answer.status_code == 500
    number = answer["X-Request-ID"]
    assert number in answer.text
    (line,) = objects(lines)
    assert line["request_id"] == number
    assert line["message"] == "Internal Server Error: /broken/<str:key>/"
    assert "RuntimeError: the cause" in line["exc_info"]
    assert "secret-key" not in lines.getvalue()
    assert "request" not in line


@pytest.mark.parametrize(
    ("given", "trusted", "is_taken"),
    [
        ("proxy-1234.abc", True, True),
        ("proxy-1234.abc", False, False),
        ("short", True, False),
        ("a" * 65, True, False),
        ("line\tbreak-and-more", True, False),
    ],
)
def test_only_a_proxy_may_number_requests(
    client: Client, db: None, settings: Settings, given: str, trusted: bool, is_taken: bool
) -> None:
    settings.TRUST_PROXY = trusted
    number = client.get("/health/live/", headers={"X-Request-ID": given})["X-Request-ID"]
    assert (number == given) is is_taken
    if not is_taken:
        assert len(number) == 16
        assert number != client.get("/health/live/")["X-Request-ID"]


def test_a_task_names_the_request_that_caused_it(lines: io.StringIO, client: Client) -> None:
    number = client.get("/sent/")["X-Request-ID"]
    with app.connection_for_read() as broker, broker.SimpleQueue("told") as queue:
        message = queue.get_nowait()
        message.ack()
    # As a worker does it: the message's headers become the task's request.
    headers = message.headers
    assert headers["veripix_request_id"] == number
    current_app.tasks["tests.portal.tell"].apply(task_id=headers["id"], headers=headers)
    (line,) = objects(lines)
    assert line["message"] == "in the task"
    assert line["task_id"] == headers["id"]
    assert line["task"] == "tests.portal.tell"
    log.info("after it")
    assert "task_id" not in objects(lines)[-1]


def test_lines_for_people_end_with_what_they_belong_to() -> None:
    collecting = written(logs.LINE)
    output = next(collecting)
    token = logs.request_id_now.set("abc123")
    log.warning("something %s", "odd")
    logs.request_id_now.reset(token)
    log.warning("else")
    assert not list(collecting)
    first, second = output.getvalue().splitlines()
    assert first.endswith("WARNING portal.test: something odd [request_id=abc123]")
    assert second.endswith("WARNING portal.test: else")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "host", "status"), [("/refused/", "testserver", 403), ("/sent/", "evil.example", 400)]
)
def test_what_is_refused_is_one_warning_without_a_traceback(
    lines: io.StringIO, path: str, host: str, status: int
) -> None:
    assert Client(headers={"host": host}).get(path).status_code == status
    (told,) = objects(lines)
    assert told["level"] == "WARNING"
    assert "exc_info" not in told
