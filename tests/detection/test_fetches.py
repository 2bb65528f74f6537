"""Images that are handed in by their address are fetched by a worker, or refused with a reason."""

import gzip
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.utils import timezone
from pytest_django import Settings

from detection.models import Analysis, Event, State, Submission, UrlFetch, WebhookDelivery
from detection.services.fetches import (
    MOST_WAITING,
    FetchRefused,
    fetch_request,
    fetch_run,
    fetches_sweep,
)
from detection.services.webhooks import submissions_release, webhook_create
from portal.models import User
from tests import images, work
from tests.fixtures import Committed
from tests.receivers import Receiver, Request, receiving

pytestmark = pytest.mark.django_db
PNG = images.plain("red")


def answer(request: Request) -> None:
    """What the path says."""
    match request.path:
        case "/red.png":
            request.give(200, PNG, Content_Type="image/png")
        case "/lying.png":
            request.give(200, b"<html>", Content_Type="image/png")
        case "/page":
            request.give(200, b"<html>", Content_Type="text/html")
        case "/bomb":
            packed = gzip.compress(bytes(1_000_000))
            request.give(200, packed, Content_Type="image/png", Content_Encoding="gzip")
        case "/inside":
            request.give(302, Location="http://169.254.169.254/latest/")
        case "/large":
            request.give(200, bytes(2_000_000), Content_Type="image/png")
        case "/broken":
            request.give(503)
        case _:
            request.give(404)


@pytest.fixture
def server(settings: Settings) -> Iterator[Receiver]:
    """Where images lie; fetching is on."""
    with receiving(answer) as receiver:
        settings.URL_FETCH = True
        settings.URL_FETCH_SECONDS = 2
        settings.OUTBOUND_PORTS = frozenset({80, receiver.port})
        settings.OUTBOUND_ALLOW_NETWORKS = (ip_network("127.0.0.1/32"),)
        settings.MAX_UPLOAD_BYTES = 1_000_000
        work.delivered("errands")
        yield receiver
    work.delivered("errands")


def asked(alice: User, *urls: str) -> Submission:
    return fetch_request(owner=alice, urls=urls)


def test_it_is_off_unless_somebody_switches_it_on(alice: User) -> None:
    with pytest.raises(FetchRefused) as refused:
        asked(alice, "https://example.org/red.png")
    assert refused.value.code == "fetch_off"
    assert not Submission.objects.exists()


def test_a_worker_fetches_and_the_image_is_like_any_other(
    alice: User, server: Receiver, committed: Committed
) -> None:
    with committed():
        submission = asked(alice, server.url("/red.png"), server.url("/red.png"))
    (fetch,) = submission.fetches.all()
    assert work.delivered("errands") == [fetch.pk]
    assert fetch_run(fetch_id=fetch.pk)
    fetch.refresh_from_db()
    (image,) = submission.images.all()
    assert (fetch.state, fetch.image) == (State.FINISHED, image)
    assert (image.file_name, image.byte_size) == ("red.png", len(PNG))
    assert image.original.open().read() == PNG
    assert Analysis.objects.get(image=image).state == State.QUEUED
    assert not fetch_run(fetch_id=fetch.pk), "delivered twice, the second time does nothing"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/page", "not_an_image"),
        ("/lying.png", "unsupported_format"),
        ("/bomb", "compressed"),
        ("/inside", "address_not_allowed"),
        ("/large", "too_large"),
        ("/missing", "bad_status"),
    ],
)
def test_what_is_no_image_becomes_a_refusal(
    alice: User, server: Receiver, path: str, code: str
) -> None:
    submission = asked(alice, server.url(path))
    fetch = submission.fetches.get()
    assert fetch_run(fetch_id=fetch.pk)
    fetch.refresh_from_db()
    refusal = submission.refusals.get()
    assert (fetch.state, fetch.error_code, refusal.code) == (State.FAILED, code, code)
    assert refusal.sentence
    assert not submission.images.exists()


