"""Staff see on one page what waits, who works, and what somebody should see to."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from detection.models import (
    Analysis,
    Batch,
    BatchState,
    Event,
    Explanation,
    ForensicViews,
    Priority,
    Queue,
    State,
    SubmittedImage,
    Track,
    UrlFetch,
    Webhook,
)
from detection.services.intake import submission_open
from detection.services.workers import (
    Sign,
    sweep_told,
    worker_beat,
    worker_gone,
    workers_alive,
)
from portal import health
from portal.models import User
from tests.portal.test_metrics import queued

PAGE = "/admin/status/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_told(settings: Settings) -> Iterator[None]:
    """No worker has ever been there; there is a folder for files."""
    Path(settings.MEDIA_ROOT).mkdir()
    caches_before = settings.CACHES
    cache.clear()
    yield
    settings.CACHES = caches_before
    cache.clear()


def sign(name: str, *queues: str, task: str = "") -> Sign:
    """A worker's sign of this moment."""
    now = time.time()
    return Sign(name, queues, now, now, 300_000_000, task, now - 7 if task else 0.0)


def text_of(client: Client, **headers: str) -> str:
    """What the page says, its tags and spaces as one space."""
    answer = client.get(PAGE, headers=headers)
    assert answer.status_code == 200
    return re.sub(r"(<[^>]*>|\s)+", " ", answer.text)


def test_what_waits_without_a_worker_is_said_first(admin_client: Client, alice: User) -> None:
    hour_ago = timezone.now() - timedelta(hours=1)
    queued(alice, Queue.INFERENCE, Priority.SINGLE, 1, created_at=hour_ago)
    queued(alice, Queue.INFERENCE, Priority.BATCH, 2)
    text = text_of(admin_client)
    assert "3 images wait in the queue Inference, and no worker is there." in text
    assert "Nobody has swept lately" in text
    assert "Inference 1 2 0 60 min 0" in text


def test_one_image_waits(admin_client: Client, alice: User) -> None:
    queued(alice, Queue.FACES, Priority.SINGLE, 1)
    text = text_of(admin_client)
    assert "1 image waits in the queue Faces, and no worker is there." in text
    assert "No worker has given a sign of life." in text


def test_all_is_quiet_where_all_is_well(admin_client: Client, alice: User) -> None:
    worker_beat(sign=sign("inference@one", "inference"))
    worker_beat(sign=sign("faces@one", "faces", task="detection.tasks.analyse_images"))
    sweep_told()
    for track, count in ((Track.THUMBNAIL, 20), (Track.FACE, 10)):
        queued(
            alice,
            *(Queue.INFERENCE, Priority.SINGLE, count),
            state=State.FINISHED,
            track=track,
            finished_at=timezone.now() - timedelta(minutes=5),
        )
    text = text_of(admin_client)
    assert "no worker is there" not in text
    assert "Nobody has swept" not in text
    assert re.search(r"inference@one Alive \d+ s ago 286\.1.MB —", text)
    assert "faces@one At work" in text
    assert re.search(r"analyse_images, ([7-9]|[1-5]\d) s", text)
    # Looks for faces are not counted as images.
    assert "over the last ten minutes 2 Thumbnail 2 Photo 0 Face 1" in text
    assert "Failed within a day None." in text
    assert "Database SQLite 3." in text
    assert "Photo nobody" in text


def test_failures_of_a_day_are_counted_by_code(admin_client: Client, alice: User) -> None:
    day = timedelta(hours=25)
    for code, count, age in (("internal", 1, 0), ("worker_lost", 2, 0), ("old", 1, 1)):
        queued(
            alice,
            *(Queue.INFERENCE, Priority.SINGLE, count),
            state=State.FAILED,
            error_code=code,
            finished_at=timezone.now() - age * day,
        )
    assert "within a day worker_lost 2 internal 1 Show them" in text_of(admin_client)


