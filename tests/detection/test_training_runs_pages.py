"""An administrator starts, watches and stops a run, and sets the schedule; nobody else does."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from detection.admin.training import unseen_badge
from detection.curves import Line, chart
from detection.models import (
    ModelVersion,
    RetrainingSchedule,
    RunEvent,
    RunNotice,
    StepMeasurement,
    TrainingRun,
    Work,
)
from detection.templatetags.durations import duration
from portal.models import User
from tests import people, runs
from tests.fixtures import signed_in

LIST, NEW, SETTINGS, ESTIMATE, MEASURE, SCHEDULE = (
    f"admin:detection_trainingrun_{name}"
    for name in ("changelist", "add", "settings", "estimate", "measure", "schedule")
)
REPORT: dict[str, Any] = {
    "epoch": 1,
    "epochs": 2,
    "train_loss": 0.5,
    "validation_loss": 0.4,
    "validation_accuracy": 0.9,
    "averaged_loss": 0.45,
    "averaged_accuracy": 0.8,
    "seconds": 60.0,
    "train_accuracy": 0.85,
}


@pytest.fixture(autouse=True)
def small_is_enough(settings: Settings) -> None:
    settings.TRAINING_MIN_IMAGES = 10


@pytest.fixture
def run(admin: User) -> TrainingRun:
    """A run in its second epoch."""
    run = runs.requested(admin)
    TrainingRun.objects.update(
        state=Work.RUNNING,
        stage="training",
        history=[REPORT],
        epoch=2,
        step=2,
        steps=5,
        loss=0.3,
        worker=runs.WORKER,
        attempts=1,
    )
    run.refresh_from_db()
    return run


def staff(*permissions: str) -> Client:
    """Somebody of the staff with these rights and no others."""
    bob = people.person("bob")
    bob.is_staff = True
    bob.save()
    bob.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return signed_in(bob)


def of(run: TrainingRun, page: str) -> str:
    return reverse(f"admin:detection_trainingrun_{page}", args=[run.pk])


class TestNew:
    """The form of a new run."""

    def form(self, **changes: object) -> dict[str, object]:
        values = {"start": "scratch:tiny", "snapshot": "1", "precision": "float32", "seed": 3}
        values |= {"epochs": 2, "batch_size": 8, "peak_learning_rate": 0.01}
        return {**values, "cutmix": 0, "degradation": 0, "new_share": "", **changes}

    def test_it_is_filled_in_for_the_champion(self, as_admin: Client, model: ModelVersion) -> None:
        runs.snapshot()
        page = as_admin.get(reverse(NEW))
        assert "colours 1 (champion)" in page.text
        initial = page.context["form"].initial
        assert (initial["start"], initial["epochs"]) == (f"version:{model.pk}", 3)
        assert initial["peak_learning_rate"] == 1e-4

    def test_another_start_has_other_settings(self, as_admin: Client) -> None:
        runs.snapshot()
        page = as_admin.get(reverse(SETTINGS), {"start": "scratch:residual", "snapshot": "1"})
        assert page.context["form"].initial["epochs"] == 22
        assert "<html" not in page.text

    def test_a_run_is_started(self, as_admin: Client, admin: User) -> None:
        snapshot = runs.snapshot()
        answer = as_admin.post(reverse(NEW), self.form(snapshot=snapshot.pk))
        run = TrainingRun.objects.get()
        assert answer["Location"] == of(run, "change")
        assert (run.requested_by, run.architecture, run.chosen["seed"]) == (admin, "tiny", 3)
        assert run.config["horizontal_flip"] is False

    def test_it_goes_on_from_a_version(self, as_admin: Client, model: ModelVersion) -> None:
        form = self.form(snapshot=runs.snapshot().pk, start=f"version:{model.pk}", new_share="0.5")
        as_admin.post(reverse(NEW), form)
        run = TrainingRun.objects.get()
        assert (run.base_version, run.config["new_share"]) == (model, 0.5)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("epochs", 0),
            ("peak_learning_rate", 2),
            ("batch_size", 1),
            ("cutmix", 1.5),
            ("new_share", -1),
            ("seed", 2**31),
            ("start", "version:77"),
            ("snapshot", 77),
        ],
    )
    def test_values_out_of_range_are_told(
        self, as_admin: Client, field: str, value: object
    ) -> None:
        form = self.form(**{"snapshot": runs.snapshot().pk, field: value})
        page = as_admin.post(reverse(NEW), form)
        assert page.status_code == 200
        assert field in page.context["form"].errors
        assert not TrainingRun.objects.exists()

    def test_a_refusal_is_told_in_the_form(self, as_admin: Client, run: TrainingRun) -> None:
        page = as_admin.post(reverse(NEW), self.form(snapshot=run.snapshot.pk))
        assert "A training run is active already" in page.text
        assert TrainingRun.objects.count() == 1

    def test_an_installation_without_data_says_so(self, as_admin: Client) -> None:
        assert "There is no snapshot" in as_admin.get(reverse(NEW)).text


class TestEstimate:
    """How long it will take, beside the form."""

    def test_nothing_is_known_at_first(self, as_admin: Client) -> None:
        given: dict[str, Any] = {
            "start": "scratch:tiny",
            "snapshot": runs.snapshot().pk,
            "epochs": 2,
        }
        assert "not known yet" in as_admin.get(reverse(ESTIMATE), given).text

    def test_steps_are_measured_and_asked_for_again(self, as_admin: Client) -> None:
        given: dict[str, Any] = {
            "start": "scratch:tiny",
            "snapshot": runs.snapshot().pk,
            "epochs": 3,
        }
        page = as_admin.post(reverse(MEASURE), {**given, "batch_size": 8})
        wanted = StepMeasurement.objects.get()
        assert (wanted.architecture, wanted.batch_size) == ("tiny", 8)
        assert f"measurement={wanted.pk}" in page.text
        assert "every 2s" in page.text
        StepMeasurement.objects.update(state=Work.FINISHED, images_per_second=2.0)
        page = as_admin.get(reverse(ESTIMATE), {**given, "measurement": wanted.pk})
        assert "60 s" in page.text
        assert "every 2s" not in page.text

    def test_nothing_is_measured_beside_a_run(self, as_admin: Client, run: TrainingRun) -> None:
        given = {"start": "scratch:tiny", "snapshot": run.snapshot.pk, "epochs": 3}
        page = as_admin.post(reverse(MEASURE), {**given, "batch_size": 8})
        assert "Measure ten steps" not in page.text
        assert not StepMeasurement.objects.exists()

    @pytest.mark.parametrize("start", ["", "scratch:none", "version:9", "version:x"])
    def test_nonsense_is_not_measured(self, as_admin: Client, start: str) -> None:
        as_admin.post(reverse(MEASURE), {"start": start, "batch_size": "8"})
        assert not StepMeasurement.objects.exists()


class TestWatching:
    """The page of a run."""

    def test_it_shows_where_the_run_stands(self, as_admin: Client, run: TrainingRun) -> None:
        RunEvent.objects.create(run=run, sentence="A line <b>of</b> the log.")
        page = as_admin.get(of(run, "change"))
        for text in ("Epoch 2 of 2: step 2 of 5", "70 %", "Accuracy", "90.0 %", "Stop the run"):
            assert text in page.text
        assert "A line &lt;b&gt;of" in page.text
        assert page.text.count("<polyline") == 4
        assert "36 s" in page.text  # 60 s an epoch, 70 % of two epochs done
        assert "every 1500ms" in as_admin.get(of(run, "progress")).text

    def test_an_ended_run_is_asked_for_no_more(self, as_admin: Client, run: TrainingRun) -> None:
        TrainingRun.objects.update(
            state=Work.FAILED, slot=None, error_code="diverged", error_sentence="It went astray."
        )
        fragment = as_admin.get(of(run, "progress")).text
        assert "every" not in fragment
        assert 'id="run-cancel" hx-swap-oob' in fragment
        page = as_admin.get(of(run, "change")).text
        assert "It went astray." in page
        assert "Stop the run" not in page

    def test_without_a_worker_it_says_so(self, as_admin: Client, admin: User) -> None:
        run = runs.requested(admin)
        assert "No training worker" not in as_admin.get(of(run, "change")).text
        TrainingRun.objects.update(created_at="2026-01-01T00:00:00Z")
        assert "No training worker" in as_admin.get(of(run, "change")).text

    def test_it_can_be_stopped(self, as_admin: Client, run: TrainingRun) -> None:
        answer = as_admin.post(of(run, "cancel"), follow=True)
        assert "stops after the step" in answer.text
        run.refresh_from_db()
        assert run.is_cancelling
        TrainingRun.objects.update(state=Work.FINISHED, slot=None)
        assert "has ended already" in as_admin.post(of(run, "cancel"), follow=True).text

    def test_a_notice_is_there_until_the_run_is_opened(
        self, as_admin: Client, admin: User, run: TrainingRun
    ) -> None:
        TrainingRun.objects.update(state=Work.FINISHED, slot=None)
        RunNotice.objects.create(run=run, user=admin)
        for shown in ("1", "0"):
            request = as_admin.get(reverse(LIST)).wsgi_request
            assert unseen_badge(request) == shown
            as_admin.get(of(run, "change"))

    def test_a_run_that_is_not_there(self, as_admin: Client) -> None:
        for page in ("change", "progress"):
            assert (
                as_admin.get(reverse(f"admin:detection_trainingrun_{page}", args=[9])).status_code
                == 404
            )

    def test_a_longer_list_costs_no_more_queries(
        self, as_admin: Client, run: TrainingRun, admin: User
    ) -> None:
        counts = []
        for seed in range(10, 14):
            TrainingRun.objects.update(state=Work.FAILED, slot=None)
            runs.requested(admin, run.snapshot, seed=seed)
            with CaptureQueriesContext(connection) as queries:
                assert as_admin.get(reverse(LIST)).status_code == 200
            counts.append(len(queries))
        assert counts[1] == counts[-1]


class TestSchedule:
    """The page of the schedule."""

    def test_it_is_set_and_shown(self, as_admin: Client, admin: User) -> None:
        made = runs.dataset()
        assert "Choose the datasets first" in as_admin.get(reverse(SCHEDULE)).text
        form = {"is_on": "on", "hour": 4, "least_new": 20, "datasets": [made.pk]}
        assert "is saved" in as_admin.post(reverse(SCHEDULE), form, follow=True).text
        schedule = RetrainingSchedule.current()
        assert (schedule.is_on, schedule.hour, schedule.least_new) == (True, 4, 20)
        assert schedule.changed_by == admin
        assert "64; enough for a run, from 20 on" in as_admin.get(reverse(SCHEDULE)).text
        as_admin.post(reverse(SCHEDULE), {**form, "least_new": 500})
        assert "64; 500 are waited for" in as_admin.get(reverse(SCHEDULE)).text

    @pytest.mark.parametrize(("field", "value"), [("hour", 24), ("least_new", 0), ("datasets", [])])
    def test_what_cannot_be_is_told(self, as_admin: Client, field: str, value: object) -> None:
        form = {"is_on": "on", "hour": 4, "least_new": 20, "datasets": [runs.dataset().pk]}
        page = as_admin.post(reverse(SCHEDULE), {**form, field: value})
        assert field in page.context["form"].errors
        assert not RetrainingSchedule.current().is_on


class TestRights:
    """Each act asks for its own right."""

    def test_who_may_only_look_only_looks(self, run: TrainingRun) -> None:
        client = staff("view_trainingrun")
        assert client.get(of(run, "change")).status_code == 200
        assert "Stop the run" not in client.get(of(run, "change")).text
        assert client.get(of(run, "progress")).status_code == 200
        assert client.post(of(run, "cancel")).status_code == 403
        for page in (NEW, SETTINGS, ESTIMATE, SCHEDULE):
            assert client.get(reverse(page)).status_code == 403, page
        assert client.post(reverse(NEW)).status_code == 403
        assert client.post(reverse(MEASURE)).status_code == 403
        run.refresh_from_db()
        assert not run.is_cancelling

    def test_who_may_not_look_sees_nothing(self, run: TrainingRun) -> None:
        client = staff()
        for page in ("change", "progress"):
            assert client.get(of(run, page)).status_code == 403

    def test_users_and_strangers_are_sent_away(self, as_charlie: Client, run: TrainingRun) -> None:
        for client in (as_charlie, Client()):
            for path in (of(run, "change"), of(run, "progress"), reverse(NEW), reverse(SCHEDULE)):
                assert client.get(path).status_code == 302
            assert client.post(of(run, "cancel")).status_code == 302
        run.refresh_from_db()
        assert not run.is_cancelling

    def test_acts_are_posts_with_a_token(self, as_admin: Client, run: TrainingRun) -> None:
        assert as_admin.get(of(run, "cancel")).status_code == 405
        assert as_admin.get(reverse(MEASURE)).status_code == 405
        assert as_admin.post(of(run, "change")).status_code == 403
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = as_admin.cookies
        assert strict.post(of(run, "cancel")).status_code == 403


class TestDrawing:
    """Curves and lengths of time."""

    def test_points_lie_where_their_values_are(self) -> None:
        drawn = chart("Loss", [Line("A", "a", [(0, 1.0), (2, 0.0)])], epochs=2)
        assert drawn is not None
        (line,) = drawn.lines
        (first, last) = (tuple(map(float, pair.split(","))) for pair in line.points.split())
        assert (first[0], last[0]) == (drawn.left, drawn.right)
        assert first[1] < last[1]  # larger values are higher up
        assert line.last == "0"
        assert [mark.text for mark in drawn.across] == ["0", "1", "2"]

    def test_without_values_there_is_no_picture(self) -> None:
        assert chart("Loss", [Line("A", "a", [])], epochs=2) is None

    def test_one_value_alone_is_a_point(self) -> None:
        drawn = chart("Accuracy", [Line("A", "a", [(1, 0.5)])], epochs=1, is_share=True)
        assert drawn is not None
        assert drawn.lines[0].last == "50.0 %"
        assert len({mark.place for mark in drawn.up}) == 5

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (None, "—"),
            (0.2, "1 s"),
            (61, "61 s"),
            (600, "10 min"),
            (7200, "2 h"),
            (9000, "2 h 30 min"),
        ],
    )
    def test_lengths_of_time(self, seconds: float | None, text: str) -> None:
        assert duration(seconds) == text
