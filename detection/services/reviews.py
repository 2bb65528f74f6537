"""Settles labels: one item at a time for each reviewer, by one person's word or two people's."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from detection.informative import Candidate, most_to_learn
from detection.models import Dataset, Decision, Item, ItemState, LabelReview
from detection.models.datasets import ItemQuerySet
from detection.services.audit import audit_record
from detection.services.feedback import feedback_reopen, feedback_settle

# How long an item is kept for the reviewer who looks at it.
CLAIM_SECONDS = 120
# So many are looked through for one that nobody else looks at.
LOOK_AHEAD = 50
# Of so many that wait, those from which most is learnt are chosen.
LOOKED_THROUGH = 5000
# So many of the last labelled ones count as known.
REMEMBERED = 200
UNDO_WITHIN = timedelta(hours=1)


class ReviewRefused(Exception):
    """A decision that cannot be taken or undone."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Turn:
    """What a reviewer sees: an item, the one that probably follows, and how far the queue is."""

    item: Item | None
    following: Item | None
    left: int
    total: int

    @property
    def done(self) -> int:
        """How many are decided, as far as this reviewer is concerned."""
        return self.total - self.left


class Order(StrEnum):
    """In which order the queue is gone through."""

    OLDEST = "oldest"
    LEARNING = "learning"


def review_turn(
    *,
    user: Any,
    dataset: Dataset | None = None,
    after: int = 0,
    wanted: int | None = None,
    order: Order = Order.OLDEST,
) -> Turn:
    """Choose the item that this reviewer looks at, and keep others from it for a while.

    Args:
        user: The reviewer.
        dataset: Only items of this one; empty: of all.
        after: The key of the item before; the queue is a ring, so what was skipped comes again.
        wanted: The key of the item to show, if it waits.
        order: Oldest first, or those first from which most is learnt.
    """
    queue = _queue(user, dataset)
    _release(after, user)
    candidates = [*queue.filter(pk=wanted)] if wanted else []
    candidates += _informative(queue, after) if order == Order.LEARNING else _around(queue, after)
    item = next((one for one in candidates if _claim(one.pk, user)), None)
    following = next((one for one in candidates if item and one.pk != item.pk), None)
    left = queue.count()
    return Turn(item, following, left, left + _decided(user, dataset))


def review_decide(*, item_id: int, user: Any, decision: Decision, note: str = "") -> LabelReview:
    """Keep a reviewer's decision, and settle the label once enough people agree.

    The same decision sent twice is one.

    Raises:
        ReviewRefused: `gone`, `settled` or `no_reviewer`.
    """
    with transaction.atomic():
        # Locked as a deletion of the account locks it.
        if not get_user_model().objects.select_for_update().filter(pk=user.pk).exists():
            raise ReviewRefused("no_reviewer", "Your account was deleted meanwhile.")
        item = _locked(item_id)
        before = item.reviews.filter(reviewer=user).first()
        if item.state != ItemState.PENDING:
            if before is not None and before.decision == decision:
                return before
            raise ReviewRefused(
                "settled", "Somebody settled that image meanwhile; here is the next one."
            )
        said = {"decision": decision, "label": decision.label_of(item.label), "note": note[:500]}
        review, _ = LabelReview.objects.update_or_create(
            item=item, reviewer=user, defaults={**said, "created_at": timezone.now()}
        )
        audit_record(
            user=user, action="label_review", subject=f"item {item.public_id}", **_plain(said)
        )
        _settle(item)
    _release(item_id, user)
    return review


def review_undo(*, user: Any) -> Item:
    """Take back the last decision of this reviewer; the item waits again.

    Raises:
        ReviewRefused: `nothing_to_undo`, `decided_since`, or `frozen` once a snapshot holds it.
    """
    with transaction.atomic():
        mine = LabelReview.objects.filter(
            reviewer=user, created_at__gt=timezone.now() - UNDO_WITHIN
        )
        last = mine.order_by("-created_at", "-pk").first()
        if last is None:
            raise ReviewRefused(
                "nothing_to_undo", "You have decided nothing in the last hour that could be undone."
            )
        item = _locked(last.item_id)
        if item.reviews.filter(created_at__gt=last.created_at).exists():
            raise ReviewRefused(
                "decided_since", "Somebody else has decided on that image since, so it stays."
            )
        if item.lines.exists():
            raise ReviewRefused("frozen", "That image is in a snapshot by now, so its label stays.")
        _reopen(item, last)
        last.delete()
        audit_record(user=user, action="label_review_undo", subject=f"item {item.public_id}")
    return item


