"""Metrics are for whoever brings the token, and tell of queues what the rows say."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from detection.models import Analysis, Priority, Queue, State, Submission, SubmittedImage
from detection.services.workers import Sign, worker_beat
from portal import metrics
from portal.models import User
from tests.detection.test_telemetry import run
from tests.servers import free_port

TOKEN = "a-token-of-the-tests-alone"
BEARER = {"Authorization": f"Bearer {TOKEN}"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """Where nothing was measured yet; metrics are on."""
    settings.METRICS_TOKEN = TOKEN
    settings.METRICS_ROOT = tmp_path / "metrics"
    settings.METRICS_ROOT.mkdir()
    yield settings.METRICS_ROOT
    cache.clear()


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels, in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(client: Client) -> dict[tuple[str, ...], float]:
    """What Prometheus reads."""
    answer = client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    return samples(answer.text)


def queued(owner: User, queue: Queue, priority: Priority, count: int, **fields: object) -> None:
    """Rows that wait, as after a hand-in."""
    submission = Submission.objects.create(owner=owner)
    for _ in range(count):
        image = SubmittedImage.objects.create(
            submission=submission,
            file_name="a.png",
            original=ContentFile(b"", "a.png"),
            sha256="0" * 64,
            format="PNG",
            width=32,
            height=32,
            byte_size=1,
        )
        Analysis.objects.create(image=image, owner=owner, queue=queue, priority=priority, **fields)


def test_there_is_no_such_page_without_a_token_to_bring(client: Client) -> None:
    assert client.get("/metrics", headers=BEARER).status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN])
def test_nobody_reads_them_without_the_token(
    client: Client, admin_client: Client, folder: Path, header: str
) -> None:
    for someone in (client, admin_client):
        answer = someone.get("/metrics", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"
        assert "veripix" not in answer.text


def test_queues_are_told_by_what_the_rows_say(client: Client, folder: Path, alice: User) -> None:
    hour_ago = timezone.now() - timedelta(hours=1)
    queued(alice, Queue.INFERENCE, Priority.SINGLE, 2)
    queued(alice, Queue.INFERENCE, Priority.BATCH, 3, created_at=hour_ago)
    queued(alice, Queue.FACES, Priority.SINGLE, 1, state=State.RUNNING)
    queued(alice, Queue.FACES, Priority.SINGLE, 1, state=State.FINISHED)
    now = time.time()
    worker_beat(sign=Sign("faces@one", ["faces"], now, now, 4_000_000))
    found = scrape(client)
    assert found[("veripix_queue_depth", "single", "inference")] == 2
    assert found[("veripix_queue_depth", "batch", "inference")] == 3
    assert found[("veripix_queue_depth", "single", "faces")] == 0
    assert found[("veripix_queue_running", "faces")] == 1
    assert found[("veripix_queue_oldest_seconds", "inference")] == pytest.approx(3600, abs=60)
    assert found[("veripix_queue_oldest_seconds", "faces")] == 0
    assert found[("veripix_waiting", "webhooks")] == 0
    assert found[("veripix_workers", "faces")] == 1
    assert found[("veripix_worker_memory_bytes", "faces@one")] == 4_000_000
    assert found[("veripix_database_up",)] == 1


def test_what_other_processes_measured_is_told_too(client: Client, folder: Path) -> None:
    run(folder)
    found = scrape(client)
    assert found[("veripix_verdicts_total", "model", "m 1", "thumbnail", "real")] == 2
    assert found[("veripix_stage_seconds_sum", "analysis", "read")] == 0.25


def test_without_a_database_the_rest_is_told(client: Client, folder: Path) -> None:
    run(folder)

    def gone(*_: object) -> None:
        raise OperationalError("away")

    with connection.execute_wrapper(gone):
        found = scrape(client)
    assert found[("veripix_database_up",)] == 0
    assert not [name for name, *_ in found if name.startswith("veripix_queue")]
    assert ("veripix_verdicts_total", "model", "m 1", "thumbnail", "real") in found


def test_a_scrape_asks_little_of_the_database(client: Client, folder: Path, alice: User) -> None:
    queued(alice, Queue.INFERENCE, Priority.SINGLE, 3)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        scrape(client)
    assert len(asked) <= 14
    for query in asked:
        plan = re.sub(r"^", "EXPLAIN QUERY PLAN ", query["sql"])
        with connection.cursor() as cursor:
            cursor.execute(plan)
            steps = " ".join(str(row[-1]) for row in cursor.fetchall())
        assert "SCAN detection_analysis" not in steps, query["sql"]


def test_workers_answer_on_a_port_that_they_share(folder: Path) -> None:
    run(folder)
    port = free_port()
    first, second = metrics.serve(port), metrics.serve(port)
    assert first
    assert second
    try:
        address = f"http://127.0.0.1:{port}/metrics"
        assert requests.get(address, timeout=5).status_code == 401
        for _ in range(4):
            answer = requests.get(address, headers=BEARER, timeout=5)
            found = samples(answer.text)
            assert found[("veripix_verdicts_total", "model", "m 1", "thumbnail", "real")] == 2
            assert not [name for name, *_ in found if name.startswith("veripix_queue")]
    finally:
        for server in (first, second):
            server.shutdown()
            server.server_close()


def test_a_new_start_forgets_what_earlier_processes_measured(client: Client, folder: Path) -> None:
    run(folder)
    metrics.forget()
    assert not [name for name, *_ in scrape(client) if name.startswith("veripix_verdicts")]
