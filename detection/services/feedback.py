""" "This is wrong": keeps what a person says an image is, and what became of it."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from detection.image_files import ImageRejected
from detection.ml_gateway import GatewayError
from detection.models import (
    Analysis,
    Dataset,
    Feedback,
    FeedbackState,
    Item,
    ItemState,
    Label,
    Role,
    State,
    Track,
    VerdictKind,
)
from detection.models.datasets import NEWEST_WORDS
from detection.services import clock
from detection.services.audit import audit_record
from detection.services.consent import FROM_FEEDBACK, feedback_item_withdraw
from detection.services.datasets import ItemRefused, item_add
from detection.services.files import original_read
from detection.services.storage import StorageUnavailable, files_forget

# One reported image in so many is never learnt from: on these, versions are compared.
REGRESSION_SHARE = 3
DATASETS = {
    Role.TRAINING: ("Feedback", "Images that people reported as judged wrongly, to learn from."),
    Role.REGRESSION: (
        "Reported",
        "Every third image that people reported as judged wrongly; never learnt from.",
    ),
}
# An image that is on its way into a dataset: its storage is away, or its process was killed.
COMING_IN = ("coming_in", "It is still being taken in.")
COMING_AFTER = timedelta(minutes=1)
COMING_AT_ONCE = 50
# Somebody else has reported the same file: one item stands for all of them.
COPIES = ("copy_in_dataset", "contradicts_copy")
AGREES = {VerdictKind.LIKELY_AI: Label.FAKE, VerdictKind.LIKELY_REAL: Label.REAL}


class FeedbackRefused(Exception):
    """A report that cannot be taken, changed or closed."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def feedback_give(
    *, analysis: Analysis, user: Any, label: Label, note: str = "", has_consent: bool = False
) -> Feedback:
    """Keep what a person says an image is, or change it; with consent, add the image to a dataset.

    Where the storage is away the image is added later, by `feedback_sweep`.

    Raises:
        FeedbackRefused: `gone`, `no_verdict`, `same_as_verdict`, or `settled` when reviewers were
            faster than the change.
    """
    with transaction.atomic():
        feedback = _kept(analysis, user, label, note[:1000], has_consent)
    # Decoding and hashing would hold SQLite's only write lock; so the copy is made outside.
    if feedback.has_consent and feedback.item_id is None:
        with suppress(StorageUnavailable):
            _bring_in(feedback)
    return feedback


def feedback_sweep(*, now: datetime | None = None) -> int:
    """Add images to their datasets that were to come in, and whose process did not get there.

    Returns:
        How many were looked at.
    """
    before = (now or clock.now()) - COMING_AFTER
    coming = Feedback.objects.consenting().filter(item=None, refusal_code=COMING_IN[0])
    count = 0
    for feedback in coming.filter(created_at__lt=before).order_by("pk")[:COMING_AT_ONCE]:
        try:
            _bring_in(feedback)
        except StorageUnavailable:
            break
        count += 1
    return count


def feedback_withdraw(*, feedback: Feedback, user: Any) -> None:
    """Take a report back, and its image out of the datasets.

    What reviewers have settled stays in the list of reports; only the image goes.
    """
    with transaction.atomic():
        locked = _locked(pk=feedback.pk)
        if locked is None:
            return
        _take_out(locked, user)
        if locked.is_open:
            locked.delete()
        else:
            Feedback.objects.filter(pk=locked.pk).update(item=None, **_consent(None, False))


