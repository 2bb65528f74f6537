"""The first administrator is made once, with a password that is told once."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from portal.accounts import administrator_ensure
from portal.models import User
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", ["desk@example.org", "admin@localhost"])
def test_the_first_one_is_made_and_can_sign_in(
    client: Client, settings: Settings, address: str
) -> None:
    settings.ADMIN_EMAIL = address
    made = administrator_ensure()
    assert made is not None
    email, password = made
    assert email == address
    assert len(password) >= 16
    client.post(reverse("account_login"), {"login": email, "password": password})
    assert client.get(reverse("admin:index")).status_code == 200


def test_a_second_one_is_not(settings: Settings) -> None:
    assert administrator_ensure() is not None
    settings.ADMIN_EMAIL = "other@example.org"
    assert administrator_ensure() is None
    assert User.objects.count() == 1


def test_each_installation_gets_a_password_of_its_own() -> None:
    passwords = set()
    for _ in range(3):
        made = administrator_ensure()
        assert made is not None
        passwords.add(made[1])
        User.objects.all().delete()
    assert len(passwords) == 3


def test_nobody_becomes_administrator_by_an_address(settings: Settings) -> None:
    alice = person("alice")
    settings.ADMIN_EMAIL = alice.email
    with pytest.raises(SystemExit, match=r"ADMIN_EMAIL .*alice@example\.org"):
        administrator_ensure()
    alice.refresh_from_db()
    assert not alice.is_superuser
