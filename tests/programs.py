"""Programs of the tests: clients with a token in place of a session."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.test import Client

from portal.models import ApiToken, User

BOTH = ("read", "submit")


def token_of(
    user: User, *, scopes: Sequence[str] = BOTH, expiry: timedelta = timedelta(days=7)
) -> str:
    """A new token of this user, as it is sent."""
    _, token = ApiToken.objects.create(user=user, expiry=expiry, name="Test", scopes=list(scopes))
    return str(token)


def program(user: User, *, scopes: Sequence[str] = BOTH) -> Client:
    """A program that sends this user's token with each request; it has no session."""
    return with_token(token_of(user, scopes=scopes))


def with_token(token: str) -> Client:
    """A program that sends these letters as its token."""
    return Client(headers={"authorization": f"Token {token}"}, raise_request_exception=True)


def error(answer: Any, status: int) -> dict[str, Any]:
    """The error of an answer in the one form, which must have this status."""
    body = answer.json()
    assert answer.status_code == status, body
    assert set(body) == {"error"}
    assert {"code", "message"} <= set(body["error"]) <= {"code", "message", "field", "details"}
    assert body["error"]["message"].endswith(".")
    return dict(body["error"])
