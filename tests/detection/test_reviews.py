"""Labels are settled by people: one word or two, undone within the hour, harmless when doubled."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from detection.models import (
    AuditEvent,
    Dataset,
    Decision,
    Item,
    ItemState,
    LabelReview,
    Snapshot,
    SnapshotItem,
    Split,
)
from detection.services.datasets import dataset_delete, items_delete
from detection.services.reviews import (
    ReviewRefused,
    outcome_of,
    review_decide,
    review_turn,
    review_undo,
)
from portal.leaving import user_purge
from portal.models import User
from tests import people
from tests.fixtures import Committed
from tests.reports import judged, report, waiting


@pytest.fixture
def dataset(db: None) -> Dataset:
    return Dataset.objects.create(name="Archive")


@pytest.fixture
def bob(db: None) -> User:
    """Another reviewer."""
    return people.administrator("bob")


@pytest.fixture
def two(settings: Settings) -> None:
    """Two people have to agree."""
    settings.LABEL_REVIEWERS = 2


def decide(item: Item, user: User, decision: str) -> Item:
    """The item after this decision."""
    review_decide(item_id=item.pk, user=user, decision=Decision(decision))
    item.refresh_from_db()
    return item


def refusal(item: Item, user: User, decision: str = "accept") -> str:
    """The code with which a decision is refused."""
    with pytest.raises(ReviewRefused) as refused:
        decide(item, user, decision)
    return refused.value.code


def undo_refusal(user: User) -> str:
    """The code with which undoing is refused."""
    with pytest.raises(ReviewRefused) as refused:
        review_undo(user=user)
    return refused.value.code


@pytest.mark.parametrize(
    ("decision", "state", "label"),
    [
        ("accept", "accepted", "fake"),
        ("correct", "accepted", "real"),
        ("reject", "rejected", "fake"),
    ],
)
def test_one_word_settles_a_label(
    dataset: Dataset, admin: User, decision: str, state: str, label: str
) -> None:
    (item,) = waiting(dataset)
    decide(item, admin, decision)
    assert (item.state, item.label) == (state, label)
    review = LabelReview.objects.get()
    assert (review.reviewer, review.decision, review.label) == (admin, decision, label)
    audit = AuditEvent.objects.get(action="label_review")
    assert (audit.user, audit.details["decision"]) == (admin, decision)


def test_the_person_who_reported_is_answered(alice: User, admin: User) -> None:
    feedback = report(judged(alice))
    assert feedback.item
    decide(feedback.item, admin, "accept")
    feedback.refresh_from_db()
    assert feedback.state == "settled"
    review_undo(user=admin)
    feedback.refresh_from_db()
    assert (feedback.state, feedback.settled_at) == ("open", None)
    decide(feedback.item, admin, "correct")
    feedback.refresh_from_db()
    assert feedback.state == "dismissed"


def test_the_same_decision_twice_is_one(dataset: Dataset, admin: User) -> None:
    (item,) = waiting(dataset)
    decide(item, admin, "correct")
    decide(item, admin, "correct")
    assert LabelReview.objects.count() == 1
    assert item.label == "real"
    assert refusal(item, admin, "accept") == "settled"


def test_what_somebody_else_has_settled_stays(dataset: Dataset, admin: User, bob: User) -> None:
    (item,) = waiting(dataset)
    decide(item, admin, "reject")
    assert refusal(item, bob) == "settled"
    assert LabelReview.objects.count() == 1


@pytest.mark.parametrize("deletes_all", [False, True])
def test_an_item_that_was_deleted_meanwhile_is_told(
    dataset: Dataset, admin: User, deletes_all: bool
) -> None:
    (item,) = waiting(dataset)
    if deletes_all:
        dataset_delete(dataset=dataset, user=admin)
    else:
        items_delete(items=Item.objects.all(), user=admin)
    assert refusal(item, admin) == "gone"
    assert review_turn(user=admin).item is None


@pytest.mark.parametrize(
    ("votes", "needed", "state", "label"),
    [
        ([], 1, "pending", None),
        (["real"], 1, "accepted", "real"),
        ([None], 1, "rejected", None),
        (["real"], 2, "pending", None),
        (["real", "real"], 2, "accepted", "real"),
        ([None, None], 2, "rejected", None),
        (["real", "fake"], 2, "pending", None),
        (["real", None], 2, "pending", None),
        (["real", "fake", "fake"], 2, "accepted", "fake"),
        (["real", None, None], 2, "rejected", None),
        (["real", "fake", None], 2, "rejected", None),
        (["fake", "real"], 1, "accepted", "fake"),
    ],
)
def test_who_agrees_with_whom(
    votes: list[str | None], needed: int, state: str, label: str | None
) -> None:
    assert outcome_of(votes, needed) == (state, label)


@pytest.mark.usefixtures("two")
def test_two_different_people_have_to_agree(dataset: Dataset, admin: User, bob: User) -> None:
    (item,) = waiting(dataset)
    decide(item, admin, "correct")
    decide(item, admin, "correct")
    assert (item.state, item.label) == ("pending", "fake")
    assert review_turn(user=admin).item is None
    assert review_turn(user=bob).item == item
    decide(item, bob, "correct")
    assert (item.state, item.label) == ("accepted", "real")


@pytest.mark.usefixtures("two")
def test_where_two_differ_a_third_decides(dataset: Dataset, admin: User, bob: User) -> None:
    (item,) = waiting(dataset)
    decide(item, admin, "accept")
    decide(item, bob, "correct")
    assert item.state == "pending"
    decide(item, people.administrator("carol"), "correct")
    assert (item.state, item.label) == ("accepted", "real")


@pytest.mark.usefixtures("two")
def test_a_reviewer_who_is_deleted_in_the_middle_still_counts(
    dataset: Dataset, admin: User, bob: User, committed: Committed
) -> None:
    (item,) = waiting(dataset)
    decide(item, bob, "accept")
    with committed():
        user_purge(bob)
    assert LabelReview.objects.get().reviewer is None
    decide(item, admin, "accept")
    assert item.state == "accepted"
    assert AuditEvent.objects.filter(user=None, user_email="bob@example.org").exists()


def test_a_deleted_account_decides_nothing_more(dataset: Dataset, bob: User) -> None:
    (item,) = waiting(dataset)
    ghost = User.objects.get(pk=bob.pk)
    user_purge(bob)
    assert refusal(item, ghost) == "no_reviewer"
    assert item.state == ItemState.PENDING


def test_one_word_suffices_again_where_two_were_demanded(
    dataset: Dataset, admin: User, settings: Settings
) -> None:
    (item,) = waiting(dataset)
    settings.LABEL_REVIEWERS = 2
    decide(item, admin, "accept")
    settings.LABEL_REVIEWERS = 1
    assert review_turn(user=admin).item == item
    assert decide(item, admin, "reject").state == "rejected"
    assert LabelReview.objects.count() == 1


@pytest.mark.parametrize("decision", list(Decision))
def test_the_last_decision_can_be_undone(dataset: Dataset, admin: User, decision: Decision) -> None:
    first, second = waiting(dataset, 2)
    decide(first, admin, "accept")
    decide(second, admin, decision)
    assert review_undo(user=admin) == second
    second.refresh_from_db()
    assert (second.state, second.label) == ("pending", "fake")
    assert LabelReview.objects.get().item == first
    assert review_undo(user=admin) == first
    assert undo_refusal(admin) == "nothing_to_undo"


def test_nobody_undoes_for_others_or_after_an_hour(
    dataset: Dataset, admin: User, bob: User
) -> None:
    (item,) = waiting(dataset)
    decide(item, admin, "accept")
    assert undo_refusal(bob) == "nothing_to_undo"
    LabelReview.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    assert undo_refusal(admin) == "nothing_to_undo"


@pytest.mark.usefixtures("two")
def test_what_others_built_on_is_not_undone(dataset: Dataset, admin: User, bob: User) -> None:
    (item,) = waiting(dataset)
    decide(item, admin, "correct")
    decide(item, bob, "correct")
    assert undo_refusal(admin) == "decided_since"
    assert review_undo(user=bob) == item
    item.refresh_from_db()
    assert (item.state, item.label) == ("pending", "fake")
    assert LabelReview.objects.get().reviewer == admin


def test_what_a_snapshot_holds_is_not_undone(dataset: Dataset, admin: User) -> None:
    (item,) = waiting(dataset)
    decide(item, admin, "accept")
    snapshot = Snapshot.objects.create(number=1, sha256="0" * 64)
    SnapshotItem.objects.create(
        snapshot=snapshot,
        item=item,
        sha256=item.sha256,
        label=item.label,
        split=Split.TRAIN,
        group=1,
    )
    assert undo_refusal(admin) == "frozen"
    item.refresh_from_db()
    assert item.state == "accepted"
