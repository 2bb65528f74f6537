"""Signing up: an address, a password, a link in a mail; no page tells who has an account."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from portal.models import User
from tests.people import PASSWORD, person

pytestmark = pytest.mark.django_db


def sign_up(client: Client, address: str, password: str = PASSWORD) -> str:
    """Send the form; the text of the page that it leads to."""
    form = {"email": address, "password1": password, "password2": password}
    return client.post(reverse("account_signup"), form, follow=True).text


def confirmation_link() -> str:
    (link,) = re.findall(r"https?://testserver(/\S*confirm-email/\S+)", str(mail.outbox[-1].body))
    return str(link)


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("submission_new")).status_code == 200


def test_the_link_in_the_mail_opens_the_account(client: Client) -> None:
    page = sign_up(client, "Alice@Example.ORG")
    assert "alice@example.org" in page.lower()
    assert not is_signed_in(client)
    (message,) = mail.outbox
    assert message.to == ["alice@example.org"]
    assert message.subject.startswith("[Veripix] ")
    client.post(confirmation_link())
    user = User.objects.get()
    assert user.email == "alice@example.org"
    assert EmailAddress.objects.get(user=user).verified
    assert user.check_password(PASSWORD)
    if not is_signed_in(client):
        client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    assert is_signed_in(client)


def test_looking_at_the_link_confirms_nothing(client: Client) -> None:
    sign_up(client, "alice@example.org")
    # Mail scanners open every link.
    assert client.get(confirmation_link()).status_code == 200
    assert not EmailAddress.objects.get().verified


def test_nobody_gets_in_with_an_address_that_is_not_confirmed(client: Client) -> None:
    sign_up(client, "alice@example.org")
    other = Client()
    form = {"login": "alice@example.org", "password": PASSWORD}
    answer = other.post(reverse("account_login"), form, follow=True)
    assert answer.request["PATH_INFO"] == reverse("account_email_verification_sent")
    assert not is_signed_in(other)


@pytest.mark.parametrize("address", ["alice@example.org", "ALICE@EXAMPLE.ORG"])
def test_a_taken_address_gets_a_mail_and_the_page_says_the_same(
    client: Client, address: str
) -> None:
    expected = sign_up(client, "new@example.org").replace("new@example.org", "")
    person("alice")
    page = sign_up(Client(), address)
    assert page.lower().replace("alice@example.org", "") == expected.lower()
    assert User.objects.count() == 2
    assert "already" in str(mail.outbox[-1].body).lower()
    assert mail.outbox[-1].to[0].lower() == "alice@example.org"


@pytest.mark.parametrize(
    ("address", "password", "complaint"),
    [
        ("no address", PASSWORD, "valid email"),
        ("alice@example.org", "short7!", "too short"),
        ("alice@example.org", "password123", "too common"),
        ("alice@example.org", "91827364554637281", "entirely numeric"),
        ("alicewonderland@example.org", "alicewonderland", "similar"),
    ],
)
def test_bad_input_is_explained(
    client: Client, address: str, password: str, complaint: str
) -> None:
    assert complaint in sign_up(client, address, password)
    assert not User.objects.exists()
    assert mail.outbox == []


def test_two_passwords_that_differ(client: Client) -> None:
    form = {"email": "a@example.org", "password1": PASSWORD, "password2": f"{PASSWORD}x"}
    assert client.post(reverse("account_signup"), form).status_code == 200
    assert not User.objects.exists()


def test_the_database_knows_one_user_an_address() -> None:
    person("alice")
    with pytest.raises(IntegrityError):
        User.objects.create_user("Alice@Example.org", "x")


def test_an_empty_address_makes_no_user() -> None:
    with pytest.raises(ValueError, match="e-mail address"):
        User.objects.create_user("")


def test_a_user_is_found_however_the_address_is_written() -> None:
    alice = person("alice")
    assert User.objects.get_by_natural_key(" ALICE@example.ORG ") == alice