def outcome_of(votes: list[str | None], needed: int) -> tuple[ItemState, str | None]:
    """Return what reviewers have made of an item: its state, and the label if one was agreed on.

    Args:
        votes: For each reviewer the label, or `None` for a rejection.
        needed: How many have to agree. Where two differ a third decides; three who all differ
            reject it, as disputed.
    """
    if not votes:
        return ItemState.PENDING, None
    vote, count = Counter(votes).most_common(1)[0]
    if count >= needed:
        return (ItemState.ACCEPTED if vote else ItemState.REJECTED), vote
    is_disputed = len(votes) > needed
    return (ItemState.REJECTED if is_disputed else ItemState.PENDING), None


def _queue(user: Any, dataset: Dataset | None) -> ItemQuerySet:
    """Return what waits for this reviewer."""
    queue = Item.objects.waiting()
    if dataset is not None:
        queue = queue.filter(dataset=dataset)
    # Where one word suffices, what waits with a decision comes from a time when it did not.
    return queue.not_reviewed_by(user) if settings.LABEL_REVIEWERS > 1 else queue


def _around(queue: ItemQuerySet, after: int) -> list[Item]:
    shown = queue.select_related("dataset")
    found = list(shown.filter(pk__gt=after)[:LOOK_AHEAD])
    if len(found) < LOOK_AHEAD:
        found += shown.filter(pk__lte=after)[: LOOK_AHEAD - len(found)]
    return found


def _informative(queue: ItemQuerySet, after: int) -> list[Item]:
    """Return what waits, the one from which most is learnt first; what was skipped comes last.

    The order follows from what waits and what was labelled last, and so needs not be kept.
    """
    columns = ("pk", "perceptual_hash", "analysis__p_fake", "analysis__novelty")
    waiting = [
        Candidate(pk, p_fake, novelty, shape)
        for pk, shape, p_fake, novelty in queue.values_list(*columns)[:LOOKED_THROUGH]
    ]
    labelled = LabelReview.objects.order_by("-pk").values_list("item__perceptual_hash", flat=True)
    keys = most_to_learn(waiting, known=labelled[:REMEMBERED])
    if after in keys:
        place = keys.index(after) + 1
        keys = keys[place:] + keys[:place]
    keys = keys[:LOOK_AHEAD]
    found = Item.objects.select_related("dataset").in_bulk(keys)
    return [found[key] for key in keys if key in found]


def _decided(user: Any, dataset: Dataset | None) -> int:
    """Count the items that people have reviewed and that wait for this reviewer no more."""
    reviews = LabelReview.objects.all()
    if dataset is not None:
        reviews = reviews.filter(item__dataset=dataset)
    settled = reviews.exclude(item__state=ItemState.PENDING).values("item").distinct().count()
    if settings.LABEL_REVIEWERS == 1:
        return settled
    return settled + reviews.filter(item__state=ItemState.PENDING, reviewer=user).count()


def _locked(item_id: int) -> Item:
    item = Item.objects.select_for_update().filter(pk=item_id).first()
    if item is None:
        raise ReviewRefused("gone", "That image was deleted meanwhile; here is the next one.")
    return item


def _settle(item: Item) -> None:
    votes = [
        None if review.decision == Decision.REJECT else review.label
        for review in item.reviews.all()
    ]
    state, label = outcome_of(votes, settings.LABEL_REVIEWERS)
    if state == ItemState.PENDING:
        return
    item.state, item.label = state, label or item.label
    Item.objects.filter(pk=item.pk).update(state=item.state, label=item.label)
    feedback_settle(item=item)


def _reopen(item: Item, last: LabelReview) -> None:
    if item.state == ItemState.PENDING:
        return
    # A correction is its own opposite; the others left the label as it was.
    label = Decision(last.decision).label_of(last.label)
    Item.objects.filter(pk=item.pk).update(state=ItemState.PENDING, label=label)
    feedback_reopen(item=item)


def _claim(item_id: int, user: Any) -> bool:
    """Keep an item for this reviewer, if nobody else has it; lost claims do no harm."""
    key = _claim_key(item_id)
    return bool(cache.add(key, user.pk, CLAIM_SECONDS)) or cache.get(key) == user.pk


def _release(item_id: int, user: Any) -> None:
    key = _claim_key(item_id)
    if cache.get(key) == user.pk:
        cache.delete(key)


def _claim_key(item_id: int) -> str:
    return f"label-review-{item_id}"


def _plain(said: dict[str, Any]) -> dict[str, str]:
    """Return the values of a decision as JSON takes them."""
    return {name: str(value) for name, value in said.items()}
