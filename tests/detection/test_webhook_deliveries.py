"""Messages arrive signed, are sent again when they do not, and not for ever."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from detection.models import DeliveryState, Event, Webhook, WebhookDelivery
from detection.services import webhooks
from detection.services.webhooks import (
    WebhookRefused,
    delivery_repeat,
    webhook_create,
    webhook_deliver,
    webhook_test,
    webhooks_sweep,
)
from detection.services.webhooks.deliveries import delivery_claim, wait_before
from portal.models import User
from tests import work
from tests.receivers import Receiver, Request, receiving

pytestmark = pytest.mark.django_db
BOTH = [Event.ANALYSIS_ENDED, Event.SUBMISSION_ENDED]


def take(request: Request) -> None:
    request.give(204)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A program that takes what it is told, until a test changes its mind."""
    with receiving(take) as server:
        settings.OUTBOUND_PORTS = frozenset({80, server.port})
        settings.OUTBOUND_ALLOW_NETWORKS = (ip_network("127.0.0.1/32"),)
        settings.WEBHOOK_SECONDS = 1
        yield server
    work.delivered("background")


@pytest.fixture
def webhook(alice: User, receiver: Receiver) -> Webhook:
    """Alice's, with the receiver at its other end."""
    return webhook_create(owner=alice, url=receiver.url("/hook?of=alice"), events=BOTH)


def send(webhook: Webhook) -> WebhookDelivery:
    """One message, sent once."""
    delivery = webhook_test(webhook=webhook)
    assert webhook_deliver(webhook_id=webhook.pk) == 1
    delivery.refresh_from_db()
    webhook.refresh_from_db()
    return delivery


def make_due(webhook: Webhook) -> None:
    """Let the time pass until the next attempt."""
    Webhook.objects.update(resume_at=None)
    webhook.deliveries.waiting().update(next_attempt_at=timezone.now())


def test_it_is_signed_as_standard_webhooks_are(webhook: Webhook, receiver: Receiver) -> None:
    delivery = send(webhook)
    assert (delivery.state, delivery.status, delivery.attempts) == ("delivered", 204, 1)
    assert delivery.milliseconds is not None
    (request,) = receiver.seen
    assert request.path == "/hook?of=alice"
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body)["type"] == "test"
    message_id = request.headers["webhook-id"]
    timestamp = request.headers["webhook-timestamp"]
    assert message_id == delivery.public_id
    assert abs(int(timestamp) - timezone.now().timestamp()) < 60
    key = base64.b64decode(webhook.secret.removeprefix("whsec_"))
    assert len(key) == 32
    signed = f"{message_id}.{timestamp}.".encode() + request.body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{digest}"


def test_all_that_is_due_goes_in_turn(webhook: Webhook, receiver: Receiver) -> None:
    sent = [webhook_test(webhook=webhook).public_id for _ in range(3)]
    assert webhook_deliver(webhook_id=webhook.pk) == 3
    assert [request.headers["webhook-id"] for request in receiver.seen] == sent
    assert webhook_deliver(webhook_id=webhook.pk) == 0


@pytest.mark.parametrize(
    ("status", "code"), [(500, "bad_status"), (404, "bad_status"), (302, "redirected")]
)
def test_what_is_answered_otherwise_is_sent_again(
    webhook: Webhook, receiver: Receiver, status: int, code: str
) -> None:
    receiver.answer = lambda request: request.give(status, Location="http://169.254.169.254/")
    delivery = send(webhook)
    assert (delivery.state, delivery.status, delivery.error_code) == ("waiting", status, code)
    assert delivery.next_attempt_at is not None
    assert delivery.next_attempt_at > timezone.now() + timedelta(seconds=25)
    # It answers, so others are not held up by this one.
    assert webhook.resume_at is None
    receiver.answer = take
    make_due(webhook)
    assert webhook_deliver(webhook_id=webhook.pk) == 1
    delivery.refresh_from_db()
    webhook.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.error_code) == ("delivered", 2, "")
    assert (webhook.failures, webhook.failing_since) == (0, None)
    first, second = receiver.seen
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_one_that_hangs_is_left_alone_for_a_while(webhook: Webhook, receiver: Receiver) -> None:
    receiver.answer = lambda request: request.hang()
    for _ in range(5):
        webhook_test(webhook=webhook)
    assert webhook_deliver(webhook_id=webhook.pk) == 1
    webhook.refresh_from_db()
    assert webhook.resume_at is not None
    assert webhook.resume_at > timezone.now()
    assert webhook.deliveries.filter(error_code="too_slow", status=None).count() == 1
    assert webhook_deliver(webhook_id=webhook.pk) == 0
    assert webhooks_sweep() == 0
    assert webhooks_sweep(now=timezone.now() + timedelta(minutes=1)) == 1


