"""Addresses are handed in beside files, where that is on, and shown until they are opened."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from detection.models import State, Submission, UrlFetch
from detection.services.fetches import fetch_fail, fetch_request
from portal.models import User
from tests import work

pytestmark = pytest.mark.django_db
BY_ADDRESS = "/submit/address/"


@pytest.fixture
def is_on(settings: Settings) -> None:
    """Fetching is switched on."""
    settings.URL_FETCH = True


def test_without_the_setting_there_is_no_form(as_alice: Client) -> None:
    assert "By address" not in as_alice.get(reverse("submission_new")).content.decode()
    assert as_alice.post(BY_ADDRESS, {"addresses": "https://example.org/"}).status_code == 404


@pytest.mark.usefixtures("is_on")
def test_addresses_open_a_submission(as_alice: Client, alice: User) -> None:
    assert "By address" in as_alice.get(reverse("submission_new")).content.decode()
    lines = "https://example.org/a.png\r\n\r\n  https://example.org/b.png  "
    answer = as_alice.post(BY_ADDRESS, {"addresses": lines})
    submission = Submission.objects.visible_to(alice).get()
    where = reverse("submission_detail", args=[submission.public_id])
    assert (answer.status_code, answer["Location"]) == (303, where)
    urls = submission.fetches.values_list("url", flat=True)
    assert list(urls) == ["https://example.org/a.png", "https://example.org/b.png"]


@pytest.mark.usefixtures("is_on")
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("  ", "Name at least one address."),
        ("http://127.0.0.1/a.png", "http://127.0.0.1/a.png: 127.0.0.1 lies in a network"),
        ("https://example.org/a.png\nnonsense", "nonsense: Only addresses with http://"),
    ],
)
def test_a_wrong_address_is_named_and_kept_in_the_form(
    as_alice: Client, lines: str, said: str
) -> None:
    answer = as_alice.post(BY_ADDRESS, {"addresses": lines})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert said in page
    assert lines.strip() in page
    assert not Submission.objects.exists()


@pytest.mark.usefixtures("is_on")
def test_the_page_shows_what_waits_and_what_was_refused(as_alice: Client, alice: User) -> None:
    submission = fetch_request(owner=alice, urls=["https://example.org/a.png"])
    page = reverse("submission_detail", args=[submission.public_id])
    progress = reverse("submission_progress", args=[submission.public_id])
    said = as_alice.get(page).content.decode()
    assert "Images by address" in said
    assert "1 address to open" in said
    assert "https://example.org/a.png" in said
    assert "hx-get" in said
    assert "Nothing to analyse" not in said
    UrlFetch.objects.update(state=State.RUNNING)
    assert "is being opened" in as_alice.get(progress).content.decode()
    fetch = submission.fetches.get()
    fetch_fail(fetch_id=fetch.pk, code="too_slow", sentence="The server did not answer.")
    said = as_alice.get(progress).content.decode()
    assert "The server did not answer." in said
    assert "address to open" not in said
    assert "hx-get" not in said


@pytest.fixture(autouse=True)
def empty_queue() -> None:
    """Forget what other tests left."""
    work.delivered("errands")
