"""No page tells who has an account: not by what it says, nor by how long it takes."""

import re

import pytest
from django.contrib.auth import hashers
from django.core import mail
from django.test import Client
from django.urls import reverse

from portal.models import User
from tests.people import PASSWORD

NOBODY = "nobody@example.org"


class Counted(hashers.MD5PasswordHasher):
    """Counts how often a password is hashed: that takes by far the most time of a sign-in."""

    count = 0

    def encode(self, password: str, salt: str) -> str:
        """Hash it."""
        Counted.count += 1
        return super().encode(password, salt)


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    Counted.count = 0
    monkeypatch.setattr(hashers, "get_hashers", lambda: [Counted()])
    monkeypatch.setattr(hashers, "get_hasher", lambda algorithm="default": Counted())
    monkeypatch.setattr(hashers, "identify_hasher", lambda encoded: Counted())


def asked(path: str, form: dict[str, str]) -> tuple[int, str, int, int]:
    """Status, page without what is random, hashes and messages of one form that is sent."""
    Counted.count, before = 0, len(mail.outbox)
    answer = Client().post(path, form, follow=True)
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.text)
    for address in (form.get("login"), form.get("email")):
        page = page.replace(address, "") if address else page
    return answer.status_code, page, Counted.count, len(mail.outbox) - before


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("account_login", {"login": "{}", "password": "wrong-password-1"}),
        ("account_signup", {"email": "{}", "password1": PASSWORD, "password2": PASSWORD}),
        ("account_reset_password", {"email": "{}"}),
    ],
)
def test_known_and_unknown_look_and_cost_the_same(
    alice: User, name: str, form: dict[str, str]
) -> None:
    # Made before the hasher counts, Alice's hash is of the same kind.
    known, unknown = (
        asked(reverse(name), {key: value.format(address) for key, value in form.items()})
        for address in (alice.email, NOBODY)
    )
    assert known == unknown
    assert known[2] == (0 if name == "account_reset_password" else 1)


def test_one_address_gets_few_mails_by_signing_up(alice: User) -> None:
    form = {"email": alice.email, "password1": PASSWORD, "password2": PASSWORD}
    answers = [
        Client(REMOTE_ADDR=f"10.0.0.{number}").post(reverse("account_signup"), form).status_code
        for number in range(8)
    ]
    assert answers == [302] * 5 + [429] * 3
    assert len(mail.outbox) == 1  # the next one only after minutes


def test_signing_up_from_one_place_is_held_off(db: None) -> None:
    answers = [
        Client(REMOTE_ADDR="10.0.0.1").post(reverse("account_signup"), {}).status_code
        for _ in range(21)
    ]
    assert answers == [200] * 20 + [429]


def test_asking_for_links_is_held_off_by_address_and_by_place(db: None) -> None:
    def ask(address: str, place: str) -> int:
        form = {"email": address}
        return Client(REMOTE_ADDR=place).post(reverse("account_reset_password"), form).status_code

    same = [ask(NOBODY, f"10.0.0.{number}") for number in range(6)]
    assert same == [302] * 5 + [429]
    others = [ask(f"{number}@example.org", "10.0.1.1") for number in range(21)]
    assert others == [302] * 20 + [429]


@pytest.mark.parametrize(
    ("password", "is_taken"),
    [
        ("short-8!x", False),  # nine characters, however odd
        ("qwertyuiop", False),  # common
        ("31415926535", False),  # digits alone
        ("nobody@example", False),  # the address
        ("three words here", True),  # long is enough
        ("ünïcödé wörds", True),
    ],
)
def test_passwords_are_judged_by_length_and_use(db: None, password: str, is_taken: bool) -> None:
    form = {"email": NOBODY, "password1": password, "password2": password}
    Client().post(reverse("account_signup"), form)
    assert User.objects.filter(email=NOBODY).exists() == is_taken


def test_the_form_says_the_rule(client: Client, db: None) -> None:
    assert "at least 10 characters" in client.get(reverse("account_signup")).text
