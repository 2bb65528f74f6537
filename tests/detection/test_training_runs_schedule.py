"""At night a run is asked for, once, if there is enough that is new; its time is told before."""

from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from detection.models import (
    ItemState,
    ModelVersion,
    RetrainingSchedule,
    Role,
    StepMeasurement,
    TrainingRun,
    Work,
)
from detection.services import training
from detection.services.training import estimates
from portal.models import User
from tests import runs, work
from tests.fixtures import Committed

NIGHT = datetime(2026, 3, 1, 3, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def small_is_enough(settings: Settings) -> None:
    settings.TRAINING_MIN_IMAGES = 10
    settings.SNAPSHOT_MIN_IMAGES = 10


@pytest.fixture
def schedule(admin: User) -> RetrainingSchedule:
    """Every night at three, once ten images are new."""
    made = training.schedule_change(
        user=admin, is_on=True, hour=3, least_new=10, datasets=[runs.dataset(count=300)]
    )
    assert made.datasets.count() == 1
    return made


def outcome() -> str:
    return RetrainingSchedule.current().outcome


class TestNight:
    """What the schedule does."""

    def test_a_run_from_the_champion_is_asked_for_once(
        self, schedule: RetrainingSchedule, model: ModelVersion
    ) -> None:
        run = training.retrain_if_due(now=NIGHT)
        assert run is not None, outcome()
        assert (run.is_scheduled, run.requested_by, run.base_version) == (True, None, model)
        assert run.config["new_share"] == 0.5
        assert "300 new" in outcome()
        assert training.retrain_if_due(now=NIGHT) is None

    def test_not_at_another_hour_nor_switched_off(
        self, schedule: RetrainingSchedule, model: ModelVersion
    ) -> None:
        assert training.retrain_if_due(now=NIGHT.replace(hour=4)) is None
        RetrainingSchedule.objects.update(is_on=False)
        assert training.retrain_if_due(now=NIGHT) is None
        assert not TrainingRun.objects.exists()
        assert outcome() == ""

    def test_nothing_new_is_told_and_left(
        self, schedule: RetrainingSchedule, model: ModelVersion
    ) -> None:
        training.retrain_if_due(now=NIGHT)
        TrainingRun.objects.update(state=Work.FINISHED, slot=None)
        assert training.retrain_if_due(now=NIGHT.replace(day=2)) is None
        assert outcome() == "0 new reviewed images; 10 are waited for."
        runs.dataset("More", count=12, first=900)
        schedule.datasets.add(*schedule.datasets.model.objects.all())
        assert training.retrain_if_due(now=NIGHT.replace(day=3)) is not None

    @pytest.mark.parametrize("name", ["CIFAKE", "cifake"])
    def test_what_a_shipped_model_knows_is_not_new(
        self, schedule: RetrainingSchedule, model: ModelVersion, name: str
    ) -> None:
        schedule.datasets.update(name=name)
        assert training.retrain_if_due(now=NIGHT) is None
        assert outcome().startswith("0 new")

    def test_images_that_wait_for_review_do_not_count(
        self, schedule: RetrainingSchedule, model: ModelVersion
    ) -> None:
        schedule.datasets.get().items.update(state=ItemState.PENDING)
        assert training.retrain_if_due(now=NIGHT) is None
        assert outcome().startswith("0 new")

    def test_sealed_sets_are_never_learnt_from(
        self, schedule: RetrainingSchedule, model: ModelVersion
    ) -> None:
        schedule.datasets.update(role=Role.TEST)
        assert training.retrain_if_due(now=NIGHT) is None
        assert not TrainingRun.objects.exists()

    def test_a_refusal_is_told(
        self, schedule: RetrainingSchedule, model: ModelVersion, settings: Settings
    ) -> None:
        settings.SNAPSHOT_MIN_IMAGES = 1000
        assert training.retrain_if_due(now=NIGHT) is None
        assert "1000" in outcome().replace(",", "")

    def test_without_a_champion_there_is_nothing_to_go_on_from(
        self, schedule: RetrainingSchedule
    ) -> None:
        assert training.retrain_if_due(now=NIGHT) is None
        assert "No model answers" in outcome()

    def test_an_active_run_goes_first(
        self, schedule: RetrainingSchedule, model: ModelVersion, admin: User
    ) -> None:
        # An older snapshot without these images is being learnt from.
        runs.requested(admin, runs.snapshot(runs.dataset("Other", count=64, first=2000)))
        assert training.retrain_if_due(now=NIGHT) is None
        assert outcome() == "A training run was active already."


class TestEstimate:
    """How long it will take."""

    def test_from_the_speed_of_the_last_run(self, admin: User) -> None:
        run = runs.requested(admin)
        assert run.estimated_seconds is None
        TrainingRun.objects.update(images_per_second=20.0, state=Work.FINISHED, slot=None)
        again = runs.requested(admin, run.snapshot, epochs=3)
        assert again.estimated_seconds == pytest.approx(3 * 40 / 20)
        assert again.seconds_left == pytest.approx(6)

    def test_from_steps_that_were_measured(self, admin: User, committed: Committed) -> None:
        work.delivered("training")
        with committed():
            wanted = training.measurement_request(
                architecture="tiny", base_version=None, batch_size=8
            )
        assert work.delivered("training") == [wanted.pk]
        assert training.measurement_run(measurement_id=wanted.pk)
        assert not training.measurement_run(measurement_id=wanted.pk)
        wanted.refresh_from_db()
        assert wanted.state == Work.FINISHED
        assert wanted.images_per_second
        seconds = training.seconds_estimated(
            architecture="tiny", snapshot=runs.snapshot(), epochs=2
        )
        assert seconds == pytest.approx(80 / wanted.images_per_second)

    def test_steps_that_cannot_be_measured(self, db: None) -> None:
        wanted = training.measurement_request(architecture="none", base_version=None, batch_size=8)
        training.measurement_run(measurement_id=wanted.pk)
        wanted.refresh_from_db()
        assert (wanted.state, wanted.error_code) == (Work.FAILED, "unknown_architecture")

    def test_a_measurement_that_nobody_makes_is_given_up(self, db: None) -> None:
        training.measurement_request(architecture="tiny", base_version=None, batch_size=8)
        training.runs_sweep()
        assert StepMeasurement.objects.get().is_active
        StepMeasurement.objects.update(created_at=NIGHT)
        training.runs_sweep()
        assert StepMeasurement.objects.get().error_code == "no_answer"

    def test_a_queue_that_is_away_is_told(
        self, db: None, broker_is_away: None, committed: Committed
    ) -> None:
        with committed():
            estimates.measurement_request(architecture="tiny", base_version=None, batch_size=8)
        assert StepMeasurement.objects.get().error_code == "broker_away"
