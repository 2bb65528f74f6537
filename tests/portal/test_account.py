"""My account: what it shows, another address, and leaving for good."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import reverse

from detection.models import Analysis, Submission, SubmittedImage
from portal.models import User
from tests import images, work
from tests.fixtures import Committed, signed_in
from tests.people import PASSWORD, person

DELETE = "/account/delete/"


def test_it_shows_the_address(as_alice: Client) -> None:
    assert "alice@example.org" in as_alice.get("/account/").text


def test_leaving_says_what_will_be_lost(as_alice: Client, alice: User) -> None:
    work.hand_in(alice, images.plain("red"), images.plain("blue"))
    assert "2 images" in as_alice.get(DELETE).text


def test_leaving_takes_everything_along(
    as_alice: Client, alice: User, charlie: User, committed: Committed
) -> None:
    kept = work.queued(charlie)
    kept_files = work.media_files()
    work.ended(work.queued(alice))
    other = signed_in(alice)
    with committed():
        answer = as_alice.post(DELETE, {"password": PASSWORD}, follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert "has been deleted" in answer.text
    assert set(User.objects.all()) == {charlie}
    assert set(EmailAddress.objects.all()) == set(EmailAddress.objects.filter(user=charlie))
    assert list(Analysis.objects.all()) == [kept]
    assert SubmittedImage.objects.count() == Submission.objects.count() == 1
    assert work.media_files() == kept_files
    assert other.get("/history/").status_code == 302


@pytest.mark.parametrize("password", ["wrong", "", f"{PASSWORD} "])
def test_a_wrong_password_deletes_nothing(
    as_alice: Client, alice: User, committed: Committed, password: str
) -> None:
    work.queued(alice)
    with committed():
        answer = as_alice.post(DELETE, {"password": password})
    assert answer.status_code == 422
    assert User.objects.filter(pk=alice.pk).exists()
    assert len(work.media_files()) == 2
    assert as_alice.get("/history/").status_code == 200


def test_guessing_the_password_there_is_held_off(as_alice: Client, alice: User) -> None:
    answers = [as_alice.post(DELETE, {"password": f"guess-{n}"}).status_code for n in range(12)]
    assert answers[0] == 422
    assert answers[-1] == 429
    assert as_alice.post(DELETE, {"password": PASSWORD}).status_code == 429
    assert User.objects.filter(pk=alice.pk).exists()


def test_after_leaving_the_address_is_free(
    as_alice: Client, client: Client, committed: Committed
) -> None:
    with committed():
        as_alice.post(DELETE, {"password": PASSWORD})
    form = {"email": "alice@example.org", "password1": PASSWORD, "password2": PASSWORD}
    client.post(reverse("account_signup"), form)
    assert User.objects.get().email == "alice@example.org"


def change_address(client: Client, address: str) -> None:
    """Ask for another address; allauth wants the password again where it was not given lately."""
    client.post(reverse("account_login"), {"login": "alice@example.org", "password": PASSWORD})
    client.post(reverse("account_email"), {"email": address, "action_add": ""})


def follow_link(client: Client) -> None:
    (link,) = re.findall(r"https?://testserver(/\S*confirm-email/\S+)", str(mail.outbox[-1].body))
    client.post(str(link))


def test_an_address_is_changed_once_the_new_one_is_confirmed(client: Client, alice: User) -> None:
    change_address(client, "Alice@New.example")
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    assert mail.outbox[-1].to == ["alice@new.example"]
    follow_link(client)
    alice.refresh_from_db()
    assert alice.email == "alice@new.example"
    assert [entry.email for entry in EmailAddress.objects.filter(user=alice)] == [
        "alice@new.example"
    ]


def test_nobody_takes_over_anothers_address(client: Client, alice: User, charlie: User) -> None:
    change_address(client, "CHARLIE@example.org")
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    # Charlie gets the mail, and may well open what it says.
    assert mail.outbox[-1].to == [charlie.email]
    follow_link(signed_in(charlie))
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    assert EmailAddress.objects.get(email=charlie.email, verified=True).user == charlie


def test_of_two_who_want_the_same_address_one_gets_it(client: Client, alice: User) -> None:
    change_address(client, "new@example.org")
    late = person("new")
    follow_link(client)
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    assert User.objects.get(email="new@example.org") == late
