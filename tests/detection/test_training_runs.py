"""A run learns from its snapshot, makes a version, and is one at a time."""

from pathlib import Path

import pytest
from django.core import mail
from pytest_django import Settings

from detection import ml_gateway
from detection.models import (
    AuditEvent,
    Dataset,
    Item,
    ModelVersion,
    RunNotice,
    Split,
    TrainingRun,
    Work,
)
from detection.services import training
from detection.services.training import RunRefused
from detection.services.training.lines import new_hashes
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


def refused(code: str, **request: object) -> str:
    """The sentence with which a request is refused."""
    with pytest.raises(RunRefused) as caught:
        training.run_request(**request)  # type: ignore[arg-type]
    assert caught.value.code == code
    return caught.value.sentence


class TestRequest:
    """What may be asked for."""

    def test_it_is_kept_sent_and_written_down(
        self, admin: User, committed: Committed, training_queue: Queue
    ) -> None:
        with committed():
            run = runs.requested(admin)
        assert training_queue() == [run.pk]
        assert (run.state, run.model_name, run.epochs) == (Work.QUEUED, "own-tiny", 2)
        assert run.chosen["batch_size"] == 8
        event = AuditEvent.objects.get(action="run_request")
        assert event.user == admin
        assert event.details["snapshot"] == "Snapshot 1"

    def test_one_at_a_time(self, admin: User) -> None:
        run = runs.requested(admin)
        assert "active" in refused(
            "run_active",
            snapshot=run.snapshot,
            user=admin,
            architecture="tiny",
            config={},
        )

    def test_the_database_holds_it_where_two_looked_at_once(self, admin: User) -> None:
        run = runs.requested(admin)
        # What a look finds does not matter: the slot is taken.
        TrainingRun.objects.update(state=Work.FINISHED, fingerprint="")
        refused(
            "run_active", snapshot=run.snapshot, user=admin, architecture="tiny", config=runs.QUICK
        )
        assert TrainingRun.objects.count() == 1

    def test_the_same_again_is_refused_once_it_has_been_done(self, admin: User) -> None:
        run = runs.requested(admin)
        TrainingRun.objects.update(state=Work.FINISHED, slot=None)
        sentence = refused(
            "nothing_changed",
            snapshot=run.snapshot,
            user=admin,
            architecture="tiny",
            config=runs.QUICK,
        )
        assert str(run) in sentence
        assert runs.requested(admin, run.snapshot, seed=8).state == Work.QUEUED

    @pytest.mark.parametrize(
        ("sides", "config", "code"),
        [
            ({Split.TRAIN: 18, Split.VALIDATION: 16}, {}, "too_little_data"),
            ({Split.TRAIN: 40, Split.VALIDATION: 8}, {}, "too_little_data"),
            ({Split.TRAIN: 40, Split.VALIDATION: 16}, {"batch_size": 41}, "too_little_data"),
            ({Split.TRAIN: 40, Split.VALIDATION: 16}, {"epochs": 0}, "invalid_field"),
            ({Split.TRAIN: 40, Split.VALIDATION: 16}, {"optimiser": "sgd"}, "unknown_setting"),
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, admin: User, sides: dict[Split, int], config: dict[str, object], code: str
    ) -> None:
        with pytest.raises(RunRefused) as caught:
            runs.requested(admin, runs.snapshot(sides=sides), **{**runs.QUICK, **config})
        assert caught.value.code in (code, "invalid_value")
        assert not TrainingRun.objects.exists()

    def test_the_base_decides_architecture_and_track(
        self, admin: User, model: ModelVersion
    ) -> None:
        given = {"snapshot": runs.snapshot(), "user": admin, "config": {}, "base_version": model}
        refused("wrong_architecture", architecture="residual", **given)
        refused("unknown_architecture", architecture="none", **given | {"base_version": None})
        model.model.track = "face"
        refused("wrong_track", architecture="tiny", **given)


class TestExecution:
    """What the worker does."""

    def test_a_run_from_scratch_ends_in_a_judged_version(self, admin: User) -> None:
        run = runs.carried_out(runs.requested(admin))
        assert (run.error_sentence, run.state) == ("", Work.FINISHED)
        assert run.version is not None
        assert run.version.label == "own-tiny 1"
        assert [report["epoch"] for report in run.history] == [1, 2]
        assert run.finished_at
        assert run.slot is None
        assert run.device
        assert run.memory_bytes
        assert run.images_per_second
        assert run.share_done == 1.0
        assert not run.directory.exists()
        assert run.version.evaluations.get().snapshot == run.snapshot
        assert ml_gateway.sizes_in_domain(run.version.spec, [(32, 32)]) == [True]
        told = " ".join(event.sentence for event in run.events.all())
        for word in ("Reading 40 images", "Epoch 2", "Registered as own-tiny 1", "finished"):
            assert word in told

    def test_a_run_goes_on_from_a_version_and_keeps_its_name(
        self, admin: User, model: ModelVersion
    ) -> None:
        run = runs.carried_out(runs.requested(admin, base=model, new_share=0.5))
        assert (run.error_sentence, run.state) == ("", Work.FINISHED)
        assert run.version is not None
        assert (run.version.model, run.version.number) == (model.model, 2)
        assert run.version.spec["domain"] == model.spec["domain"]
        assert run.version.spec["training"]["config"]["initial_weights"] == "colours 1"

    def test_delivered_twice_it_runs_once(self, admin: User) -> None:
        run = runs.carried_out(runs.requested(admin))
        assert not training.run_execute(run_id=run.pk, worker="another", is_threaded=False)
        run.refresh_from_db()
        assert (run.worker, run.attempts) == (runs.WORKER, 1)

    def test_deleted_images_are_left_out_and_told(self, admin: User) -> None:
        run = runs.requested(admin)
        Item.objects.filter(lines__snapshot=run.snapshot).earliest("pk").delete()
        run = runs.carried_out(run)
        assert run.state == Work.FINISHED
        assert run.events.filter(
            sentence="Deleted since the snapshot and left out: 1 images."
        ).exists()

    def test_whoever_asked_is_told_by_mail_and_in_the_panel(self, admin: User) -> None:
        run = runs.carried_out(runs.requested(admin))
        (message,) = mail.outbox
        assert message.to == [admin.email]
        assert "own-tiny 1" in message.body
        assert RunNotice.objects.unseen_by(admin).get().run == run

    def test_mail_that_cannot_be_sent_changes_nothing(
        self, admin: User, settings: Settings
    ) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        assert runs.carried_out(runs.requested(admin)).state == Work.FINISHED
        assert RunNotice.objects.unseen_by(admin).exists()


class TestFailures:
    """Ends that nobody wants, told in a sentence."""

    def test_a_rate_that_leads_nowhere(self, admin: User, model: ModelVersion) -> None:
        run = runs.carried_out(runs.requested(admin, base=model, peak_learning_rate=1e30))
        assert (run.state, run.error_code) == (Work.FAILED, "diverged")
        assert "learning rate" in run.error_sentence
        assert run.version is None
        assert not run.directory.exists()
        assert ModelVersion.objects.count() == 1

    def test_a_folder_that_cannot_be_written(
        self, admin: User, settings: Settings, tmp_path: Path
    ) -> None:
        settings.RUNS_ROOT = tmp_path / "file"
        settings.RUNS_ROOT.write_text("in the way")
        run = runs.carried_out(runs.requested(admin))
        assert (run.state, run.error_code) == (Work.FAILED, "checkpoint_not_written")

    def test_memory_that_does_not_suffice(
        self, admin: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise MemoryError

        monkeypatch.setattr("detection.ml_gateway.train_run", full)
        run = runs.carried_out(runs.requested(admin))
        assert (run.state, run.error_code) == (Work.FAILED, "out_of_memory")
        assert "batch" in run.error_sentence

    def test_files_that_are_gone(self, admin: User, settings: Settings) -> None:
        run = runs.requested(admin)
        for path in Path(settings.MEDIA_ROOT).rglob("*.bin"):
            path.unlink()
        run = runs.carried_out(run)
        assert (run.state, run.error_code) == (Work.FAILED, "too_many_unreadable")

    def test_what_nobody_foresaw(self, admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
        from detection.tasks import train_model

        def surprising(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("detection.ml_gateway.training_device", surprising)
        run = runs.requested(admin)
        train_model.apply(args=[run.pk])
        run.refresh_from_db()
        assert (run.state, run.error_code, run.slot) == (Work.FAILED, "internal", None)
        assert "reference" in run.error_sentence


class TestNewImages:
    """What counts as new."""

    def test_what_the_bases_own_run_did_not_have(self, admin: User, model: ModelVersion) -> None:
        before = runs.requested(admin)
        TrainingRun.objects.update(state=Work.FINISHED, slot=None, version=model)
        known = list(before.snapshot.lines.values_list("sha256", flat=True))
        more = runs.dataset("More", count=64, first=1000)
        lines = before.snapshot.lines.filter(split=Split.TRAIN)[:4]
        after = runs.snapshot(more)
        after.lines.filter(pk__in=[line.pk for line in after.lines.all()[:4]]).delete()
        for line in lines:
            line.pk, line.snapshot = None, after
            line.save()
        run = runs.requested(admin, after, base=model)
        new = new_hashes(run)
        assert new is not None
        assert len(new) == 36
        assert new.isdisjoint(known)

    def test_of_a_shipped_version_all_but_cifake(self, admin: User, model: ModelVersion) -> None:
        run = runs.requested(admin, base=model)
        new = new_hashes(run)
        assert new is not None
        assert len(new) == 40
        Dataset.objects.update(name="CIFAKE")
        assert new_hashes(run) == frozenset()

    def test_from_scratch_nothing_is_old(self, admin: User) -> None:
        run = runs.requested(admin, new_share=0.5)
        assert new_hashes(run) is None
        assert run.config["new_share"] is None
