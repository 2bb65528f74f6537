"""Staff go through what a model is unsure of first, and are offered what to take in next."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from detection.models import Analysis, Dataset, Decision, Feedback, Item, ItemState, Label, Track
from detection.services.datasets import item_add
from detection.services.labelling import analyses_to_label
from detection.services.reviews import Order, review_decide, review_turn
from portal.models import User
from tests import panel, people, photos, work

QUEUE = reverse("admin:detection_labelreview_queue")
FROM_ANALYSES = reverse("admin:detection_dataset_from_analyses")
NEXT = reverse("admin:detection_analysis_label_next")
Judge = Callable[..., Analysis]


def judged(owner: User, seed: int, p_fake: float | None, novelty: float | None = 0.5) -> Analysis:
    """A photograph of this pattern with this answer."""
    analysis = work.queued(owner, photos.content(seed))
    return work.ended(analysis, track=Track.PHOTO, p_fake=p_fake, novelty=novelty)


def waiting(owner: User, rows: list[tuple[int, float | None]]) -> dict[int, Item]:
    """Pending items, each of an analysis with this pattern and answer."""
    dataset = Dataset.objects.create(name="Queue")
    return {
        seed: item_add(
            dataset=dataset,
            content=photos.content(seed),
            file_name=f"{seed}.png",
            label=Label.REAL,
            state=ItemState.PENDING,
            analysis=judged(owner, seed, p_fake),
        )
        for seed, p_fake in rows
    }


class TestQueue:
    """The label review, in the order of what is learnt."""

    def test_the_most_uncertain_comes_first(self, admin: User) -> None:
        items = waiting(admin, [(1, 0.99), (2, 0.02), (3, 0.52), (4, 0.30)])
        order = []
        for _ in items:
            item = review_turn(user=admin, order=Order.LEARNING).item
            assert item is not None
            order.append(item)
            review_decide(item_id=item.pk, user=admin, decision=Decision.ACCEPT)
        assert order[:2] == [items[3], items[4]]
        assert review_turn(user=admin, order=Order.LEARNING).item is None

    def test_what_was_skipped_comes_again_after_the_others(self, admin: User) -> None:
        items = waiting(admin, [(1, 0.5), (2, 0.6), (3, 0.7)])
        seen, after = [], 0
        for _ in range(4):
            item = review_turn(user=admin, after=after, order=Order.LEARNING).item
            assert item is not None
            seen.append(item.pk)
            after = item.pk
        assert sorted(seen[:3]) == sorted(item.pk for item in items.values())
        assert seen[3] == seen[0]

    def test_two_reviewers_get_different_items(self, admin: User) -> None:
        waiting(admin, [(1, 0.5), (2, 0.6)])
        bob = people.administrator("bob")
        mine = review_turn(user=admin, order=Order.LEARNING)
        theirs = review_turn(user=bob, order=Order.LEARNING)
        assert mine.item != theirs.item
        assert mine.following == theirs.item

    def test_the_order_stays_in_the_address(self, as_admin: Client, admin: User) -> None:
        items = waiting(admin, [(1, 0.99), (2, 0.5)])
        dataset = items[1].dataset
        text = panel.text_of(as_admin, f"{QUEUE}?order=learning&dataset={dataset.pk}")
        assert "The image 2.png" in text
        assert '<input type="hidden" name="order" value="learning">' in text
        assert f"?after={items[2].pk}&amp;dataset={dataset.pk}&amp;order=learning" in text
        assert f'href="{QUEUE}?order=learning"' in text
        decide = reverse("admin:detection_labelreview_decide")
        form = {"item": items[2].pk, "decision": "accept", "order": "learning"}
        answer = as_admin.post(decide, form)
        assert answer["Location"].endswith("order=learning")
        fragment = as_admin.post(
            reverse("admin:detection_labelreview_undo"),
            {"order": "learning"},
            headers={"HX-Request": "true"},
        )
        assert "The image 2.png" in fragment.text

    def test_an_order_that_is_none_is_the_oldest_first(self, as_admin: Client, admin: User) -> None:
        waiting(admin, [(1, 0.99), (2, 0.5)])
        assert "The image 1.png" in panel.text_of(as_admin, f"{QUEUE}?order=random")


class TestOffer:
    """Photographs that were analysed and that no dataset holds."""

    def test_the_most_uncertain_are_offered_and_copies_wait(self, admin: User) -> None:
        sure, unsure, edge = judged(admin, 1, 0.99), judged(admin, 2, 0.5), judged(admin, 3, 0.9, 1)
        copy = judged(admin, 2, 0.5)
        found = analyses_to_label(user=admin)
        assert found[:2] == [copy.pk, edge.pk] or found[:2] == [unsure.pk, edge.pk]
        assert set(found) == {sure.pk, unsure.pk, edge.pk, copy.pk}
        assert len(analyses_to_label(user=admin, wanted=2)) == 2

    def test_before_there_is_a_model_they_are_offered_by_their_variety(self, admin: User) -> None:
        found = [judged(admin, seed, None, None).pk for seed in range(4)]
        assert sorted(analyses_to_label(user=admin)) == found

    def test_only_what_may_be_taken_in_and_is_not_there_yet(self, admin: User, alice: User) -> None:
        hers, agreed, mine = judged(alice, 1, 0.5), judged(alice, 2, 0.5), judged(admin, 3, 0.5)
        Feedback.objects.create(analysis=agreed, user=alice, label=Label.REAL, has_consent=True)
        thumbnail = work.ended(work.queued(admin))
        assert set(analyses_to_label(user=admin)) == {agreed.pk, mine.pk}
        assert {hers.pk, thumbnail.pk}.isdisjoint(analyses_to_label(user=admin))
        photos.add(Dataset.objects.create(name="Held"), 3, Label.REAL)
        assert analyses_to_label(user=admin) == [agreed.pk]

    def test_a_preview_that_is_gone_stops_nothing(self, admin: User) -> None:
        analysis = judged(admin, 1, 0.5)
        image = analysis.image
        for file in (image.preview, image.thumbnail):
            if file.name:
                file.storage.delete(file.name)
        assert analyses_to_label(user=admin) == [analysis.pk]

    @pytest.mark.parametrize(("p_fake", "label"), [(0.6, "fake"), (0.4, "real"), (None, "real")])
    def test_they_come_in_waiting_for_a_review(
        self, as_admin: Client, admin: User, p_fake: float | None, label: str
    ) -> None:
        analysis = judged(admin, 1, p_fake)
        dataset = Dataset.objects.create(name="Site")
        address = as_admin.get(NEXT)["Location"]
        assert address == f"{FROM_ANALYSES}?ids={analysis.pk}&label=later"
        assert '<option value="later" selected>' in panel.text_of(as_admin, address)
        as_admin.post(address, {"dataset": dataset.pk, "label": "later", "source": "site"})
        item = Item.objects.get()
        assert (item.state, item.label, item.source) == (ItemState.PENDING, label, "site")
        assert item.analysis == analysis

    def test_where_there_is_none_it_says_so(self, as_admin: Client) -> None:
        answer = as_admin.get(NEXT, follow=True)
        assert "No photograph waits for a label" in answer.text

    def test_nobody_else_is_offered_any(self, as_charlie: Client) -> None:
        assert as_charlie.get(NEXT).status_code == 302
        assert "login" in as_charlie.get(NEXT)["Location"]
