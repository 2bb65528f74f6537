"""Each reviewer gets an image of their own, in order, and what was skipped comes again."""

import pytest
from pytest_django import Settings

from detection.models import (
    Dataset,
    Decision,
    Item,
)
from detection.services.reviews import (
    review_decide,
    review_turn,
)
from portal.models import User
from tests import people
from tests.reports import waiting


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


def test_two_reviewers_get_different_items(dataset: Dataset, admin: User, bob: User) -> None:
    first, second = waiting(dataset, 2)
    assert review_turn(user=admin).item == first
    assert review_turn(user=bob).item == second
    assert review_turn(user=admin).item == first
    turn = review_turn(user=people.administrator("carol"))
    assert (turn.item, turn.left) == (None, 2)


def test_a_claim_ends_with_the_decision_and_with_skipping(
    dataset: Dataset, admin: User, bob: User
) -> None:
    first, second, third = waiting(dataset, 3)
    assert review_turn(user=admin).item == first
    assert review_turn(user=admin, after=first.pk).item == second
    assert review_turn(user=bob).item == first
    decide(first, bob, "accept")
    decide(second, admin, "accept")
    assert review_turn(user=bob).item == third


def test_what_was_skipped_comes_again_at_the_end(dataset: Dataset, admin: User) -> None:
    first, second = waiting(dataset, 2)
    assert review_turn(user=admin, after=first.pk).item == second
    assert review_turn(user=admin, after=second.pk).item == first


def test_the_next_image_is_known_ahead(dataset: Dataset, admin: User) -> None:
    first, second = waiting(dataset, 2)
    turn = review_turn(user=admin)
    assert (turn.item, turn.following) == (first, second)
    assert review_turn(user=admin, after=first.pk).following == first


def test_an_item_that_is_asked_for_comes_first(dataset: Dataset, admin: User) -> None:
    first, second = waiting(dataset, 2)
    turn = review_turn(user=admin, wanted=second.pk)
    assert (turn.item, turn.following) == (second, first)
    decide(second, admin, "accept")
    assert review_turn(user=admin, wanted=second.pk).item == first


def test_progress_counts_what_people_have_settled(dataset: Dataset, admin: User) -> None:
    other = Dataset.objects.create(name="Other")
    first, *_ = waiting(dataset, 3)
    waiting(other, 2)
    decide(first, admin, "accept")
    for chosen, left, total in ((None, 4, 5), (dataset, 2, 3), (other, 2, 2)):
        turn = review_turn(user=admin, dataset=chosen)
        assert (turn.left, turn.total) == (left, total)


@pytest.mark.usefixtures("two")
def test_progress_is_each_reviewers_own_where_two_are_needed(
    dataset: Dataset, admin: User, bob: User
) -> None:
    first, *_ = waiting(dataset, 3)
    decide(first, admin, "accept")
    assert (review_turn(user=admin).left, review_turn(user=admin).total) == (2, 3)
    assert (review_turn(user=bob).left, review_turn(user=bob).total) == (3, 3)


def test_a_long_queue_costs_no_more_queries(
    dataset: Dataset, admin: User, django_assert_max_num_queries: object
) -> None:
    waiting(dataset, 60)
    with django_assert_max_num_queries(6):  # type: ignore[operator]
        turn = review_turn(user=admin, dataset=dataset)
        assert turn.item
        assert turn.item.dataset == dataset
