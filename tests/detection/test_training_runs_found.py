"""Runs that lost their worker are found and go on; what was asked to stop, stops; none lasts."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from detection import ml_gateway
from detection.models import RunNotice, TrainingRun, Work
from detection.models.training import TrainingRunQuerySet
from detection.services import training
from detection.services.training import RunRefused
from detection.services.training.execution import worker_ends
from detection.services.training.reporter import SHUTDOWN, Reporter, persist
from portal.models import User
from tests import runs, work
from tests.fixtures import Committed, Queue


@pytest.fixture(autouse=True)
def small_is_enough(settings: Settings) -> None:
    settings.TRAINING_MIN_IMAGES = 10


@pytest.fixture
def training_queue() -> Queue:
    """What was sent to the training worker."""
    return lambda: work.delivered("training")


@pytest.fixture
def run(admin: User) -> TrainingRun:
    """A run that waits."""
    return runs.requested(admin)


def dead(run: TrainingRun, *, attempts: int = 1, **fields: Any) -> TrainingRun:
    """The run as a worker leaves it that was killed ten minutes ago."""
    long_ago = timezone.now() - timedelta(minutes=10)
    left = {"state": Work.RUNNING, "worker": runs.WORKER, "heartbeat_at": long_ago}
    TrainingRun.objects.filter(pk=run.pk).update(**left, attempts=attempts, **fields)
    run.refresh_from_db()
    return run


def on_step(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Do something when the first epoch has been told."""
    train = ml_gateway.train_run

    def train_and_act(*given: Any, progress: Any, **named: Any) -> Any:
        def tell(report: Any) -> None:
            if isinstance(report, ml_gateway.EpochDone) and report.epoch == 1:
                act()
            progress(report)

        return train(*given, progress=tell, **named)

    monkeypatch.setattr(ml_gateway, "train_run", train_and_act)


