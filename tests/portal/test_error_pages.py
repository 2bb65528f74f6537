"""When something goes wrong people see a page of ours that says what they can do."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from pytest_django import Settings

urlpatterns = [
    path("", include("portal.urls")),
    path("broken/", lambda request: broken(request)),
]


def broken(request: HttpRequest) -> HttpResponse:
    """A page with a bug."""
    raise RuntimeError("the cause, which nobody outside needs to know")


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