def feedback_close(*, feedback: Feedback, user: Any, agrees: bool) -> None:
    """End a report of which no image waits for review, as a reviewer sees it.

    Raises:
        FeedbackRefused: `settled`, `in_review` when its image is to be decided on first, or
            `contradicts_sealed` when it is called right and a sealed dataset says otherwise.
    """
    with transaction.atomic():
        locked = _locked(pk=feedback.pk)
        if locked is None or not locked.is_open:
            raise FeedbackRefused("settled", "This report is settled already.")
        if locked.item is not None and locked.item.state == ItemState.PENDING:
            raise FeedbackRefused(
                "in_review", "The image of this report waits in the label review; decide there."
            )
        if agrees:
            _check_sealed(locked)
        state = FeedbackState.SETTLED if agrees else FeedbackState.DISMISSED
        Feedback.objects.filter(pk=locked.pk).update(state=state, settled_at=timezone.now())
        audit_record(
            user=user, action="feedback_close", subject=f"Report {locked.pk}", state=state.value
        )


def feedback_settle(*, item: Item) -> None:
    """Tell the reports that an item stands for what reviewers made of it, in their transaction."""
    reports = Feedback.objects.open().filter(item_id=item.pk)
    now = timezone.now()
    if item.state == ItemState.ACCEPTED:
        right = reports.filter(label=item.label)
        right.update(state=FeedbackState.SETTLED, settled_at=now)
    reports.update(state=FeedbackState.DISMISSED, settled_at=now)


def feedback_reopen(*, item: Item) -> None:
    """Open the reports again whose item waits once more."""
    reports = Feedback.objects.filter(item_id=item.pk)
    reports.update(state=FeedbackState.OPEN, settled_at=None)


def role_of(sha256: str) -> Role:
    """Return what a reported image is for: its hash decides, so that every copy goes one way."""
    return Role.REGRESSION if int(sha256, 16) % REGRESSION_SHARE == 0 else Role.TRAINING


def _kept(analysis: Analysis, user: Any, label: Label, note: str, has_consent: bool) -> Feedback:
    # Locked as a deletion locks it: nothing is said of what is being deleted.
    locked = Analysis.objects.select_for_update().filter(pk=analysis.pk).first()
    _check(locked, label)
    before = _locked(analysis=locked)
    if before is not None and not before.is_open:
        raise FeedbackRefused(
            "settled", "Reviewers have settled this report meanwhile, so it stays as it was."
        )
    if before is not None and not has_consent:
        _take_out(before, user)
    said = {"user": user, "label": label, "note": note, **_consent(before, has_consent)}
    is_coming = has_consent and (before is None or before.item_id is None)
    code, sentence = COMING_IN if is_coming else ("", "")
    fresh = {"refusal_code": code, "refusal_sentence": sentence, "created_at": timezone.now()}
    feedback, _ = Feedback.objects.update_or_create(analysis=locked, defaults={**said, **fresh})
    waiting = Item.objects.waiting().filter(feedback=feedback, source=FROM_FEEDBACK)
    waiting.filter(analysis=locked).update(label=label)
    return feedback


def _consent(before: Feedback | None, has_consent: bool) -> dict[str, Any]:
    """Return what is kept of a consent: a change of the report beside it makes no new one of it."""
    if not has_consent:
        return {"has_consent": False, "consent_words": "", "consented_at": None}
    if before is not None and before.has_consent and before.consent_words == NEWEST_WORDS:
        return {"has_consent": True}
    return {"has_consent": True, "consent_words": NEWEST_WORDS, "consented_at": timezone.now()}


def _locked(**which: Any) -> Feedback | None:
    """Lock a report and, before it, its item: reviews take them in this order too."""
    found = Feedback.objects.filter(**which).first()
    if found is None:
        return None
    if found.item_id is not None:
        Item.objects.select_for_update().filter(pk=found.item_id).first()
    return Feedback.objects.select_for_update().filter(pk=found.pk).first()


def _check(analysis: Analysis | None, label: Label) -> None:
    if analysis is None:
        raise FeedbackRefused("gone", "The image was deleted meanwhile.")
    if analysis.state != State.FINISHED or analysis.track == Track.FACE or not analysis.verdict:
        raise FeedbackRefused("no_verdict", "There is no verdict yet that could be wrong.")
    if AGREES.get(VerdictKind(analysis.verdict)) == label:
        raise FeedbackRefused("same_as_verdict", "That is what the verdict says already.")