def test_a_name_that_leads_inside_later_on_is_not_followed(
    alice: User, receiver: Receiver, settings: Settings
) -> None:
    webhook = webhook_create(owner=alice, url=f"http://localhost:{receiver.port}/", events=BOTH)
    settings.OUTBOUND_ALLOW_NETWORKS = ()
    delivery = send(webhook)
    assert (delivery.state, delivery.error_code) == ("waiting", "address_not_allowed")
    assert receiver.seen == []


def test_after_some_attempts_a_message_is_given_up(
    webhook: Webhook, receiver: Receiver, settings: Settings
) -> None:
    settings.WEBHOOK_ATTEMPTS = 3
    receiver.answer = lambda request: request.give(500)
    delivery = send(webhook)
    for _ in range(2):
        make_due(webhook)
        assert webhook_deliver(webhook_id=webhook.pk) == 1
    delivery.refresh_from_db()
    webhook.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 3)
    assert delivery.ended_at is not None
    assert webhook.is_active
    delivery_repeat(delivery=delivery)
    receiver.answer = take
    assert webhook_deliver(webhook_id=webhook.pk) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 1)


def test_what_waits_is_not_sent_twice(webhook: Webhook) -> None:
    delivery = webhook_test(webhook=webhook)
    with pytest.raises(WebhookRefused) as refused:
        delivery_repeat(delivery=delivery)
    assert refused.value.code == "still_waiting"


def test_a_webhook_that_took_nothing_for_days_is_switched_off_with_a_mail(
    webhook: Webhook, receiver: Receiver, settings: Settings
) -> None:
    settings.WEBHOOK_ATTEMPTS = 3
    receiver.answer = lambda request: request.give(503)
    send(webhook)
    Webhook.objects.update(failing_since=timezone.now() - timedelta(days=4))
    make_due(webhook)
    webhook_deliver(webhook_id=webhook.pk)
    assert Webhook.objects.get().is_active, (
        "two failures are too few, however long ago the first one was"
    )
    make_due(webhook)
    webhook_deliver(webhook_id=webhook.pk)
    webhook.refresh_from_db()
    assert not webhook.is_active
    assert "For 3 days it took no message" in webhook.off_sentence
    assert "503" in webhook.off_sentence
    (message,) = mail.outbox
    assert message.to == ["alice@example.org"]
    assert webhook.url in message.body
    with pytest.raises(WebhookRefused) as refused:
        webhook_test(webhook=webhook)
    assert refused.value.code == "webhook_off"
    webhooks.webhook_change(webhook=webhook, is_active=True)
    receiver.answer = take
    assert send(webhook).state == DeliveryState.DELIVERED
    assert len(mail.outbox) == 1


def test_a_receiver_may_say_that_it_wants_no_more(webhook: Webhook, receiver: Receiver) -> None:
    receiver.answer = lambda request: request.give(410)
    delivery = send(webhook)
    assert not webhook.is_active
    assert "410" in webhook.off_sentence
    assert (delivery.state, delivery.error_code) == (DeliveryState.FAILED, "webhook_off")


def test_the_waits_grow_up_to_six_hours() -> None:
    waits = [wait_before(attempts).total_seconds() for attempts in range(1, 9)]
    assert waits == [30, 120, 480, 1920, 7680, 21600, 21600, 21600]


def test_a_worker_that_died_while_it_sent_leaves_the_message_for_later(webhook: Webhook) -> None:
    webhook_test(webhook=webhook)
    claim = delivery_claim(webhook.pk)
    assert claim is not None
    assert delivery_claim(webhook.pk) is None
    assert webhooks_sweep() == 0
    assert webhooks_sweep(now=timezone.now() + timedelta(seconds=90)) == 1


def test_the_log_is_shortened(webhook: Webhook) -> None:
    old, new = send(webhook), send(webhook)
    long_ago = timezone.now() - timedelta(days=31)
    WebhookDelivery.objects.filter(pk=old.pk).update(ended_at=long_ago)
    webhooks_sweep()
    assert list(webhook.deliveries.all()) == [new]
