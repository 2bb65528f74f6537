"""Whoever has a webhook finds a message where an analysis has ended, and one for all of them."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from detection.models import Analysis, Event, State, Submission, Webhook, WebhookDelivery
from detection.models.webhooks import DeliveryState
from detection.services.batches import batch_cancel, batch_open
from detection.services.intake import images_delete
from detection.services.webhooks import (
    MOST_WEBHOOKS,
    WebhookRefused,
    analyses_ended,
    submissions_release,
    webhook_change,
    webhook_create,
)
from portal.models import User
from tests import images, work
from tests.fixtures import Committed
from tests.programs import program

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.org/veripix"
BOTH = [Event.ANALYSIS_ENDED, Event.SUBMISSION_ENDED]
LATER = timedelta(seconds=20)


@pytest.fixture
def webhook(alice: User) -> Webhook:
    """Alice's, on all that there is."""
    return webhook_create(owner=alice, url=URL, events=BOTH)


def end(*analyses: Analysis, **fields: object) -> int:
    """End them as a worker does, and tell of it."""
    return analyses_ended(analyses=[work.ended(one, **fields) for one in analyses])


def told(event: Event) -> list[WebhookDelivery]:
    """The messages that go."""
    waiting = WebhookDelivery.objects.due_at(timezone.now() + LATER)
    return list(waiting.filter(event=event).order_by("pk"))


def test_without_a_webhook_it_costs_one_query(
    alice: User, charlie: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    webhook_create(owner=charlie, url=URL, events=BOTH)
    analyses = [work.ended(work.queued(alice)) for _ in range(3)]
    with django_assert_num_queries(1):
        assert analyses_ended(analyses=analyses) == 0
    assert not WebhookDelivery.objects.exists()


def test_the_message_says_what_the_interface_says(alice: User, webhook: Webhook) -> None:
    analysis = work.queued(alice, name="beach.png")
    assert end(analysis) == 1
    (delivery,) = told(Event.ANALYSIS_ENDED)
    assert delivery.payload["type"] == "analysis.ended"
    data = delivery.payload["data"]
    assert data["verdict"]["percent_ai"] == 97.0
    asked = program(alice).get("/api/v1/analyses/").json()
    (listed,) = asked["results"]
    assert {"url": listed["url"], **data} == listed


def test_a_failure_is_told_with_its_code(alice: User, webhook: Webhook) -> None:
    why = {"error_code": "no_champion", "error_sentence": "No model answers here yet."}
    end(work.queued(alice), state=State.FAILED, verdict="", p_fake=None, **why)
    data = told(Event.ANALYSIS_ENDED)[0].payload["data"]
    assert data["error"] == {"code": "no_champion", "message": "No model answers here yet."}
    assert (data["state"], data["verdict"]) == ("failed", None)


def test_only_ones_own_and_only_what_was_chosen(alice: User, charlie: User) -> None:
    webhook_create(owner=charlie, url=URL, events=BOTH)
    mine = webhook_create(owner=alice, url=URL, events=[Event.SUBMISSION_ENDED])
    off = webhook_create(owner=alice, url=URL, events=BOTH)
    webhook_change(webhook=off, is_active=False)
    assert end(work.queued(alice)) == 0
    (delivery,) = WebhookDelivery.objects.all()
    assert (delivery.webhook, delivery.event) == (mine, Event.SUBMISSION_ENDED)


def test_the_end_of_a_submission_is_told_once_all_have_ended(
    alice: User, webhook: Webhook, committed: Committed
) -> None:
    submission = work.hand_in(alice, *(images.plain(colour) for colour in ("red", "blue")))
    first, second = Analysis.objects.filter(image__submission=submission).order_by("pk")
    age(submission)
    with committed():
        end(first)
    assert told(Event.SUBMISSION_ENDED) == []
    with committed():
        end(second, verdict="inconclusive")
    (delivery,) = told(Event.SUBMISSION_ENDED)
    data = delivery.payload["data"]
    assert data["id"] == submission.public_id
    counts = data["counts"]
    assert (counts["total"], counts["likely_ai"], counts["inconclusive"]) == (2, 1, 1)
    with committed():
        analyses_ended(analyses=[second])
    assert len(told(Event.SUBMISSION_ENDED)) == 1


def test_a_submission_that_may_still_grow_is_not_told_at_once(
    alice: User, webhook: Webhook, committed: Committed
) -> None:
    analysis = work.queued(alice)
    with committed():
        end(analysis)
    assert told(Event.SUBMISSION_ENDED) == []
    assert submissions_release(now=timezone.now() + LATER) == 1
    assert submissions_release(now=timezone.now() + LATER) == 0


def test_the_end_of_a_batch_is_told_also_when_it_is_cancelled(
    alice: User, webhook: Webhook
) -> None:
    batch = batch_open(owner=alice, name="a.zip", upload_bytes=1000)
    assert submissions_release(now=timezone.now() + LATER) == 0, "it is still to come in"
    batch_cancel(batch=batch)
    assert submissions_release() == 1
    (delivery,) = told(Event.SUBMISSION_ENDED)
    assert delivery.payload["data"]["counts"]["total"] == 0


def test_a_deleted_image_takes_its_messages_along(alice: User, webhook: Webhook) -> None:
    analysis = work.queued(alice)
    end(analysis)
    assert WebhookDelivery.objects.count() == 2
    images_delete(images=[analysis.image])
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize(
    ("url", "events", "code", "field"),
    [
        ("http://127.0.0.1/", BOTH, "address_not_allowed", "url"),
        ("http://[::ffff:169.254.169.254]/", BOTH, "address_not_allowed", "url"),
        ("ftp://example.org/", BOTH, "scheme_not_allowed", "url"),
        ("https://user:secret@example.org/", BOTH, "user_info_not_allowed", "url"),
        ("https://example.org:22/", BOTH, "port_not_allowed", "url"),
        ("https://example.org/" + "a" * 500, BOTH, "address_too_long", "url"),
        (URL, [], "no_event", "events"),
        (URL, ["analysis.begun"], "unknown_event", "events"),
        (URL, [Event.TEST], "unknown_event", "events"),
    ],
)
def test_what_is_refused(alice: User, url: str, events: list[str], code: str, field: str) -> None:
    with pytest.raises(WebhookRefused) as refused:
        webhook_create(owner=alice, url=url, events=events)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not Webhook.objects.exists()


def test_a_person_has_a_few_at_most(alice: User) -> None:
    for _ in range(MOST_WEBHOOKS):
        webhook_create(owner=alice, url=URL, events=BOTH)
    with pytest.raises(WebhookRefused, match="which is the most"):
        webhook_create(owner=alice, url=URL, events=BOTH)


def test_switched_off_what_waits_is_given_up(alice: User, webhook: Webhook) -> None:
    end(work.queued(alice))
    webhook_change(webhook=webhook, is_active=False)
    assert set(WebhookDelivery.objects.values_list("state", "error_code")) == {
        (DeliveryState.FAILED, "webhook_off")
    }


def age(submission: Submission) -> None:
    """Let its files have come in a while ago."""
    submission.images.update(created_at=timezone.now() - LATER)
