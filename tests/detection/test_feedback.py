""" "This is wrong": what a person says is kept, used only with consent, and answered."""

from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from django.utils import timezone

from detection.models import (
    Dataset,
    Feedback,
    FeedbackState,
    Item,
    ItemState,
    Label,
    Role,
    SubmittedImage,
)
from detection.services import feedback as services
from detection.services.datasets import item_add
from detection.services.feedback import (
    FeedbackRefused,
    feedback_close,
    feedback_give,
    feedback_sweep,
    role_of,
)
from detection.services.intake import images_delete
from detection.services.storage import StorageUnavailable
from detection.tasks import sweep
from portal.models import User
from tests import work
from tests.reports import REGRESSION, TRAINING, judged, picture_for, report, settle


@pytest.mark.parametrize(("role", "name"), [(TRAINING, "Feedback"), (REGRESSION, "Reported")])
def test_with_consent_a_copy_waits_in_the_dataset_that_its_hash_decides_on(
    alice: User, role: Role, name: str
) -> None:
    content = picture_for(role)
    analysis = judged(alice, content)
    feedback = report(analysis)
    item = Item.objects.get()
    assert feedback.item == item
    assert (item.dataset.name, item.dataset.role) == (name, role)
    assert (item.label, item.state, item.source) == ("real", "pending", "feedback")
    assert (item.analysis, item.added_by) == (analysis, alice)
    assert item.file.read() == content
    assert item.file.name != analysis.image.original.name


def test_one_image_in_three_is_kept_for_comparing_versions() -> None:
    roles = [role_of(f"{n:064x}") for n in range(300)]
    assert roles.count(Role.REGRESSION) == 100
    assert roles.count(Role.TRAINING) == 200


def test_without_consent_only_the_disagreement_is_kept(alice: User) -> None:
    feedback = report(judged(alice), has_consent=False)
    assert (feedback.label, feedback.note, feedback.state) == ("real", "I took it.", "open")
    assert not Item.objects.exists()
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("label", list(Label))
def test_a_copy_in_a_sealed_test_is_told_and_not_added(alice: User, label: Label) -> None:
    for role in (TRAINING, REGRESSION):
        sealed = Dataset.objects.create(name=f"Test {role}", role=Role.TEST)
        content = picture_for(role)
        state = ItemState.ACCEPTED
        item_add(dataset=sealed, content=content, file_name="x.png", label=label, state=state)
        feedback = report(judged(alice, content))
        feedback.refresh_from_db()
        assert feedback.item is None
        is_same = label == feedback.label
        assert feedback.refusal_code == ("sealed_copy" if is_same else "contradicts_sealed")
        assert f"“{sealed}” has this file as {label.label}" in feedback.refusal_sentence
    assert Item.objects.exclude(dataset__role=Role.TEST).count() == 0


def test_a_file_that_two_people_report_is_one_item(alice: User, charlie: User) -> None:
    first = report(judged(alice), Label.REAL)
    second = report(judged(charlie, verdict="likely_real"), Label.FAKE)
    item = Item.objects.get()
    assert first.item == second.item == item
    settle(item, ItemState.ACCEPTED, Label.REAL)
    assert set(Feedback.objects.values_list("user", "state")) == {
        (alice.pk, "settled"),
        (charlie.pk, "dismissed"),
    }


def test_a_report_on_what_reviewers_have_settled_is_answered_at_once(
    alice: User, charlie: User
) -> None:
    report(judged(alice))
    settle(Item.objects.get(), ItemState.ACCEPTED, Label.REAL)
    assert Feedback.objects.get(pk=report(judged(charlie)).pk).state == FeedbackState.SETTLED


def test_a_missing_original_is_told_with_the_report(alice: User) -> None:
    analysis = judged(alice)
    Path(analysis.image.original.path).unlink()
    feedback = report(analysis)
    assert Feedback.objects.get().refusal_code == "file_missing"
    assert feedback.item is None


def test_half_an_original_is_as_good_as_none(alice: User) -> None:
    analysis = judged(alice)
    path = Path(analysis.image.original.path)
    path.write_bytes(path.read_bytes()[:-1])
    assert report(analysis).refusal_code == "file_missing"