class TestLostWorkers:
    """A worker that was killed, or a machine that was switched off."""

    def test_a_silent_run_is_put_back_and_sent_again(
        self, run: TrainingRun, committed: Committed, training_queue: Queue
    ) -> None:
        dead(run)
        training_queue()
        with committed():
            assert training.runs_sweep()
        run.refresh_from_db()
        assert (run.state, run.worker, run.attempts) == (Work.QUEUED, "", 1)
        assert training_queue() == [run.pk]

    def test_one_that_gives_signs_of_life_is_left_alone(self, run: TrainingRun) -> None:
        dead(run)
        TrainingRun.objects.update(heartbeat_at=timezone.now())
        training.runs_sweep()
        run.refresh_from_db()
        assert run.state == Work.RUNNING

    def test_a_worker_that_starts_takes_back_what_it_held(self, run: TrainingRun) -> None:
        dead(run, attempts=1)
        TrainingRun.objects.update(heartbeat_at=timezone.now())
        assert training.training_worker_started(worker="another@tests") == 0
        assert training.training_worker_started(worker=runs.WORKER) == 1
        run.refresh_from_db()
        assert run.state == Work.QUEUED

    def test_it_is_not_started_for_ever(self, run: TrainingRun, settings: Settings) -> None:
        run.directory.mkdir(parents=True)
        dead(run, attempts=settings.TRAINING_MAX_ATTEMPTS)
        training.runs_sweep()
        run.refresh_from_db()
        assert (run.state, run.error_code, run.slot) == (Work.FAILED, "worker_lost", None)
        assert "3 times" in run.error_sentence
        assert not run.directory.exists()
        assert len(mail.outbox) == 1

    def test_one_that_was_asked_to_stop_is_not_started_again(self, run: TrainingRun) -> None:
        dead(run, cancel_requested_at=timezone.now())
        training.runs_sweep()
        run.refresh_from_db()
        assert (run.state, run.slot) == (Work.CANCELLED, None)

    def test_what_the_broker_never_got_is_sent(
        self, run: TrainingRun, training_queue: Queue
    ) -> None:
        training_queue()
        assert training.runs_sweep() == 0
        assert training.runs_sweep(now=timezone.now() + timedelta(seconds=6)) == 1
        assert training_queue() == [run.pk]
        assert training.runs_sweep(now=timezone.now() + timedelta(seconds=6)) == 0
        # A message that nobody took up for a whole lease was lost.
        assert training.runs_sweep(now=timezone.now() + timedelta(hours=1)) == 1

    def test_the_next_attempt_goes_on_from_the_checkpoint(
        self, run: TrainingRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            on_step(patch, worker_ends)
            try:
                training.run_execute(run_id=run.pk, worker=runs.WORKER, is_threaded=False)
            finally:
                SHUTDOWN.clear()
        run.refresh_from_db()
        assert (run.state, run.attempts, run.enqueued_at) == (Work.QUEUED, 0, None)
        assert run.is_active
        assert run.slot == 1
        assert run.directory.exists()
        assert not mail.outbox
        run = runs.carried_out(run)
        assert (run.error_sentence, run.state) == ("", Work.FINISHED)
        assert [report["epoch"] for report in run.history] == [1, 2]
        assert run.events.filter(sentence__contains="checkpoint of epoch 1").exists()

    def test_a_version_that_is_there_is_only_judged(self, run: TrainingRun) -> None:
        run = runs.carried_out(run)
        version = run.version
        TrainingRun.objects.update(state=Work.QUEUED, slot=1, finished_at=None)
        run = runs.carried_out(run)
        assert (run.state, run.version, run.attempts) == (Work.FINISHED, version, 2)

    def test_a_worker_that_was_taken_for_dead_stores_nothing(
        self, run: TrainingRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def overtaken() -> None:
            TrainingRun.objects.update(worker="another@tests", attempts=2)

        on_step(monkeypatch, overtaken)
        assert not training.run_execute(run_id=run.pk, worker=runs.WORKER, is_threaded=False)
        run.refresh_from_db()
        assert (run.state, run.worker) == (Work.RUNNING, "another@tests")
        assert run.directory.exists()
        assert run.version is None


class TestCancel:
    """A person asks to stop."""

    def test_a_waiting_run_ends_at_once(self, run: TrainingRun, admin: User) -> None:
        training.run_cancel(run=run, user=admin)
        run.refresh_from_db()
        assert (run.state, run.slot) == (Work.CANCELLED, None)
        assert not training.run_execute(run_id=run.pk, worker=runs.WORKER, is_threaded=False)

    def test_a_running_one_ends_after_its_step_and_leaves_nothing(
        self, run: TrainingRun, admin: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        on_step(monkeypatch, lambda: training.run_cancel(run=run, user=admin))
        run = runs.carried_out(run)
        assert (run.state, run.version, run.slot) == (Work.CANCELLED, None, None)
        assert len(run.history) == 1
        assert not run.directory.exists()
        told = [event.sentence for event in run.events.all()]
        assert told[-1] == "The run was stopped; its files are deleted."
        assert f"{admin} asked to stop." in told
        assert runs.requested(admin, run.snapshot).state == Work.QUEUED

    def test_it_ends_while_images_are_read(
        self, run: TrainingRun, admin: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read = ml_gateway.training_data

        def read_slowly(*given: Any, progress: Any, **named: Any) -> Any:
            training.run_cancel(run=run, user=admin)
            progress(0, 1)
            progress(1, 1)
            return read(*given, progress=progress, **named)

        monkeypatch.setattr(ml_gateway, "training_data", read_slowly)
        run = runs.carried_out(run)
        assert run.state == Work.CANCELLED
        assert run.history == []

    def test_what_has_ended_cannot_be_stopped(self, run: TrainingRun, admin: User) -> None:
        training.run_cancel(run=run, user=admin)
        with pytest.raises(RunRefused) as caught:
            training.run_cancel(run=run, user=admin)
        assert caught.value.code == "not_active"


class TestDatabaseAway:
    """The database goes away for a while, and training goes on."""

    def test_what_was_told_is_kept_until_it_is_back(
        self, run: TrainingRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dead(run)
        reporter = Reporter(run)
        reporter.tell(step=3, steps=9)
        reporter.log("First.")
        with monkeypatch.context() as patch:
            patch.setattr(TrainingRunQuerySet, "update", gone)
            with pytest.raises(OperationalError):
                reporter.beat()
        reporter.log("Second.")
        reporter.tell(step=4)
        reporter.beat()
        run.refresh_from_db()
        assert (run.step, run.steps) == (4, 9)
        assert [event.sentence for event in run.events.all()] == ["First.", "Second."]
        assert not reporter.should_stop()

    def test_the_thread_tries_again_and_ends_with_the_run(self, run: TrainingRun) -> None:
        # Its own connection finds this test's tables locked: a database that is away.
        dead(run)
        with Reporter(run) as reporter:
            reporter.log("Kept.")
        assert reporter.taken()[1] == ["Kept."]
        assert "run reporter" not in {thread.name for thread in threading.enumerate()}

    def test_an_end_is_stored_only_while_waiting_is_allowed(self, db: None) -> None:
        with pytest.raises(OperationalError):
            persist(lambda: gone())


def gone(*_: object, **__: object) -> None:
    raise OperationalError(2006, "Server has gone away")


def test_notices_are_for_those_whom_it_concerns(run: TrainingRun, admin: User, alice: User) -> None:
    TrainingRun.objects.update(is_scheduled=True, requested_by=None)
    runs.carried_out(run)
    assert RunNotice.objects.unseen_by(admin).count() == 1
    assert not RunNotice.objects.unseen_by(alice).exists()
    assert [message.to for message in mail.outbox] == [[admin.email]]
