"""A worker that starts takes up what it left behind and loads the champion; tasks are thin."""

from dataclasses import dataclass

import pytest
from celery import Celery, current_app
from celery.signals import worker_ready

from detection import ml_gateway, models, tasks
from detection.models import Analysis, ModelVersion, State, Track
from detection.services.analysis import ANALYSE_IMAGES, analysis_claim
from portal.models import User
from tests import work
from tests.fixtures import Queue

HERE = "inference@here"


@dataclass(frozen=True)
class ReadyWorker:
    """What Celery tells about a worker; a whole one would close this test's database."""

    app: Celery
    hostname: str


def starts(*queues: str) -> None:
    """Tell the process that a worker on these queues is ready, as Celery does."""
    current_app.amqp.queues.select(queues)
    worker = ReadyWorker(current_app, HERE)
    for receiver, answer in worker_ready.send(sender=worker):
        assert not isinstance(answer, Exception), (receiver, answer)


@pytest.fixture
def left_behind(alice: User) -> Analysis:
    """What a worker of this name held when it was killed."""
    analysis = analysis_claim(analysis_id=work.queued(alice).pk, worker=HERE)
    assert analysis is not None
    return analysis


def test_it_takes_up_its_work_and_loads_the_champion(
    left_behind: Analysis, model: ModelVersion, queue: Queue
) -> None:
    ml_gateway.detector_of.cache_clear()
    starts("inference")
    assert queue() == [left_behind.pk]
    assert ml_gateway.detector_of.cache_info().currsize == 1


def test_a_worker_for_faces_takes_up_its_work_and_loads_nothing_yet(
    left_behind: Analysis, model: ModelVersion
) -> None:
    work.delivered("faces")
    Analysis.objects.update(track=Track.FACE, queue=models.Queue.FACES)
    ml_gateway.detector_of.cache_clear()
    starts("faces")
    assert work.delivered("faces") == [left_behind.pk]
    assert ml_gateway.detector_of.cache_info().currsize == 0


def test_a_training_worker_leaves_that_alone(
    left_behind: Analysis, model: ModelVersion, queue: Queue
) -> None:
    ml_gateway.detector_of.cache_clear()
    starts("training")
    assert queue() == []
    assert ml_gateway.detector_of.cache_info().currsize == 0


@pytest.mark.django_db
def test_without_a_model_it_starts_and_warns(caplog: pytest.LogCaptureFixture) -> None:
    starts("inference")
    assert "no model is registered" in caplog.text


def test_with_a_broken_model_it_starts_and_warns(
    model: ModelVersion, caplog: pytest.LogCaptureFixture
) -> None:
    ml_gateway.detector_of.cache_clear()
    (weights,) = model.directory.glob("*.h5")
    weights.unlink()
    starts("inference")
    assert "colours 1 cannot be loaded" in caplog.text


def test_the_task_has_the_name_by_which_it_is_sent() -> None:
    assert tasks.analyse_images.name == ANALYSE_IMAGES
    assert ANALYSE_IMAGES in current_app.tasks


def test_a_killed_workers_task_is_delivered_again() -> None:
    assert current_app.conf.task_acks_late
    assert current_app.conf.task_reject_on_worker_lost
    assert current_app.conf.task_serializer == "json"
    assert current_app.conf.accept_content == ["json"]


def test_training_and_background_have_queues_of_their_own() -> None:
    route = current_app.amqp.router.route({}, "detection.tasks.train_version")
    assert route["queue"].name == "training"
    route = current_app.amqp.router.route({}, "detection.tasks.background.import_images")
    assert route["queue"].name == "background"
    assert current_app.amqp.router.route({}, ANALYSE_IMAGES)["queue"].name == "inference"


def test_the_sweep_is_on_the_clock_and_does_not_pile_up() -> None:
    entry = current_app.conf.beat_schedule["sweep"]
    assert entry["task"] == tasks.sweep.name
    # Long enough for clocks that are an hour apart, short enough not to wait for ever.
    assert entry["options"]["expires"] == 2 * 3600


def test_the_sweep_task_sweeps(alice: User, queue: Queue) -> None:
    analysis = work.queued(alice)
    Analysis.objects.update(created_at="2026-01-01T00:00:00Z", enqueued_at=None)
    tasks.sweep.apply()
    assert queue() == [analysis.pk]
    analysis.refresh_from_db()
    assert analysis.state == State.QUEUED
