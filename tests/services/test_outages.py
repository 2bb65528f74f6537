"""Killed workers, a broker that is away, missing files: nothing that was handed in is lost."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.data import drawn_image
from tests.installation import Installation, running_installation, server_variables
from tests.servers import MariaDB, Redis, redis_server
from tests.visitor import Visitor
from tests.waiting import wait_for

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis that these tests stop and start."""
    with redis_server(tmp_path_factory.mktemp("outage-redis")) as server:
        yield server


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    own_redis: Redis,
) -> Iterator[Installation]:
    """An installation on servers that these tests may break and mend."""
    folder = tmp_path_factory.mktemp("outages")
    variables = server_variables(folder, static_root, mariadb, own_redis)
    with running_installation(folder, variables) as installation:
        yield installation


@pytest.fixture(scope="module")
def alice(portal: Installation) -> Visitor:
    """Signed up while all was well."""
    return portal.visitor().sign_up("alice@example.org")


def analysis_row(portal: Installation, submission: str) -> tuple[str, int, str, str]:
    """State, number of claims, error code and heatmap of a submission's one analysis."""
    (row,) = portal.rows(
        "SELECT a.state, a.attempts, a.error_code, a.heatmap FROM detection_analysis a"
        " JOIN detection_submittedimage i ON i.id = a.image_id"
        " JOIN detection_submission s ON s.id = i.submission_id WHERE s.public_id = %s",
        submission,
    )
    state, attempts, error_code, heatmap = row
    return state, attempts, error_code, heatmap


def original_of(portal: Installation, submission: str) -> Path:
    """Where the one original of a submission is stored."""
    ((name,),) = portal.rows(
        "SELECT i.original FROM detection_submittedimage i"
        " JOIN detection_submission s ON s.id = i.submission_id WHERE s.public_id = %s",
        submission,
    )
    return portal.folder / "media" / name


def heatmaps(portal: Installation) -> set[Path]:
    return {path for path in (portal.folder / "media" / "heatmaps").rglob("*") if path.is_file()}


@contextmanager
def frozen(original: Path) -> Iterator[None]:
    """Let whoever reads this file wait: a pipe that nobody writes to stands in its place."""
    kept = original.with_suffix(".kept")
    original.rename(kept)
    os.mkfifo(original)
    try:
        yield
    finally:
        original.unlink()
        kept.rename(original)


def kill_worker_in_the_middle(portal: Installation, submission: str) -> None:
    """Start the worker, wait until it is at the submission's image, and kill it there."""
    with frozen(original_of(portal, submission)):
        portal.start("inference")
        wait_for(
            lambda: portal.states(submission) == ["running"], "a claim by the worker", timeout=60
        )
        portal.kill("inference")
    assert portal.states(submission) == ["running"]


def test_a_killed_worker_takes_up_what_it_held_when_it_is_started_again(
    portal: Installation, alice: Visitor
) -> None:
    portal.stop("inference")
    before = heatmaps(portal)
    submission = alice.submit({"killed.jpg": drawn_image((32, 32), seed=1)})
    kill_worker_in_the_middle(portal, submission)
    portal.start("inference")
    assert portal.wait_until_ended(submission) == ["finished"]
    state, attempts, _, heatmap = analysis_row(portal, submission)
    assert (state, attempts) == ("finished", 2)
    assert heatmaps(portal) - before == {portal.folder / "media" / heatmap}


def test_the_sweeper_gives_a_dead_workers_analysis_to_another_one(
    portal: Installation, alice: Visitor
) -> None:
    portal.stop("inference")
    submission = alice.submit({"orphan.jpg": drawn_image((32, 32), seed=2)})
    kill_worker_in_the_middle(portal, submission)
    portal.start("inference", options=["-n", "stand-in@elsewhere"])
    assert portal.wait_until_ended(submission) == ["finished"]
    assert analysis_row(portal, submission)[:2] == ("finished", 2)
    portal.stop("inference")
    portal.start("inference")


def test_an_upload_is_answered_while_the_broker_is_down_and_analysed_afterwards(
    portal: Installation, alice: Visitor, own_redis: Redis
) -> None:
    own_redis.stop()
    started = time.monotonic()
    submission = alice.submit({"no-broker.jpg": drawn_image((32, 32), seed=3)})
    assert time.monotonic() - started < 10
    assert portal.states(submission) == ["queued"]
    page = alice.get(f"/submissions/{submission}/")
    assert page.status_code == 200
    assert "no-broker.jpg" in page.text
    own_redis.start()
    assert portal.wait_until_ended(submission) == ["finished"]
    assert analysis_row(portal, submission)[1] == 1


def test_what_waits_in_the_queue_survives_a_restart_of_the_broker(
    portal: Installation, alice: Visitor, own_redis: Redis
) -> None:
    portal.stop("inference")
    files = {f"waiting-{n}.jpg": drawn_image((32, 32), seed=n) for n in range(3)}
    submission = alice.submit(files)
    own_redis.stop()
    own_redis.start()
    portal.start("inference")
    assert portal.wait_until_ended(submission) == ["finished"] * 3


def test_missing_weights_are_told_and_a_retry_works_once_they_are_back(
    portal: Installation, alice: Visitor
) -> None:
    portal.stop("inference")
    weights = portal.model_weights
    kept = weights.with_suffix(".kept")
    weights.rename(kept)
    portal.start("inference")
    submission = alice.submit({"no-weights.jpg": drawn_image((32, 32), seed=4)})
    assert portal.wait_until_ended(submission) == ["failed"]
    _, _, code, _ = analysis_row(portal, submission)
    assert code not in ("", "internal")
    (link,) = alice.analysis_links(submission)
    assert "no-weights.jpg" in alice.get(link).text
    kept.rename(weights)
    assert alice.post(f"{link}retry/").ok
    assert portal.wait_until_ended(submission) == ["finished"]


def test_weights_that_were_tampered_with_are_refused(portal: Installation, alice: Visitor) -> None:
    portal.stop("inference")
    weights = portal.model_weights
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    portal.start("inference")
    submission = alice.submit({"tampered.jpg": drawn_image((32, 32), seed=5)})
    assert portal.wait_until_ended(submission) == ["failed"]
    weights.write_bytes(content)
    portal.stop("inference")
    portal.start("inference")


def test_a_stored_image_that_is_gone_fails_with_its_reason(
    portal: Installation, alice: Visitor
) -> None:
    portal.stop("inference")
    submission = alice.submit({"gone.jpg": drawn_image((32, 32), seed=6)})
    original_of(portal, submission).unlink()
    portal.start("inference")
    assert portal.wait_until_ended(submission) == ["failed"]
    assert analysis_row(portal, submission)[2] == "file_missing"


def test_an_analysis_delivered_twice_runs_once(portal: Installation, alice: Visitor) -> None:
    submission = alice.submit({"twice.jpg": drawn_image((32, 32), seed=7)})
    portal.wait_until_ended(submission)
    before = analysis_row(portal, submission)
    send = (
        "from celery import current_app; from detection.models import Analysis;"
        "pk = Analysis.objects.latest('pk').pk;"
        "args = [[pk], 'inference'];"
        "[current_app.send_task('detection.tasks.analyse_images', args=args) for _ in range(3)]"
    )
    portal.manage("shell", "-c", send)
    after = alice.submit({"after.jpg": drawn_image((32, 32), seed=8)})
    assert portal.wait_until_ended(after) == ["finished"]
    assert analysis_row(portal, submission) == before
