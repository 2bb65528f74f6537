"""A fit takes all of a snapshot, makes a version with its figures, and is refused on too little."""

import pytest
from pytest_django import Settings

from detection import ml_gateway
from detection.ml_gateway import GatewayError
from detection.models import (
    AuditEvent,
    Dataset,
    Item,
    Label,
    Role,
    Snapshot,
    Split,
    Stage,
    TrainingRun,
    Work,
)
from detection.services import training
from detection.services.datasets import item_add
from detection.services.items import ItemRefused
from detection.services.training import RunRefused, fit_request, fit_seconds, material_of
from portal.models import User
from tests import photos, runs, work
from tests.fixtures import Committed


@pytest.fixture
def fit(monkeypatch: pytest.MonkeyPatch) -> photos.FakeFit:
    """What the science would do."""
    fake = photos.FakeFit()
    monkeypatch.setattr(ml_gateway, "photo_fit", fake)
    return fake


def refused(code: str, **request: object) -> str:
    """The sentence with which a fit is refused."""
    with pytest.raises(RunRefused) as caught:
        fit_request(**request)  # type: ignore[arg-type]
    assert caught.value.code == code
    return caught.value.sentence


class TestRequest:
    """What may be asked for."""

    def test_twenty_of_each_are_frozen_whole_and_sent(
        self, admin: User, committed: Committed
    ) -> None:
        work.delivered("training")  # what an earlier test has left there
        with committed():
            run = fit_request(user=admin, datasets=[photos.dataset()])
        assert work.delivered("training") == [run.pk]
        assert run.is_fit
        assert (run.state, run.model_name, run.epochs) == (Work.QUEUED, "photo", 0)
        assert run.chosen == {"false_alarms": 0.05, "seed": 7}
        assert run.estimated_seconds
        assert set(run.snapshot.lines.values_list("split", flat=True)) == {Split.TRAIN}
        assert run.snapshot.lines.count() == 40
        assert AuditEvent.objects.get(action="run_request").user == admin

    @pytest.mark.parametrize(
        ("real", "fake", "said"),
        [(19, 20, "1 more real one."), (20, 5, "15 more AI-generated ones."), (0, 0, "20 more")],
    )
    def test_too_few_are_refused_and_nothing_is_frozen(
        self, admin: User, real: int, fake: int, said: str
    ) -> None:
        dataset = photos.dataset(real=real, fake=fake)
        assert said in refused("too_few_images", user=admin, datasets=[dataset])
        assert not Snapshot.objects.exists()

    def test_the_time_is_told_from_the_last_fit(self, admin: User, fit: photos.FakeFit) -> None:
        usual = fit_seconds(200)
        assert 80 < usual < fit_seconds(300) < 180
        runs.carried_out(fit_request(user=admin, datasets=[photos.dataset()]))
        # Its figures say 100 seconds for 200 pictures.
        assert fit_seconds(200) == pytest.approx(fit.found.seconds)
        assert fit_seconds(344) == pytest.approx(15 + 344 / 200 * (fit.found.seconds - 15))

    def test_copies_do_not_make_a_few_many(self, admin: User) -> None:
        """Of 25 files that look alike, one counts; the other class has enough."""
        dataset = photos.dataset(fake=0)
        for number in range(25):
            file = photos.content(900, quality=50 + number)
            photos.add(dataset, 500 + number, Label.FAKE, file=file)
        material = material_of([dataset])
        assert (material.fake, material.missing) == (25, {})
        assert material.alike.distinct == {Label.REAL: 20, Label.FAKE: 1}
        assert material.alike.near_copies == 24
        assert material.alike.datasets == (dataset.pk,)
        sentence = refused("all_near_copies", user=admin, datasets=[dataset])
        assert "it finds 1 different AI-generated one." in sentence
        assert not Snapshot.objects.exists()

    def test_a_file_with_both_labels_is_refused_by_name(self, admin: User) -> None:
        one, other = photos.dataset("One"), photos.dataset("Other", first=100)
        photos.add(one, 900, Label.REAL)
        photos.add(other, 900, Label.FAKE)
        assert material_of([one, other]).alike.mixed == 1
        sentence = refused("contradictory_labels", user=admin, datasets=[one, other])
        assert "900.png" in sentence
        assert fit_request(user=admin, datasets=[one])

    def test_small_images_do_not_count(self, admin: User) -> None:
        dataset = photos.dataset(real=19)
        photos.add(dataset, 100, Label.REAL, side=127)
        assert material_of([dataset]).small == 1
        refused("too_few_images", user=admin, datasets=[dataset])

    def test_thumbnails_beside_them_do_not_make_them_few(self, admin: User) -> None:
        """Of 240 images only 40 are photographs, half of each class."""
        mixed = photos.dataset()
        for number in range(200):
            photos.add(mixed, 1000 + number, Label.REAL, side=32)
        run = fit_request(user=admin, datasets=[mixed])
        assert run.snapshot.lines.count() == 40

    def test_the_same_again_is_refused_until_there_is_more(self, admin: User) -> None:
        dataset = photos.dataset()
        run = fit_request(user=admin, datasets=[dataset])
        assert "active" in refused("run_active", user=admin, datasets=[dataset])
        TrainingRun.objects.update(state=Work.FINISHED, slot=None)
        assert str(run) in refused("nothing_changed", user=admin, datasets=[dataset])
        assert Snapshot.objects.count() == 1
        stricter = fit_request(user=admin, datasets=[dataset], false_alarms=0.02)
        assert stricter.snapshot == run.snapshot
        TrainingRun.objects.update(state=Work.FINISHED, slot=None)
        photos.add(dataset, 100, Label.REAL)
        assert fit_request(user=admin, datasets=[dataset]).snapshot.number == 2

    @pytest.mark.parametrize("name", ["", "Photo", "../up", "a b"])
    def test_a_name_that_cannot_be_one(self, admin: User, name: str) -> None:
        refused("invalid_name", user=admin, datasets=[photos.dataset()], name=name)

    @pytest.mark.usefixtures("model")
    def test_a_name_of_another_track(self, admin: User) -> None:
        sentence = refused("wrong_track", user=admin, datasets=[photos.dataset()], name="colours")
        assert "thumbnail" in sentence

    def test_sealed_images_stay_sealed(self, admin: User) -> None:
        sealed = photos.dataset("Sealed", first=500)
        sealed.role = Role.TEST
        sealed.save()
        refused("sealed_dataset", user=admin, datasets=[sealed])

    def test_a_snapshot_of_a_network_is_no_snapshot_of_a_fit(self, admin: User) -> None:
        """Each kind is offered where it makes sense, and compared with its own kind."""
        whole = fit_request(user=admin, datasets=[photos.dataset()]).snapshot
        divided = runs.snapshot()
        assert list(Snapshot.objects.undivided()) == [whole]
        assert list(Snapshot.objects.divided()) == [divided]
        assert whole.counts["difference"] == {"to": None}

    def test_what_a_fit_learnt_from_can_seal_nothing(self, admin: User) -> None:
        run = fit_request(user=admin, datasets=[photos.dataset()])
        sealed = Dataset.objects.create(name="Sealed", role=Role.TEST)
        for line in run.snapshot.lines.all():
            with pytest.raises(ItemRefused) as caught:
                item_add(
                    dataset=sealed,
                    content=photos.content(int(line.item.file_name.removesuffix(".png"))),  # type: ignore[union-attr]
                    file_name="again.png",
                    label=line.label,
                    state="accepted",
                )
            assert caught.value.code == "learnt_from"


