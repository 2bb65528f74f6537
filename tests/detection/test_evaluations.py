"""A version is judged once on all that nothing may learn from, and the champion beside it."""

import io
from pathlib import Path

import numpy as np
import pytest
from django.core.files.storage import default_storage

from detection import tasks
from detection.ml_gateway import GatewayError
from detection.models import Evaluation, Item, ItemState, Label, ModelVersion, Role
from detection.services.evaluations import (
    EvaluationRefused,
    evaluations_ask,
    evaluations_make,
    evaluations_run,
    evaluations_state,
)
from portal.models import User
from tests import images, sealed, work


@pytest.fixture
def candidate(model: ModelVersion, tmp_path: Path) -> ModelVersion:
    """Takes red for blue: as bad as can be."""
    return sealed.version(tmp_path / "candidate", strength=-3.0)


def test_figures_are_those_of_the_set(model: ModelVersion) -> None:
    test = sealed.dataset(wrong=2)
    (evaluation,) = evaluations_make(version=model)
    record = evaluation.record
    assert (evaluation.dataset, evaluation.snapshot) == (test, None)
    assert record["accuracy"] == pytest.approx(0.9)
    # One of the two that say the opposite is red and called real, the other one blue.
    assert record["confusion"] == {
        "real_as_real": 9,
        "real_as_fake": 1,
        "fake_as_real": 1,
        "fake_as_fake": 9,
    }
    assert record["specificity"] == pytest.approx(0.9)
    assert set(record["tiers"]) == {"jpeg_q40", "noise_0.10", "blur_0.6"}
    assert record["speed"]["image_ms"] > 0
    assert record["weights_sha256"] == model.weights_sha256


def test_the_answers_of_every_image_are_kept(model: ModelVersion) -> None:
    test = sealed.dataset()
    (evaluation,) = evaluations_make(version=model)
    with evaluation.answers.open("rb") as file:
        kept = np.load(io.BytesIO(file.read()), allow_pickle=False)
    hashes = [row.tobytes().hex() for row in kept["sha256"]]
    items = {item.sha256: item for item in test.items.all()}
    assert set(hashes) == items.keys()
    for sha256, label, p_fake in zip(hashes, kept["label"], kept["p_fake"], strict=True):
        assert (items[sha256].label == Label.FAKE) == bool(label)
        assert (p_fake > 0.5) == bool(label)


def test_the_champion_is_judged_beside_it_and_nothing_twice(
    model: ModelVersion, candidate: ModelVersion
) -> None:
    sealed.dataset()
    (evaluation,) = evaluations_make(version=candidate)
    assert evaluation.version == candidate
    assert evaluation.record["accuracy"] == 0.0
    assert {one.version for one in Evaluation.objects.all()} == {model, candidate}
    assert evaluations_make(version=candidate) == [evaluation]
    assert evaluations_make(version=model)[0].version == model
    assert Evaluation.objects.count() == 2
    (newer,) = evaluations_make(version=candidate, again=True)
    assert newer.pk > evaluation.pk


def test_a_set_that_has_changed_is_judged_again(model: ModelVersion) -> None:
    test = sealed.dataset()
    (before,) = evaluations_make(version=model)
    Item.objects.filter(dataset=test).order_by("pk").first().delete()  # type: ignore[union-attr]
    (after,) = evaluations_make(version=model)
    assert after.data_sha256 != before.data_sha256
    assert after.record["n"] == before.record["n"] - 1


def test_only_settled_images_of_sealed_sets_count(model: ModelVersion) -> None:
    sealed.dataset("To learn from", role=Role.TRAINING)
    reported = sealed.dataset("Reported", role=Role.REGRESSION, count=6, start=50)
    Item.objects.filter(dataset=reported, file_name="0.png").update(state=ItemState.PENDING)
    (evaluation,) = evaluations_make(version=model)
    assert evaluation.dataset == reported
    assert evaluation.record["n"] == 5
    assert evaluation.record["tiers"] == {}


@pytest.mark.parametrize("label", Label)
def test_a_set_of_one_class_has_the_figures_that_it_can_have(
    model: ModelVersion, label: Label
) -> None:
    test = sealed.dataset(count=0)
    for shade in (120, 150, 180):
        sealed.add(test, images.plain(f"rgb(0,0,{shade})"), label, f"{shade}.png")
    (evaluation,) = evaluations_make(version=model)
    record = evaluation.record
    assert record["roc_auc"] is record["bootstrap"] is None
    assert record["accuracy"] == (1.0 if label == Label.REAL else 0.0)
    assert record["specificity"] == (1.0 if label == Label.REAL else None)


def test_progress_covers_all_and_a_stop_keeps_what_is_whole(
    model: ModelVersion, candidate: ModelVersion
) -> None:
    sealed.dataset("First")
    sealed.dataset("Second", start=60)
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))

    stopped = evaluations_make(
        version=candidate, progress=progress, should_stop=lambda: len(seen) >= 1
    )
    assert [one.dataset.name for one in stopped if one.dataset] == ["First"]
    assert Evaluation.objects.count() == 1
    assert seen[0] == (20, 80)
    seen.clear()
    evaluations_make(version=candidate, progress=progress)
    assert seen[-1] == (60, 60)
    assert Evaluation.objects.count() == 4


def test_too_many_files_that_are_gone_are_told_and_nothing_is_kept(model: ModelVersion) -> None:
    test = sealed.dataset()
    item = test.items.order_by("pk")[0]
    default_storage.delete(str(item.file.name))
    before = work.media_files()
    with pytest.raises(GatewayError) as caught:
        evaluations_make(version=model)
    assert caught.value.code == "too_many_unreadable"
    assert not Evaluation.objects.exists()
    assert work.media_files() == before


def test_it_is_asked_for_and_told(model: ModelVersion, admin: User) -> None:
    sealed.dataset()
    work.delivered("background")
    evaluations_ask(version=model, user=admin)
    state = evaluations_state(model)
    assert state is not None
    assert (state.action, state.user) == ("evaluations_ask", admin)
    assert work.delivered("background") == [model.pk, False]
    tasks.judge_version(model.pk)
    state = evaluations_state(model)
    assert state is not None
    assert (state.action, state.details["sets"]) == ("evaluations_make", 1)
    assert Evaluation.objects.count() == 1


def test_how_it_failed_is_told(model: ModelVersion) -> None:
    sealed.dataset()
    (weights,) = model.directory.glob("*.h5")
    weights.unlink()
    assert not evaluations_run(version_id=model.pk)
    state = evaluations_state(model)
    assert state is not None
    assert (state.action, state.details["code"]) == ("evaluations_fail", "missing_weights")
    assert not evaluations_run(version_id=0)


def test_without_a_set_there_is_nothing_to_ask_for(model: ModelVersion, admin: User) -> None:
    with pytest.raises(EvaluationRefused) as caught:
        evaluations_ask(version=model, user=admin)
    assert caught.value.code == "nothing_to_judge_on"


@pytest.mark.usefixtures("broker_is_away")
def test_a_broker_that_is_away_is_told(model: ModelVersion, admin: User) -> None:
    sealed.dataset()
    with pytest.raises(EvaluationRefused) as caught:
        evaluations_ask(version=model, user=admin)
    assert caught.value.code == "queue_away"
    state = evaluations_state(model)
    assert state is not None
    assert state.details["code"] == "queue_away"
