"""One's webhooks are made, tried out and looked after on pages of their own."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from detection.models import Event, Webhook
from detection.services.quotas import quota_take
from detection.services.webhooks import (
    analyses_ended,
    webhook_create,
    webhook_deliver,
    webhook_test,
)
from detection.views import webhooks as pages
from portal.models import User
from tests import work
from tests.people import PASSWORD
from tests.receivers import Receiver, receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A program that takes what it is told."""
    with receiving(lambda request: request.give(200)) as server:
        settings.OUTBOUND_PORTS = frozenset({80, server.port})
        settings.OUTBOUND_ALLOW_NETWORKS = (ip_network("127.0.0.1/32"),)
        yield server
    work.delivered("errands")


@pytest.fixture
def webhook(alice: User, receiver: Receiver) -> Webhook:
    """Alice's."""
    return webhook_create(owner=alice, url=receiver.url(), events=[Event.ANALYSIS_ENDED])


def test_one_is_made_and_its_secret_is_shown_this_once(
    as_alice: Client, receiver: Receiver
) -> None:
    form = {"url": receiver.url("/hook"), "events": ["submission.ended"]}
    answer = as_alice.post(reverse("webhook_list"), form)
    webhook = Webhook.objects.get()
    assert answer.status_code == 201
    assert webhook.secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert (webhook.url, webhook.events) == (receiver.url("/hook"), ["submission.ended"])
    page = as_alice.get(webhook.get_absolute_url()).content.decode()
    assert webhook.secret not in page
    assert "It is told: All analyses of a submission have ended." in page
    assert "Nothing was sent yet" in page


def test_the_secret_is_shown_again_for_the_password(
    client: Client, alice: User, webhook: Webhook
) -> None:
    client.force_login(alice)
    address = reverse("webhook_secret", args=[webhook.public_id])
    asked = client.get(address)
    assert asked.status_code == 302
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    shown = client.post(asked["Location"], {"password": PASSWORD}, follow=True)
    assert webhook.secret in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]


def test_the_log_names_what_it_is_about_and_has_pages(
    as_alice: Client, alice: User, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHOWN", 2)
    ends = [work.queued(alice, name=f"{number}.png") for number in range(5)]
    for analysis in ends:
        analyses_ended(analyses=[work.ended(analysis)])

    def names(query: str) -> list[str]:
        answer = as_alice.get(webhook.get_absolute_url() + query)
        context.update({name: answer.context[name] for name in ("deliveries", "newer", "older")})
        link = reverse("analysis_detail", args=[ends[0].public_id])
        assert (link in answer.text) == ("0.png" in answer.text)
        return [one.analysis.image.file_name for one in context["deliveries"]]

    context: dict[str, Any] = {}
    assert names("") == ["4.png", "3.png"]
    assert context["newer"] is None
    assert names(f"?older={context['older']}") == ["2.png", "1.png"]
    assert names(f"?older={context['older']}") == ["0.png"]
    assert context["older"] is None
    assert names(f"?newer={context['newer']}") == ["2.png", "1.png"]
    assert names(f"?newer={context['newer']}") == ["4.png", "3.png"]


def test_the_polled_part_tells_that_it_was_switched_off(
    as_alice: Client, alice: User, settings: Settings
) -> None:
    with receiving(lambda request: request.give(410)) as server:
        settings.OUTBOUND_PORTS = frozenset({80, server.port})
        settings.OUTBOUND_ALLOW_NETWORKS = (ip_network("127.0.0.1/32"),)
        hook = webhook_create(owner=alice, url=server.url(), events=[Event.ANALYSIS_ENDED])
        webhook_test(webhook=hook)
        webhook_deliver(webhook_id=hook.pk)
    told = as_alice.get(reverse("webhook_log", args=[hook.public_id])).text
    assert 'hx-swap-oob="true"' in told
    assert "It was switched off. Its server answered 410" in told
    assert "Switch on" in told
    assert "Send a test" not in told
    work.delivered("errands")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"events": ["analysis.ended"]}, "Name an address."),
        ({"url": "https://example.org/"}, "Choose what is to be told."),
        ({"url": "https://example.org/", "events": ["test"]}, "Select a valid choice"),
        ({"url": "http://169.254.169.254/", "events": ["analysis.ended"]}, "is not opened"),
        ({"url": "ftp://example.org/", "events": ["analysis.ended"]}, "http:// or https://"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    as_alice: Client, form: dict[str, object], said: str
) -> None:
    answer = as_alice.post(reverse("webhook_list"), form)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Webhook.objects.exists()


def test_a_test_is_logged(as_alice: Client, webhook: Webhook) -> None:
    answer = as_alice.post(reverse("webhook_test", args=[webhook.public_id]))
    assert answer["Location"] == f"{webhook.get_absolute_url()}#log"
    log = reverse("webhook_log", args=[webhook.public_id])
    assert "hx-get" in as_alice.get(log).content.decode()
    webhook_deliver(webhook_id=webhook.pk)
    said = as_alice.get(log).content.decode()
    assert "Delivered" in said
    assert "status 200" in said
    assert "hx-get" not in said, "what is over is not asked for any more"


def test_a_message_is_sent_again(as_alice: Client, webhook: Webhook, receiver: Receiver) -> None:
    delivery = webhook_test(webhook=webhook)
    webhook_deliver(webhook_id=webhook.pk)
    as_alice.post(reverse("delivery_again", args=[delivery.public_id]))
    webhook_deliver(webhook_id=webhook.pk)
    assert [request.headers["webhook-id"] for request in receiver.seen] == [delivery.public_id] * 2


def test_it_is_changed_switched_off_and_on_and_deleted(as_alice: Client, webhook: Webhook) -> None:
    page = webhook.get_absolute_url()
    both = ["analysis.ended", "submission.ended"]
    as_alice.post(page, {"url": "http://example.org/", "events": both})
    webhook.refresh_from_db()
    assert (webhook.url, webhook.events) == ("http://example.org/", both)
    for word, is_active in (("off", False), ("on", True)):
        as_alice.post(reverse("webhook_switch", args=[webhook.public_id]), {"to": word})
        webhook.refresh_from_db()
        assert webhook.is_active is is_active
    as_alice.post(reverse("webhook_delete", args=[webhook.public_id]))
    assert not Webhook.objects.exists()


def test_my_account_tells_what_i_used(as_alice: Client, alice: User, settings: Settings) -> None:
    quota_take(owner=alice, images=3, bytes=1_500_000)
    assert "3 images · 1.5 MB" in as_alice.get(reverse("account")).content.decode()
    settings.QUOTA_IMAGES_PER_DAY = {"everybody": 10}
    settings.QUOTA_MEGABYTES_PER_DAY = {"everybody": 20}
    page = as_alice.get(reverse("account")).content.decode()
    assert "3 of 10 images · 1.5 of 20 MB" in page
