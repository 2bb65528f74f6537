"""Takes copies of an image out of the datasets again, when the person no longer agrees."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db.models import Q

from detection.models import Analysis, Feedback, Item, SubmittedImage
from detection.models.datasets import FeedbackQuerySet, ItemQuerySet
from detection.services.audit import audit_record

# The source of items that people's reports have brought.
FROM_FEEDBACK = "feedback"


def consent_told(feedback: Feedback) -> dict[str, str] | None:
    """Return who agrees when to which words, for people; `None` where nobody does.

    Consent from before the words were kept has none.
    """
    if not feedback.has_consent:
        return None
    return {
        "who": str(feedback.user or "a deleted account"),
        "when": feedback.consented_at.isoformat() if feedback.consented_at else "",
        "version": feedback.consent_words,
        "words": feedback.agreed_words,
    }


def images_withdraw(*, images: Iterable[SubmittedImage]) -> list[str]:
    """Delete the items that were made of images which are about to be deleted.

    Called in the transaction of that deletion. What somebody else has handed in too, and agrees
    to, stays. A snapshot that holds such an item keeps its hash and label, and nothing else.

    Returns:
        The files that are to be deleted once this is committed.
    """
    analyses = Analysis.objects.filter(image__in=list(images))
    made_of_them = Q(analysis__in=analyses)
    reported = Q(feedback__analysis__in=analyses, source=FROM_FEEDBACK)
    items = Item.objects.filter(made_of_them | reported)
    others = Feedback.objects.consenting().exclude(analysis__in=analyses)
    return _withdrawn(items, others, user=None)


def feedback_item_withdraw(*, feedback: Feedback, user: Any) -> list[str]:
    """Delete the item that a report has brought, unless another report agrees to its use.

    Called in a transaction.

    Returns:
        The files that are to be deleted once this is committed.
    """
    brought = Q(pk=feedback.item_id or 0, source=FROM_FEEDBACK)
    # Staff may have taken the image in themselves, on the strength of this consent.
    taken_in = Q(analysis=feedback.analysis_id) & ~Q(added_by=feedback.analysis.owner_id)
    items = Item.objects.filter(brought | taken_in)
    others = Feedback.objects.consenting().exclude(pk=feedback.pk)
    return _withdrawn(items, others, user=user)


def _withdrawn(items: ItemQuerySet, others: FeedbackQuerySet, *, user: Any) -> list[str]:
    found = sorted(set(items.values_list("pk", flat=True)))
    if not found:
        return []
    locked = Item.objects.select_for_update().filter(pk__in=found).order_by("pk")
    by_item = {item.pk: item for item in locked}
    reports = others.filter(item__in=by_item).select_related("analysis__image")
    agreed = {report.item_id: report for report in reports if report.item_id is not None}
    for item_id, report in agreed.items():
        # From now on it is there by that report, goes with that image, and is called as that one.
        Item.objects.filter(pk=item_id).update(
            analysis_id=report.analysis_id,
            added_by_id=report.user_id,
            file_name=report.analysis.image.file_name,
        )
    gone = [item for pk, item in by_item.items() if pk not in agreed]
    _record(gone, user)
    Item.objects.filter(pk__in=[item.pk for item in gone]).delete()
    return [item.file.name for item in gone if item.file.name]


def _record(gone: list[Item], user: Any) -> None:
    """Write down how many items left which dataset, and nothing of what they showed."""
    for dataset_id, count in Counter(item.dataset_id for item in gone).items():
        dataset = next(item.dataset for item in gone if item.dataset_id == dataset_id)
        audit_record(user=user, action="consent_withdraw", subject=dataset, items=count)
