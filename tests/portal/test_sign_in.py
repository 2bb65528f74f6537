"""Signing in, out, and being held off after too many guesses."""

import pytest
from django.test import Client
from django.urls import reverse

from portal.models import User
from tests.people import PASSWORD, person

LOGIN = "/accounts/login/"


def sign_in(client: Client, user: User, password: str = PASSWORD, **more: str) -> int:
    form = {"login": user.email, "password": password, **more}
    return client.post(LOGIN, form).status_code


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("submission_new")).status_code == 200


def test_the_right_password_lets_in(client: Client, alice: User) -> None:
    assert sign_in(client, alice) == 302
    assert is_signed_in(client)
    assert client.get("/")["Location"] == reverse("submission_new")


def test_the_address_may_be_written_in_capitals(client: Client, alice: User) -> None:
    client.post(LOGIN, {"login": "ALICE@Example.org", "password": PASSWORD})
    assert is_signed_in(client)


def test_a_wrong_password_and_a_wrong_address_look_the_same(client: Client, alice: User) -> None:
    pages = [
        client.post(LOGIN, {"login": address, "password": "wrong"})
        for address in (alice.email, "nobody@example.org")
    ]
    assert {page.status_code for page in pages} == {200}
    assert len({tuple(page.context["form"].non_field_errors()) for page in pages}) == 1
    assert not is_signed_in(client)


def test_an_account_that_was_closed_stays_closed(client: Client, alice: User) -> None:
    alice.is_active = False
    alice.save()
    sign_in(client, alice)
    assert not is_signed_in(client)


def test_guessing_one_account_is_held_off(alice: User) -> None:
    for number in range(5):
        sign_in(Client(REMOTE_ADDR=f"10.0.0.{number}"), alice, "wrong")
    late = Client(REMOTE_ADDR="10.0.0.99")
    assert (
        "Too many failed login attempts"
        in late.post(LOGIN, {"login": alice.email, "password": PASSWORD}).text
    )
    assert not is_signed_in(late)


def test_guessing_many_accounts_from_one_place_is_held_off(db: None) -> None:
    people = [person(f"user{number}") for number in range(12)]
    guesser = Client(REMOTE_ADDR="10.0.0.1")
    for user in people[:10]:
        sign_in(guesser, user, "wrong")
    sign_in(guesser, people[11])
    assert not is_signed_in(guesser)
    other = Client(REMOTE_ADDR="10.0.0.2")
    sign_in(other, people[11])
    assert is_signed_in(other)


def test_a_flood_gets_a_page_of_ours(alice: User) -> None:
    client = Client(REMOTE_ADDR="10.0.0.1")
    answers = [client.post(LOGIN, {"login": alice.email, "password": "x"}) for _ in range(31)]
    assert answers[-1].status_code == 429
    assert "Veripix" in answers[-1].text


def test_one_comes_back_to_where_one_wanted_to_go(client: Client, alice: User) -> None:
    answer = client.post(
        LOGIN, {"login": alice.email, "password": PASSWORD, "next": "/history/?q=cat"}
    )
    assert answer["Location"] == "/history/?q=cat"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:1"])
def test_but_never_to_another_site(client: Client, alice: User, elsewhere: str) -> None:
    form = {"login": alice.email, "password": PASSWORD, "next": elsewhere}
    assert client.post(LOGIN, form)["Location"] == reverse("submission_new")


def test_signing_out_takes_a_click(as_alice: Client) -> None:
    assert as_alice.get(reverse("account_logout")).status_code == 200
    assert is_signed_in(as_alice)
    assert as_alice.post(reverse("account_logout"))["Location"] == "/"
    assert not is_signed_in(as_alice)


def test_each_sign_in_has_a_session_of_its_own(client: Client, alice: User) -> None:
    client.get(LOGIN)
    sign_in(client, alice)
    first = client.session.session_key
    client.post(reverse("account_logout"))
    sign_in(client, alice)
    assert client.session.session_key != first
    assert client.cookies["veripix_session"]["httponly"]
    assert client.cookies["veripix_session"]["samesite"] == "Lax"
