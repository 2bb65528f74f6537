"""Programs make webhooks, try them out, and read what became of messages."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from pytest_django import Settings

from detection.models import Webhook
from detection.services.webhooks import webhook_deliver
from portal.models import User
from tests import work
from tests.programs import error, program
from tests.receivers import Receiver, receiving

pytestmark = pytest.mark.django_db
HOOKS = "/api/v1/webhooks/"
BOTH = ["analysis.ended", "submission.ended"]
JSON: dict[str, Any] = {"content_type": "application/json"}


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A program that takes what it is told."""
    with receiving(lambda request: request.give(200)) as server:
        settings.OUTBOUND_PORTS = frozenset({server.port})
        settings.OUTBOUND_ALLOW_NETWORKS = (ip_network("127.0.0.1/32"),)
        yield server
    work.delivered("background")


def test_from_making_to_deleting(alice: User, receiver: Receiver) -> None:
    client = program(alice)
    sent = {"target": receiver.url("/hook"), "events": BOTH}
    made = client.post(HOOKS, sent, **JSON)
    assert made.status_code == 201
    hook, body = Webhook.objects.get(), made.json()
    assert (body["id"], body["target"], body["events"]) == (hook.public_id, hook.url, BOTH)
    assert body["secret"] == hook.secret
    address = f"{HOOKS}{hook.public_id}/"
    assert made["Location"] == body["url"] == f"http://testserver{address}"
    told = client.get(address).json()
    assert told == client.get(HOOKS).json()["results"][0]
    assert "secret" not in told

    tested = client.post(f"{address}test/", **JSON)
    assert (tested.status_code, tested.json()["state"]) == (202, "waiting")
    assert error(client.post(repeat_of(tested), **JSON), 409)["code"] == "still_waiting"
    webhook_deliver(webhook_id=hook.pk)
    (delivery,) = client.get(f"{address}deliveries/").json()["results"]
    assert (delivery["state"], delivery["status"]) == ("delivered", 200)
    assert delivery["next_attempt_at"] is delivery["error"] is None
    assert client.post(repeat_of(tested), **JSON).status_code == 202

    changed = client.patch(address, {"is_active": False}, **JSON).json()
    assert (changed["is_active"], changed["events"]) == (False, BOTH)
    assert error(client.post(f"{address}test/", **JSON), 409)["code"] == "webhook_off"
    assert client.delete(address).status_code == 204
    assert error(client.get(address), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    ("sent", "code", "field"),
    [
        ({}, "invalid", "target"),
        ({"target": "https://example.org/", "events": []}, "invalid", "events"),
        ({"target": "https://example.org/", "events": ["test"]}, "invalid", "events.0"),
        ({"target": "http://169.254.169.254/", "events": BOTH}, "address_not_allowed", "target"),
        ({"target": "https://a:b@example.org/", "events": BOTH}, "user_info_not_allowed", "target"),
    ],
)
def test_what_does_not_fit_is_named(
    alice: User, sent: dict[str, Any], code: str, field: str
) -> None:
    told = error(program(alice).post(HOOKS, sent, **JSON), 422)
    assert told["code"] == code
    assert told["field"].startswith(field.partition(".")[0])


def repeat_of(answer: Any) -> str:
    return f"/api/v1/deliveries/{answer.json()['id']}/repeat/"