def test_what_may_succeed_later_is_tried_again_and_then_given_up(
    alice: User, server: Receiver, settings: Settings
) -> None:
    settings.URL_FETCH_ATTEMPTS = 2
    submission = asked(alice, server.url("/broken"))
    fetch = submission.fetches.get()
    assert not fetch_run(fetch_id=fetch.pk)
    fetch.refresh_from_db()
    assert (fetch.state, fetch.attempts, fetch.enqueued_at) == (State.QUEUED, 1, None)
    assert fetches_sweep() == 0
    assert fetches_sweep(now=timezone.now() + timedelta(seconds=15)) == 1
    assert fetch_run(fetch_id=fetch.pk)
    fetch.refresh_from_db()
    assert (fetch.state, fetch.error_code) == (State.FAILED, "bad_status")
    assert submission.refusals.get().sentence == "The server answered with status 503."


def test_a_lost_worker_is_noticed(alice: User, server: Receiver, settings: Settings) -> None:
    settings.URL_FETCH_ATTEMPTS = 1
    submission = asked(alice, server.url("/red.png"))
    long_ago = timezone.now() - timedelta(seconds=settings.ANALYSIS_LEASE_SECONDS + 1)
    fetches = UrlFetch.objects.filter(submission=submission)
    fetches.update(state=State.RUNNING, started_at=long_ago)
    fetches_sweep()
    assert fetches.get().state == State.QUEUED
    fetches.update(state=State.RUNNING, started_at=long_ago, attempts=1)
    fetches_sweep()
    assert fetches.get().error_code == "worker_lost"
    assert submission.refusals.get().code == "worker_lost"


@pytest.mark.usefixtures("broker_is_away")
def test_without_a_broker_it_waits_for_the_sweep(
    alice: User, server: Receiver, committed: Committed
) -> None:
    with committed():
        submission = asked(alice, server.url("/red.png"))
    fetch = submission.fetches.get()
    assert (fetch.state, fetch.enqueued_at) == (State.QUEUED, None)


@pytest.mark.parametrize(
    ("urls", "code"),
    [
        ([], "no_address"),
        (["https://example.org/a.png"] * 2 + ["file:///etc/passwd"], "scheme_not_allowed"),
        (["http://[::ffff:127.0.0.1]/", "https://example.org/"], "address_not_allowed"),
        ([f"https://example.org/{number}.png" for number in range(51)], "too_many_files"),
    ],
)
def test_all_addresses_or_none(alice: User, settings: Settings, urls: list[str], code: str) -> None:
    settings.URL_FETCH = True
    with pytest.raises(FetchRefused) as refused:
        asked(alice, *urls)
    assert refused.value.code == code
    assert refused.value.url in ("", *urls)
    assert not Submission.objects.exists()


def test_nobody_fills_the_queue(alice: User, settings: Settings) -> None:
    settings.URL_FETCH = True
    settings.MAX_FILES = MOST_WAITING
    many = [f"https://example.org/{number}.png" for number in range(MOST_WAITING - 1)]
    asked(alice, *many)
    with pytest.raises(FetchRefused, match="499 addresses of yours wait already") as refused:
        asked(alice, *many[:2])
    assert refused.value.code == "too_many_fetches"
    asked(alice, many[0])


def test_the_end_is_told_also_when_nothing_was_taken_in(alice: User, server: Receiver) -> None:
    webhook_create(owner=alice, url=server.url(), events=[Event.SUBMISSION_ENDED])
    submission = asked(alice, server.url("/missing"), server.url("/page"))
    first, second = submission.fetches.all()
    fetch_run(fetch_id=first.pk)
    assert submissions_release() == 0, "one address is still to be opened"
    fetch_run(fetch_id=second.pk)
    assert submissions_release() == 1
    data = WebhookDelivery.objects.get().payload["data"]
    assert (data["counts"]["total"], data["refused"]) == (0, 2)
