"""Tokens on my account: made, shown once, listed, revoked."""

import re
import time
from datetime import timedelta

import pytest
from allauth.account import app_settings
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from portal.models import ApiToken, User
from portal.tokens import MOST_TOKENS, TokenRefused, token_create
from tests.people import PASSWORD
from tests.programs import with_token

NEW, ACCOUNT, ANALYSES = "/account/tokens/new/", "/account/", "/api/v1/analyses/"
FORM = {"name": "Night desk", "scopes": ["read"], "days": "30"}


def recently(client: Client) -> Client:
    """The same, in which the password was given lately."""
    answer = client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": NEW})
    assert answer.status_code == 302
    return client


def made(client: Client, **changes: object) -> str:
    """Make a token on the page; as it is shown."""
    answer = recently(client).post(NEW, {**FORM, **changes})
    assert answer.status_code == 201, answer.text
    shown = re.search(r"data-copy-text[^>]*>(vpx_[0-9a-f]{64})<", answer.text)
    assert shown
    assert "no-store" in answer["Cache-Control"]
    return shown[1]


def test_it_is_shown_once_and_only_its_hash_is_kept(as_alice: Client, alice: User) -> None:
    token = made(as_alice)
    assert token not in as_alice.get(ACCOUNT).text
    row = ApiToken.objects.get()
    assert token not in " ".join(map(str, (row.digest, row.token_key, row.public_id)))
    assert (row.user, row.name, row.scopes) == (alice, "Night desk", ["read"])
    assert with_token(token).get(ANALYSES).status_code == 200


@pytest.mark.parametrize("days", [7, 30, 90, 365])
def test_it_is_good_for_so_many_days(as_alice: Client, days: int) -> None:
    made(as_alice, days=str(days))
    left = ApiToken.objects.get().expiry - timezone.now()
    assert timedelta(days=days, minutes=-1) < left <= timedelta(days=days)


@pytest.mark.parametrize(
    "changes",
    [
        *({"name": ""}, {"name": "x" * 101}, {"scopes": []}, {"scopes": ["admin"]}),
        *({"days": "8"}, {"days": ""}, {"days": "x"}),
    ],
)
def test_what_cannot_be_is_not_made(as_alice: Client, changes: dict[str, object]) -> None:
    assert recently(as_alice).post(NEW, {**FORM, **changes}).status_code == 422
    assert not ApiToken.objects.exists()


def test_the_password_is_asked_for_where_it_was_not_given_lately(as_alice: Client) -> None:
    for answer in (as_alice.get(NEW), as_alice.post(NEW, FORM)):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert not ApiToken.objects.exists()


def test_signing_in_counts_for_a_while(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    answer = client.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    assert answer.status_code == 302
    assert client.get(NEW).status_code == 200
    later = time.time() + app_settings.REAUTHENTICATION_TIMEOUT
    monkeypatch.setattr("allauth.account.internal.flows.reauthentication.time.time", lambda: later)
    assert client.get(NEW)["Location"].startswith("/accounts/reauthenticate/")


def test_the_account_lists_them(as_alice: Client, as_charlie: Client) -> None:
    made(as_alice)
    assert "not used yet" in as_alice.get(ACCOUNT).text
    ApiToken.objects.update(last_used_at=timezone.now(), expiry=timezone.now())
    shown = as_alice.get(ACCOUNT).text
    assert "Night desk" in shown
    assert "last used" in shown
    assert "expired on" in shown
    assert "Night desk" not in as_charlie.get(ACCOUNT).text


def test_revoking_is_asked_for_first_and_an_expired_one_is_only_removed(as_alice: Client) -> None:
    made(as_alice)
    shown = as_alice.get(ACCOUNT).text
    assert 'data-confirm-title="Revoke “Night desk”?"' in shown
    assert 'id="confirm-delete"' in shown
    ApiToken.objects.update(expiry=timezone.now())
    shown = as_alice.get(ACCOUNT).text
    assert ">Remove<" in shown
    assert "data-confirm-title" not in shown.partition('id="confirm-delete"')[0]
    answer = as_alice.post(f"/account/tokens/{ApiToken.objects.get().public_id}/end/")
    assert [str(one) for one in get_messages(answer.wsgi_request)] == ["The token is removed."]


def test_only_its_owner_revokes_it(as_alice: Client, as_charlie: Client) -> None:
    token = made(as_alice)
    end = f"/account/tokens/{ApiToken.objects.get().public_id}/end/"
    assert as_charlie.post(end).status_code == 302
    assert with_token(token).get(ANALYSES).status_code == 200
    answer = as_alice.post(end)
    assert answer["Location"] == "/account/#tokens"
    assert [str(one) for one in get_messages(answer.wsgi_request)]
    assert with_token(token).get(ANALYSES).status_code == 401


def test_there_are_not_more_than_so_many(alice: User) -> None:
    for number in range(MOST_TOKENS):
        token_create(user=alice, name=str(number), scopes=["read"], days=7)
    with pytest.raises(TokenRefused) as refused:
        token_create(user=alice, name="one more", scopes=["read"], days=7)
    assert refused.value.code == "too_many_tokens"


def test_its_use_is_noted_once_a_minute(alice: User) -> None:
    row, token = token_create(user=alice, name="x", scopes=["read"], days=7)
    with_token(token).get(ANALYSES)
    row.refresh_from_db()
    first = row.last_used_at
    assert first is not None
    with_token(token).get(ANALYSES)
    row.refresh_from_db()
    assert row.last_used_at == first
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    with_token(token).get(ANALYSES)
    row.refresh_from_db()
    assert row.last_used_at >= first


def test_it_goes_with_the_account(alice: User) -> None:
    token_create(user=alice, name="x", scopes=["read"], days=7)
    alice.delete()
    assert not ApiToken.objects.exists()
