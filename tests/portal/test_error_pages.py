"""When something goes wrong people see a page of ours that says what they can do."""

from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from pytest_django import Settings

from portal.urls import handler400 as handler400
from portal.urls import handler500 as handler500

urlpatterns = [
    path("broken/", lambda request: broken(request)),
    path("away/", lambda request: away(request)),
    path("api/v1/away/", lambda request: away(request)),
    path("", include("portal.urls")),
]


def broken(request: HttpRequest) -> HttpResponse:
    """A page with a bug."""
    raise RuntimeError("the cause, which nobody outside needs to know")


def away(request: HttpRequest) -> HttpResponse:
    """A page whose database is not there; Django makes its own error of the driver's."""
    driver: Any = connection
    with driver.wrap_database_errors:
        raise driver.Database.OperationalError("cannot connect")


@pytest.fixture
def forgiving() -> Client:
    """A browser that shows error pages where the tests' own would raise."""
    return Client(raise_request_exception=False)


@pytest.fixture
def broken_urls(settings: Settings) -> None:
    """The site with one more page, which is broken."""
    settings.ROOT_URLCONF = __name__


@pytest.mark.django_db
def test_a_bug_shows_a_page_and_not_the_cause(forgiving: Client, broken_urls: None) -> None:
    answer = forgiving.get("/broken/")
    assert answer.status_code == 500
    assert "Veripix" in answer.text
    assert "RuntimeError" not in answer.text
    assert "the cause" not in answer.text


@pytest.mark.django_db
def test_a_bug_shows_its_page_to_members_too(broken_urls: None, as_alice: Client) -> None:
    as_alice.raise_request_exception = False
    assert as_alice.get("/broken/").status_code == 500


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["page", "script", "program"])
def test_a_database_that_is_away_is_told_with_a_time_to_come_back(
    forgiving: Client, broken_urls: None, kind: str
) -> None:
    headers = {"Accept": "application/json"} if kind == "script" else {}
    answer = forgiving.get("/api/v1/away/" if kind == "program" else "/away/", headers=headers)
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    if kind == "page":
        assert "The database cannot be reached" in answer.text
        assert "OperationalError" not in answer.text
    else:
        assert answer.json()["error"]["code"] == "database_unavailable"


def test_a_missing_page(client: Client, db: None) -> None:
    answer = client.get("/no/such/page/")
    assert answer.status_code == 404
    assert "Veripix" in answer.text
    assert "no/such" not in answer.text


def test_another_host_is_refused(client: Client, db: None) -> None:
    answer = client.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "Veripix" in answer.text


def test_an_expired_form(db: None) -> None:
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "x"})
    assert answer.status_code == 403
    assert "This page has expired" in answer.text
    assert "Reload the page" in answer.text