def test_what_waits_beside_images_stands_with_its_queue(admin_client: Client, alice: User) -> None:
    worker_beat(sign=sign("pictures@one", "pictures"))
    submission = submission_open(owner=alice)
    Batch.objects.create(submission=submission, name="a.zip", state=BatchState.UNPACKING)
    for number in range(2):
        UrlFetch.objects.create(submission=submission, url=f"https://example.org/{number}")
    queued(alice, Queue.INFERENCE, Priority.SINGLE, 1)
    ForensicViews.objects.create(image=SubmittedImage.objects.get())
    Explanation.objects.create(analysis=Analysis.objects.get(), method="lime")
    for url, is_active in (("https://example.org/on", True), ("https://example.org/off", False)):
        hook = Webhook.objects.create(owner=alice, url=url, is_active=is_active)
        hook.deliveries.create(event=Event.TEST)
        hook.deliveries.create(event=Event.SUBMISSION_ENDED, next_attempt_at=None)
    text = text_of(admin_client)
    assert "Batches to unpack 1 errands 0" in text
    assert "Addresses to fetch 2 errands 0" in text
    assert "Messages to webhooks 1 errands 0" in text, "none to one that is off, none held back"
    assert "Views to draw 1 pictures 1" in text
    assert "Heatmaps to draw 1 pictures 1" in text
    assert "Training runs 0 training 0" in text


def test_a_part_alone_is_what_keeps_it_up_to_date(admin_client: Client) -> None:
    whole, part = admin_client.get(PAGE), admin_client.get(PAGE, headers={"HX-Request": "true"})
    assert "<html" in whole.text
    assert "<html" not in part.text
    assert 'hx-get="/admin/status/"' in part.text
    assert 'hx-trigger="every 10s"' in part.text
    assert "no-store" in part["Cache-Control"]


def test_looking_costs_no_more_where_much_has_been_done(admin_client: Client, alice: User) -> None:
    with CaptureQueriesContext(connection) as few:
        text_of(admin_client)
    queued(alice, Queue.INFERENCE, Priority.SINGLE, 30, state=State.FINISHED)
    with CaptureQueriesContext(connection) as many:
        text_of(admin_client)
    assert len(many) <= len(few)


def test_without_the_cache_it_says_that_nobody_knows_the_workers(
    admin_client: Client, alice: User, settings: Settings
) -> None:
    queued(alice, Queue.INFERENCE, Priority.SINGLE, 1)
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://:secret@127.0.0.1:1/0",
        }
    }
    text = text_of(admin_client)
    assert "The cache cannot be reached, so nobody knows which workers are alive." in text
    assert "no worker is there" not in text
    settings.METRICS_TOKEN = "a-token-of-the-tests-alone"
    bearer = {"Authorization": f"Bearer {settings.METRICS_TOKEN}"}
    told = admin_client.get("/metrics", headers=bearer)
    assert 'veripix_queue_depth{priority="single",queue="inference"} 1.0' in told.text
    health._kept.clear()
    found = admin_client.get("/health/?format=json").json()
    assert found["workers"] == "Unavailable: nobody knows without the cache"
    assert found["cache"] != "OK"
    assert "secret" not in text + told.text + str(found)
    health._kept.clear()


def test_workers_come_and_go() -> None:
    for name in ("a@one", "b@one", "b@two"):
        worker_beat(sign=sign(name, "inference"))
    assert [one.name for one in workers_alive()] == ["a@one", "b@one", "b@two"]
    worker_gone(name="b@one")
    assert [one.name for one in workers_alive()] == ["a@one", "b@two"]
    # Two that began at the same moment: the one left out finds itself missing and comes back.
    cache.set("workers", ["a@one"], timeout=None)
    assert [one.name for one in workers_alive()] == ["a@one"]
    worker_beat(sign=sign("b@two", "inference"))
    assert [one.name for one in workers_alive()] == ["a@one", "b@two"]


def test_a_sign_that_is_not_renewed_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detection.services.workers.GONE_SECONDS", 0)
    worker_beat(sign=sign("a@one", "inference"))
    assert workers_alive() == []
