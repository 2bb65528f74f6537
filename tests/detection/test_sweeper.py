"""The sweeper finds what fell between the processes, and leaves alone what only waits."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.base import ContentFile
from pytest_django import Settings

from detection.image_files import ImageRejected
from detection.models import Analysis, State, Submission
from detection.services import intake
from detection.services.sweeper import SweepReport, sweep, worker_gives_back
from portal.models import User
from tests import images, work
from tests.fixtures import Queue

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
LEASE = 100


@pytest.fixture(autouse=True)
def patience(settings: Settings) -> None:
    """Numbers that the tests can count on."""
    settings.ANALYSIS_LEASE_SECONDS = LEASE
    settings.ANALYSIS_MAX_ATTEMPTS = 3


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def set_up(owner: User, **fields: object) -> Analysis:
    """An analysis with these columns."""
    analysis = work.queued(owner)
    Analysis.objects.filter(pk=analysis.pk).update(
        **{"created_at": ago(1000), "enqueued_at": None, **fields}
    )
    return analysis


def waiting(owner: User, **fields: object) -> Analysis:
    return set_up(owner, state=State.QUEUED, **fields)


def running(owner: User, started: float, attempts: int = 1, worker: str = "w@a") -> Analysis:
    return set_up(
        owner, state=State.RUNNING, started_at=ago(started), attempts=attempts, worker=worker
    )


def state_of(analysis: Analysis) -> tuple[str, str]:
    analysis.refresh_from_db()
    return analysis.state, analysis.error_code


def test_it_enqueues_what_the_broker_never_got(alice: User, queue: Queue) -> None:
    first, second = waiting(alice), waiting(alice)
    assert sweep(now=NOW) == SweepReport(returned=0, given_up=0, enqueued=2)
    assert queue() == [first.pk, second.pk]
    assert sweep(now=NOW) == SweepReport(0, 0, 0)


def test_it_lets_a_fresh_upload_be_enqueued_by_itself(alice: User, queue: Queue) -> None:
    waiting(alice, created_at=ago(1))
    assert sweep(now=NOW).enqueued == 0
    assert queue() == []


def test_it_enqueues_again_what_a_queue_has_lost(alice: User, queue: Queue) -> None:
    lost = waiting(alice, enqueued_at=ago(LEASE + 1))
    never_enqueued = waiting(alice)
    assert sweep(now=NOW).enqueued == 2
    assert queue() == [lost.pk, never_enqueued.pk]


def test_what_waits_behind_others_is_not_lost(alice: User, queue: Queue) -> None:
    waiting(alice, enqueued_at=ago(LEASE + 1))
    set_up(alice, state=State.FINISHED, started_at=ago(20), finished_at=ago(10))
    assert sweep(now=NOW).enqueued == 0
    assert queue() == []


def test_what_waits_not_long_is_not_lost(alice: User, queue: Queue) -> None:
    waiting(alice, enqueued_at=ago(LEASE - 1))
    assert sweep(now=NOW).enqueued == 0
    assert queue() == []


def test_it_gives_back_what_a_worker_has_held_too_long(alice: User, queue: Queue) -> None:
    analysis = running(alice, LEASE + 1)
    assert sweep(now=NOW) == SweepReport(returned=1, given_up=0, enqueued=0)
    assert state_of(analysis) == (State.QUEUED, "")
    assert queue() == [analysis.pk]


def test_it_leaves_a_worker_its_lease(alice: User, queue: Queue) -> None:
    analysis = running(alice, LEASE - 1)
    assert sweep(now=NOW) == SweepReport(0, 0, 0)
    assert state_of(analysis) == (State.RUNNING, "")


def test_it_gives_up_what_takes_every_worker_down(alice: User, queue: Queue) -> None:
    analysis = running(alice, LEASE + 1, attempts=3)
    assert sweep(now=NOW) == SweepReport(returned=0, given_up=1, enqueued=0)
    assert state_of(analysis) == (State.FAILED, "worker_lost")
    assert "3 times" in analysis.error_sentence
    assert analysis.can_retry
    assert queue() == []


@pytest.mark.parametrize("state", [State.FINISHED, State.FAILED, State.CANCELLED])
def test_it_never_touches_what_has_ended(alice: User, state: str, queue: Queue) -> None:
    ended = set_up(alice, state=state, started_at=ago(5000), finished_at=ago(4000), attempts=1)
    assert sweep(now=NOW) == SweepReport(0, 0, 0)
    assert state_of(ended)[0] == state
    assert queue() == []


def test_while_the_broker_is_away_everything_waits(alice: User, broker_is_away: None) -> None:
    for _ in range(3):
        waiting(alice)
    gone = running(alice, LEASE + 1)
    assert sweep(now=NOW).enqueued == 0
    assert state_of(gone) == (State.QUEUED, "")
    assert not Analysis.objects.exclude(enqueued_at=None).exists()


def test_a_worker_that_starts_takes_up_what_it_had_left_behind(alice: User, queue: Queue) -> None:
    mine = running(alice, 1, worker="inference@here")
    other = running(alice, 1, worker="inference@there")
    hopeless = running(alice, 1, attempts=3, worker="inference@here")
    assert worker_gives_back(worker="inference@here") == 2
    assert queue() == [mine.pk]
    assert state_of(mine) == (State.QUEUED, "")
    assert state_of(other) == (State.RUNNING, "")
    assert state_of(hopeless) == (State.FAILED, "worker_lost")


def test_submissions_that_stayed_empty_go_after_a_day(alice: User) -> None:
    empty, young, refused, full = (intake.submission_open(owner=alice) for _ in range(4))
    intake.submission_create(owner=alice, files=[])
    intake.image_add(submission=full, file=work.upload(images.plain("red")))
    with pytest.raises(ImageRejected):
        intake.image_add(submission=refused, file=ContentFile(b"text", "text.jpg"))
    yesterday = ago(25 * 3600)
    Submission.objects.exclude(pk=young.pk).update(created_at=yesterday)
    Submission.objects.filter(pk=young.pk).update(created_at=ago(23 * 3600))
    Analysis.objects.update(enqueued_at=NOW)
    sweep(now=NOW)
    assert set(Submission.objects.all()) == {young, refused, full}
    assert empty not in Submission.objects.all()