class TestExecution:
    """What the worker does."""

    def test_it_ends_in_a_version_with_its_figures(self, admin: User, fit: photos.FakeFit) -> None:
        run = runs.carried_out(fit_request(user=admin, datasets=[photos.dataset()]))
        assert (run.error_sentence, run.state) == ("", Work.FINISHED)
        assert run.version is not None
        assert run.version.label == "photo 1"
        assert run.version.spec["photo"]["overall"]["roc_auc"] == 0.87
        assert run.images_per_second
        assert not run.directory.exists()
        assert len(fit.items) == 40
        assert {item.source for item in fit.items} == {"site"}
        assert len({item.group for item in fit.items}) == 40
        assert fit.options["false_alarms"] == 0.05
        # Learnt from as a whole: there is nothing left of it to be judged on.
        assert not run.version.evaluations.exists()
        told = " ".join(event.sentence for event in run.events.all())
        assert "every sealed set" not in told
        for word in (
            "Making the network ready",
            "No sealed set",
            "Reading 40 pictures",
            "models that never saw it",
            "Registered as photo 1",
        ):
            assert word in told

    def test_small_and_deleted_images_are_left_out_and_told(
        self, admin: User, fit: photos.FakeFit
    ) -> None:
        dataset = photos.dataset(real=21)
        photos.add(dataset, 100, Label.REAL, side=96)
        run = fit_request(user=admin, datasets=[dataset])
        assert run.snapshot.counts["left_out"]["too_small"] == 1
        Item.objects.filter(dataset=dataset).earliest("pk").delete()
        run = runs.carried_out(run)
        assert len(fit.items) == 40
        told = [event.sentence for event in run.events.all()]
        assert "Deleted since the snapshot and left out: 1 images." in told

    def test_its_row_tells_where_it_stands(self, admin: User, fit: photos.FakeFit) -> None:
        run = fit_request(user=admin, datasets=[photos.dataset()])
        seen = []

        def look(_: int) -> None:
            seen.append(TrainingRun.objects.get(pk=run.pk))

        fit.trouble = look
        runs.carried_out(run)
        stands = [(one.stage, one.step) for one in seen]
        assert stands == [(Stage.PREPARING, number) for number in range(40)]
        shares = [one.share_done for one in seen]
        assert shares == sorted(shares)
        assert shares[0] == 0.0
        assert 0.7 < shares[-1] < 0.8
        assert seen[-1].seconds_left is not None

    def test_it_is_stopped_between_two_pictures(self, admin: User, fit: photos.FakeFit) -> None:
        run = fit_request(user=admin, datasets=[photos.dataset()])
        fit.trouble = lambda number: number == 5 and training.run_cancel(run=run, user=admin)  # type: ignore[assignment]
        run = runs.carried_out(run)
        assert (run.state, run.slot) == (Work.CANCELLED, None)
        assert run.version is None
        assert not run.directory.exists()

    def test_what_the_science_refuses_is_told(self, admin: User, fit: photos.FakeFit) -> None:
        def refuse(_: int) -> None:
            raise GatewayError("all_near_copies", "All pictures are copies of a few: add others.")

        fit.trouble = refuse
        run = runs.carried_out(fit_request(user=admin, datasets=[photos.dataset()]))
        assert (run.state, run.error_code) == (Work.FAILED, "all_near_copies")
        assert run.error_sentence == "All pictures are copies of a few: add others."

    def test_a_lost_worker_finds_what_was_read(
        self, admin: User, fit: photos.FakeFit, settings: Settings
    ) -> None:
        run = fit_request(user=admin, datasets=[photos.dataset()])
        kept = settings.RUNS_ROOT / run.public_id / "features"

        def die(number: int) -> None:
            (kept / f"{number}").touch()
            if number == 3:
                raise SystemExit

        fit.trouble = die
        with pytest.raises(SystemExit):
            runs.carried_out(run)
        assert training.training_worker_started(worker=runs.WORKER) == 1
        assert sorted(path.name for path in kept.iterdir()) == ["1", "2", "3"]
        fit.trouble = None
        run = runs.carried_out(run)
        assert (run.state, run.attempts) == (Work.FINISHED, 2)

    def test_the_schedule_of_networks_does_not_look_at_fits(
        self, admin: User, fit: photos.FakeFit
    ) -> None:
        schedule = training.schedule_change(
            user=admin, is_on=True, hour=3, least_new=1, datasets=[runs.dataset(count=20)]
        )
        before = training.new_items(schedule).count()
        runs.carried_out(fit_request(user=admin, datasets=[photos.dataset()]))
        assert training.new_items(schedule).count() == before
