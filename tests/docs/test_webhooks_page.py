"""What docs/webhooks.md says of messages is so: the check of signatures, the codes, the waits."""

import time

import pytest

from detection.models import Event
from detection.models.webhooks import new_secret
from detection.services.webhooks.signing import body_of, headers_of
from tests.webhook_check import DOCS, documented_check

SECRET = new_secret()


def signed(secret: str, *, seconds_ago: int = 0) -> tuple[dict[str, str], bytes]:
    """Headers and body of a message."""
    body = body_of({"type": "test", "data": {"file_name": "Größe 🌄.png"}})
    moment = int(time.time()) - seconds_ago
    return headers_of(secret=secret, message_id="a1", timestamp=moment, body=body), body


def test_the_check_knows_our_messages() -> None:
    headers, body = signed(SECRET)
    assert documented_check()(SECRET, headers, body)
    headers["webhook-signature"] = f"v1,AAAA {headers['webhook-signature']}"
    assert documented_check()(SECRET, headers, body)


@pytest.mark.parametrize("what", ["secret", "body", "webhook-id", "webhook-timestamp", "age"])
def test_the_check_knows_others(what: str) -> None:
    headers, body = signed(SECRET, seconds_ago=400 if what == "age" else 0)
    secret = new_secret() if what == "secret" else SECRET
    if what in headers:
        headers[what] = str(int(headers[what], 16) + 1)
    assert not documented_check()(secret, headers, body + b" " * (what == "body"))


def test_every_event_is_on_the_page() -> None:
    page = DOCS.read_text(encoding="utf-8")
    assert all(f"| `{event}` |" in page for event in Event.values)
