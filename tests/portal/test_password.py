"""Changing a password, and a new one for somebody who forgot theirs."""

import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from portal.models import User
from tests.fixtures import signed_in
from tests.people import PASSWORD

NEW = "another-long-word-9"


def reset(client: Client, address: str) -> str:
    return client.post(reverse("account_reset_password"), {"email": address}, follow=True).text


def reset_link() -> str:
    (link,) = re.findall(
        r"https?://testserver(/\S*password/reset/key/\S+)", str(mail.outbox[-1].body)
    )
    return str(link)


def choose(client: Client, link: str, password: str = NEW) -> None:
    """Follow the link of a mail and set a password."""
    form_path = client.get(link, follow=True).request["PATH_INFO"]
    client.post(form_path, {"password1": password, "password2": password})


def test_the_link_in_the_mail_sets_a_new_password(client: Client, alice: User) -> None:
    reset(client, "Alice@example.org")
    assert mail.outbox[-1].to == [alice.email]
    choose(client, reset_link())
    alice.refresh_from_db()
    assert alice.check_password(NEW)


def test_the_link_works_once(client: Client, alice: User) -> None:
    reset(client, alice.email)
    link = reset_link()
    choose(client, link)
    choose(Client(), link, "a-third-long-word-9")
    alice.refresh_from_db()
    assert alice.check_password(NEW)


def test_a_made_up_link_sets_nothing(client: Client, alice: User) -> None:
    choose(client, "/accounts/password/reset/key/1-abcdef-0123456789abcdef/")
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_the_page_does_not_tell_who_has_an_account(alice: User) -> None:
    known, unknown = (reset(Client(), address) for address in (alice.email, "nobody@example.org"))
    token = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
    assert token.sub("", known) == token.sub("", unknown)


def test_a_stranger_gets_no_link(client: Client, alice: User) -> None:
    reset(client, "nobody@example.org")
    assert all("password/reset/key" not in str(message.body) for message in mail.outbox)


def test_requests_for_links_are_held_off(alice: User) -> None:
    for number in range(30):
        reset(Client(REMOTE_ADDR=f"10.0.0.{number}"), alice.email)
    assert 1 <= len(mail.outbox) <= 10


def change(client: Client, old: str, new: str = NEW) -> int:
    form = {"oldpassword": old, "password1": new, "password2": new}
    return client.post(reverse("account_change_password"), form).status_code


def test_a_password_is_changed_by_who_knows_the_old_one(as_alice: Client, alice: User) -> None:
    other = signed_in(alice)
    assert change(as_alice, PASSWORD) == 302
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert as_alice.get("/history/").status_code == 200
    assert other.get("/history/").status_code == 302  # signed out everywhere else


@pytest.mark.parametrize(("old", "new"), [("wrong", NEW), (PASSWORD, "short7!")])
def test_else_it_stays(as_alice: Client, alice: User, old: str, new: str) -> None:
    assert change(as_alice, old, new) == 200
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