def test_an_image_comes_in_later_where_its_storage_is_away(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(image: SubmittedImage) -> NoReturn:
        raise StorageUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(services, "original_read", away)
        feedback = report(judged(alice))
        assert (feedback.item, feedback.refusal_code) == (None, "coming_in")
        later = timezone.now() + timedelta(minutes=2)
        assert feedback_sweep(now=later) == 0
    assert feedback_sweep() == 0, "whoever said it may still be at it"
    Feedback.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    sweep()
    feedback.refresh_from_db()
    assert (feedback.item, feedback.refusal_code) == (Item.objects.get(), "")
    # Taken out again by staff, it does not come back by itself.
    Item.objects.all().delete()
    assert feedback_sweep(now=later) == 0


def test_a_dataset_of_that_name_with_another_role_is_left_alone(alice: User) -> None:
    Dataset.objects.create(name="Feedback", role=Role.REGRESSION)
    assert report(judged(alice)).refusal_code == "dataset_role"
    assert not Item.objects.exists()


def test_what_the_verdict_says_already_is_no_report(alice: User) -> None:
    with pytest.raises(FeedbackRefused) as refused:
        report(judged(alice, verdict="likely_real"), Label.REAL)
    assert refused.value.code == "same_as_verdict"
    assert report(judged(alice, verdict="inconclusive"), Label.REAL).label == "real"


@pytest.mark.parametrize("fields", [{"state": "failed", "verdict": ""}, {"track": "face"}])
def test_only_a_verdict_on_an_image_can_be_wrong(alice: User, fields: dict[str, str]) -> None:
    with pytest.raises(FeedbackRefused) as refused:
        report(work.ended(work.queued(alice), **fields))
    assert refused.value.code == "no_verdict"


def test_a_deleted_image_is_told(alice: User) -> None:
    analysis = judged(alice)
    images_delete(images=[analysis.image])
    with pytest.raises(FeedbackRefused) as refused:
        feedback_give(analysis=analysis, user=alice, label=Label.REAL)
    assert refused.value.code == "gone"


@pytest.mark.parametrize(("agrees", "state"), [(True, "settled"), (False, "dismissed")])
def test_a_report_without_an_image_is_closed_by_hand(
    alice: User, admin: User, agrees: bool, state: str
) -> None:
    feedback = report(judged(alice), has_consent=False)
    feedback_close(feedback=feedback, user=admin, agrees=agrees)
    feedback.refresh_from_db()
    assert feedback.state == state
    assert feedback.settled_at is not None
    with pytest.raises(FeedbackRefused) as refused:
        feedback_close(feedback=feedback, user=admin, agrees=agrees)
    assert refused.value.code == "settled"


@pytest.mark.parametrize("role", [Role.TEST, Role.REGRESSION])
@pytest.mark.parametrize("has_consent", [True, False])
def test_no_report_is_right_against_a_sealed_label(
    alice: User, admin: User, role: Role, has_consent: bool
) -> None:
    sealed = Dataset.objects.create(name="Judged on", role=role)
    # Of the kind that goes to learning, where a sealed copy is always in the way.
    content, label = picture_for(TRAINING), Label.FAKE
    state = ItemState.ACCEPTED
    item_add(dataset=sealed, content=content, file_name="x.png", label=label, state=state)
    feedback = report(judged(alice, content), has_consent=has_consent)
    with pytest.raises(FeedbackRefused) as refused:
        feedback_close(feedback=feedback, user=admin, agrees=True)
    assert refused.value.code == "contradicts_sealed"
    assert "“Judged on” has this file as AI-generated" in refused.value.sentence
    feedback_close(feedback=feedback, user=admin, agrees=False)
    assert Feedback.objects.get().state == FeedbackState.DISMISSED


def test_a_report_whose_image_waits_is_decided_in_the_review(alice: User, admin: User) -> None:
    with pytest.raises(FeedbackRefused) as refused:
        feedback_close(feedback=report(judged(alice)), user=admin, agrees=True)
    assert refused.value.code == "in_review"