def _check_sealed(feedback: Feedback) -> None:
    """Refuse to call a report right against what versions are judged by."""
    files = Item.objects.accepted().filter(sha256=feedback.analysis.image.sha256)
    other = files.exclude(label=feedback.label).exclude(dataset__role=Role.TRAINING)
    sealed = other.select_related("dataset").first()
    if sealed is not None:
        raise FeedbackRefused(
            "contradicts_sealed",
            f"{_where(sealed)}, and the report says {feedback.get_label_display()}: correct the "
            "one that is wrong.",
        )


def _where(sealed: Item) -> str:
    """Say to staff, and to nobody else, which sealed dataset has a file as what."""
    return f"The sealed dataset “{sealed.dataset}” has this file as {sealed.get_label_display()}"


def _take_out(feedback: Feedback, user: Any) -> None:
    """Delete the item of a report, and its file once that is stored."""
    names = feedback_item_withdraw(feedback=feedback, user=user)
    Feedback.objects.filter(pk=feedback.pk).update(item=None)
    files_forget(names)


def _bring_in(feedback: Feedback) -> None:
    """Copy the image into a dataset, or keep with the report why it is not there."""
    try:
        item = _item_of(feedback)
    except (ItemRefused, ImageRejected, GatewayError) as refused:
        _keep_refusal(feedback, refused.code, refused.sentence)
    else:
        _link(feedback, item)


def _item_of(feedback: Feedback) -> Item:
    """Return the item of this image in the dataset that its hash decides on."""
    image = feedback.analysis.image
    sealed = Item.objects.filter(sha256=image.sha256, dataset__role=Role.TEST)
    if first := sealed.select_related("dataset").first():
        code = "sealed_copy" if first.label == feedback.label else "contradicts_sealed"
        raise ItemRefused(code, f"{_where(first)}.")
    dataset = _dataset(role_of(image.sha256), feedback.user)
    try:
        return item_add(
            dataset=dataset,
            content=original_read(image),
            file_name=image.file_name,
            label=Label(feedback.label),
            state=ItemState.PENDING,
            source=FROM_FEEDBACK,
            analysis=feedback.analysis,
            user=feedback.user,
        )
    except ItemRefused as refused:
        there = dataset.items.filter(sha256=image.sha256).first()
        if refused.code not in COPIES or there is None:
            raise
        return there


def _dataset(role: Role, user: Any) -> Dataset:
    """Return the dataset for reported images of this role; it is made with the first of them."""
    name, description = DATASETS[role]
    with transaction.atomic():
        dataset, is_new = Dataset.objects.get_or_create(
            name=name, defaults={"role": role, "description": description}
        )
        if is_new:
            audit_record(user=user, action="dataset_create", subject=dataset, role=role.value)
    if dataset.role != role:
        raise ItemRefused(
            "dataset_role",
            f"The dataset “{name}” has the role “{Role(dataset.role).label}”, and reported images "
            f"for the role “{role.label}” cannot go there.",
        )
    return dataset


def _link(feedback: Feedback, item: Item) -> None:
    """Tie report and item together, unless the person took the report back meanwhile."""
    with transaction.atomic():
        locked = Item.objects.select_for_update().filter(pk=item.pk).first()
        linked = {"item": locked, "refusal_code": "", "refusal_sentence": ""}
        is_kept = Feedback.objects.consenting().filter(pk=feedback.pk).update(**linked)
        for name, value in linked.items():
            setattr(feedback, name, value)
        if locked is not None and not is_kept:
            _take_out(feedback, feedback.user)
        elif locked is not None and locked.state != ItemState.PENDING:
            feedback_settle(item=locked)


def _keep_refusal(feedback: Feedback, code: str, sentence: str) -> None:
    feedback.refusal_code, feedback.refusal_sentence = code, sentence[:500]
    kept = {"refusal_code": code, "refusal_sentence": sentence[:500]}
    Feedback.objects.filter(pk=feedback.pk).update(**kept)
