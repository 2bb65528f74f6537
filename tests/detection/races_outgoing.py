"""Workers that end, tell and send at the same time; run like `tests.detection.races`."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from detection.models import Analysis, Event, State, SubmittedImage, UrlFetch, WebhookDelivery
from detection.services import fetches, intake
from detection.services.fetches import fetch_request, fetch_run
from detection.services.webhooks import (
    analyses_ended,
    submissions_release,
    webhook_create,
    webhook_deliver,
    webhook_test,
)
from tests import images, people, work
from tests.detection.races import ROUNDS, soon, together
from tests.receivers import Request, receiving

URL = "https://hooks.example.org/"


def end(analysis: Analysis) -> Callable[[], object]:
    """A job that ends an analysis and tells of it, as a worker does."""

    def job() -> None:
        with transaction.atomic():
            held = Analysis.objects.select_for_update().filter(pk=analysis.pk)
            if held.update(state=State.FINISHED, verdict="likely_ai", finished_at=timezone.now()):
                analyses_ended(analyses=[analysis])

    return job


def ends_told_once() -> None:
    alice = people.person("alice")
    for _ in range(2):
        webhook_create(owner=alice, url=URL, events=["analysis.ended", "submission.ended"])
    for _ in range(ROUNDS):
        submission = work.hand_in(alice, *(images.plain(c) for c in ("red", "blue", "grey")))
        submission.images.update(created_at=timezone.now() - timedelta(minutes=1))
        analyses = list(Analysis.objects.filter(image__submission=submission))
        together(*(end(one) for one in analyses), submissions_release)
        sent = WebhookDelivery.objects.exclude(next_attempt_at=None)
        events = Counter(sent.values_list("event", flat=True))
        assert events == {Event.ANALYSIS_ENDED: 6, Event.SUBMISSION_ENDED: 2}, events
        assert not WebhookDelivery.objects.held_back().exists()
        sent.delete()


def addresses_keep_the_limit() -> None:
    settings.URL_FETCH = True
    fetches.MOST_WAITING = 5
    for number in range(ROUNDS):
        alice = people.person(f"alice{number}")
        refused = together(*[lambda alice=alice: fetch_request(owner=alice, urls=[URL])] * 12)
        assert len(refused) == 7
        assert UrlFetch.objects.filter(submission__owner=alice).count() == 5


def ends_and_deletion() -> None:
    alice = people.person("alice")
    webhook_create(owner=alice, url=URL, events=["analysis.ended", "submission.ended"])
    for _ in range(ROUNDS):
        submission = work.hand_in(alice, images.plain("red"), images.plain("blue"))
        analyses = list(Analysis.objects.filter(image__submission=submission))
        gone = lambda pks=[one.image_id for one in analyses]: intake.images_delete(  # noqa: E731
            images=SubmittedImage.objects.filter(pk__in=pks)
        )
        together(*(end(one) for one in analyses), soon(gone), submissions_release)
        submissions_release()
        assert not WebhookDelivery.objects.exists()


def each_message_sent_once() -> None:
    alice = people.person("alice")
    settings.OUTBOUND_ALLOW_NETWORKS = (ip_network("127.0.0.1/32"),)
    with receiving(lambda request: request.give(200)) as receiver:
        settings.OUTBOUND_PORTS = frozenset({receiver.port})
        webhook = webhook_create(owner=alice, url=receiver.url(), events=["analysis.ended"])
        ids = {webhook_test(webhook=webhook).public_id for _ in range(12)}
        together(*[lambda: webhook_deliver(webhook_id=webhook.pk)] * 4)
        assert sorted(request.headers["webhook-id"] for request in receiver.seen) == sorted(ids)
    states = WebhookDelivery.objects.values_list("state", "attempts")
    assert set(states) == {("delivered", 1)}


def each_address_fetched_once() -> None:
    alice = people.person("alice")
    settings.URL_FETCH = True
    settings.OUTBOUND_ALLOW_NETWORKS = (ip_network("127.0.0.1/32"),)

    def answer(request: Request) -> None:
        request.give(200, images.plain("red"), Content_Type="image/png")

    with receiving(answer) as receiver:
        settings.OUTBOUND_PORTS = frozenset({receiver.port})
        urls = [receiver.url(f"/{number}.png") for number in range(4)]
        submission = fetch_request(owner=alice, urls=urls)
        keys = list(submission.fetches.values_list("pk", flat=True))
        together(*[lambda key=key: fetch_run(fetch_id=key) for key in keys * 3])
        assert sorted(request.path for request in receiver.seen) == [f"/{n}.png" for n in range(4)]
    assert submission.images.count() == 4
    assert set(UrlFetch.objects.values_list("state", flat=True)) == {State.FINISHED}
