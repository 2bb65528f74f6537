"""Datasets and their items: made, changed, added to and deleted, rows and files alike."""

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction

from detection.image_files import ImageRejected
from detection.ml_gateway import GatewayError
from detection.models import (
    Analysis,
    Dataset,
    Evaluation,
    Feedback,
    Item,
    ItemState,
    Label,
    Role,
    SnapshotItem,
)
from detection.models.datasets import ItemQuerySet
from detection.services.audit import audit_record
from detection.services.files import original_read
from detection.services.items import (
    Draft,
    ItemRefused,
    draft_make,
    draft_refusal,
    files_stored,
    known_among,
)
from detection.services.pending import Note
from detection.services.storage import files_forget

__all__ = [
    "DatasetRefused",
    "ItemRefused",
    "dataset_create",
    "dataset_delete",
    "dataset_update",
    "item_add",
    "items_add_from_analyses",
    "items_delete",
]

# So many items are deleted in one transaction.
AT_ONCE = 1000


class DatasetRefused(Exception):
    """A dataset stays as it is; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def dataset_create(*, user: Any, name: str, role: str, description: str = "") -> Dataset:
    """Make an empty dataset.

    Raises:
        DatasetRefused: `name_taken`.
    """
    dataset = Dataset(name=name, role=role, description=description, created_by=user)
    with transaction.atomic():
        _save(dataset)
        audit_record(user=user, action="dataset_create", subject=dataset, role=role)
    return dataset


def dataset_update(
    *, dataset: Dataset, user: Any, name: str, role: str, description: str
) -> Dataset:
    """Change what a dataset is called and, as long as that betrays no test, what it is for.

    Raises:
        DatasetRefused: `name_taken`, `sealed` or `learnt_from`.
    """
    with transaction.atomic():
        dataset = Dataset.objects.select_for_update().get(pk=dataset.pk)
        before = {"name": dataset.name, "role": dataset.role}
        if role != dataset.role:
            _check_role(dataset, role)
        dataset.name, dataset.role, dataset.description = name, role, description
        _save(dataset)
        audit_record(user=user, action="dataset_update", subject=dataset, before=before, role=role)
    return dataset


def dataset_delete(*, dataset: Dataset, user: Any) -> int:
    """Delete a dataset with items, imports, evaluations and files; snapshots keep the hashes.

    Returns:
        How many items were deleted.
    """
    # Emptied in steps, each whole by itself: 100,000 rows in one transaction would hold up others.
    count = sum(_chunks_deleted(dataset.items.all()))
    with transaction.atomic():
        names = list(dataset.imports.exclude(archive="").values_list("archive", flat=True))
        on_it = Evaluation.objects.filter(dataset=dataset)
        names += on_it.values_list("answers", flat=True)
        names += dataset.items.values_list("file", flat=True)
        audit_record(user=user, action="dataset_delete", subject=dataset, items=count)
        dataset.delete()
        files_forget(names)
    return count


def item_add(
    *,
    dataset: Dataset,
    content: bytes,
    file_name: str,
    label: str,
    state: str,
    source: str = "",
    analysis: Analysis | None = None,
    user: Any = None,
) -> Item:
    """Add one labelled image to a dataset.

    Raises:
        ImageRejected: The file is no image that can be read.
        ItemRefused: `copy_in_dataset`, `contradicts_copy`, `sealed_copy`, `contradicts_sealed`,
            `learnt_from`, `disk_full`, `storage_failed` or `dataset_gone`.
    """
    draft = draft_make(content=content, file_name=file_name, label=label)
    _check_known(dataset, draft)
    with files_stored([draft]) as note:
        item = draft.item(dataset, *note.names)
        item.state, item.source, item.analysis, item.added_by = state, source, analysis, user
        try:
            _item_save(item, user, note)
        except IntegrityError:
            # Somebody was quicker with the same file, or the dataset is gone.
            _check_known(dataset, draft)
            raise ItemRefused("dataset_gone", "The dataset was deleted meanwhile.") from None
    return item


def items_add_from_analyses(
    *, dataset: Dataset, analyses: Iterable[Analysis], label: str, user: Any, source: str = ""
) -> tuple[list[Item], list[tuple[Analysis, str]]]:
    """Add images that were handed in for a verdict; whoever adds them vouches for the label.

    One's own, and those whose owners have agreed that they are learnt from; nobody else's. Without
    a label each waits for a review, labelled as its verdict leans.

    Returns:
        The new items, and those analyses whose image was not added, each with a sentence.
    """
    added: list[Item] = []
    refused: list[tuple[Analysis, str]] = []
    for analysis in analyses:
        try:
            added.append(_add_from_analysis(dataset, analysis, label, user, source))
        except (ItemRefused, ImageRejected) as error:
            refused.append((analysis, error.sentence))
    return added, refused


def items_delete(*, items: ItemQuerySet, user: Any) -> int:
    """Delete items with their reviews and files; lines of snapshots keep their hashes.

    Returns:
        How many items were deleted.
    """
    count = sum(_chunks_deleted(items))
    if count:
        audit_record(user=user, action="items_delete", subject=f"{count} items", count=count)
    return count


def _save(dataset: Dataset) -> None:
    if Dataset.objects.filter(name=dataset.name).exclude(pk=dataset.pk).exists():
        raise DatasetRefused("name_taken", "Another dataset has this name.")
    dataset.save()


def _check_role(dataset: Dataset, role: str) -> None:
    """Refuse a change of role by which something judged on was or would be learnt from."""
    if dataset.is_sealed and role == Role.TRAINING and dataset.items.exists():
        raise DatasetRefused(
            "sealed",
            "Versions were or will be judged on these images, so nothing may learn from them.",
        )
    # By file: of copies in two datasets a snapshot names only one, and of deleted images none.
    in_snapshots = SnapshotItem.objects.filter(sha256__in=dataset.items.values("sha256"))
    if role != Role.TRAINING and not dataset.is_sealed and in_snapshots.exists():
        raise DatasetRefused(
            "learnt_from",
            "Images of this dataset are in a snapshot: no test may be made of what was learnt.",
        )


def _check_known(dataset: Dataset, draft: Draft) -> None:
    known = known_among([draft.sha256], dataset=dataset)
    refusal = draft_refusal(draft, dataset=dataset, known=known)
    if refusal:
        raise refusal


def _item_save(item: Item, user: Any, note: Note) -> None:
    with transaction.atomic():
        item.save()
        note.settle()
        audit_record(
            user=user,
            action="item_add",
            subject=f"item {item.public_id}",
            dataset=item.dataset.name,
            # A person's own image may be taken back, and then nothing may tell which it was.
            sha256="" if item.analysis_id else item.sha256,
            label=item.label,
            state=item.state,
        )


def _add_from_analysis(
    dataset: Dataset, analysis: Analysis, label: str, user: Any, source: str
) -> Item:
    if not _may_be_used(analysis, user):
        raise ItemRefused("no_consent", "Its owner has not agreed that it is used for training.")
    try:
        content = original_read(analysis.image)
    except GatewayError as error:
        raise ItemRefused(error.code, error.sentence) from None
    return item_add(
        dataset=dataset,
        content=content,
        file_name=analysis.image.file_name,
        label=label or (Label.FAKE if (analysis.p_fake or 0) >= 0.5 else Label.REAL),
        state=ItemState.ACCEPTED if label else ItemState.PENDING,
        source=source,
        analysis=analysis,
        user=user,
    )


def _may_be_used(analysis: Analysis, user: Any) -> bool:
    """Tell whether an image is one's own, or its owner has agreed."""
    is_own = analysis.image.submission.owner_id == user.pk
    return is_own or Feedback.objects.consenting().filter(analysis=analysis).exists()


def _chunks_deleted(items: ItemQuerySet) -> Iterable[int]:
    """Delete in steps and yield how many each deleted."""
    while chosen := list(items.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        yield _deleted(chosen)


def _deleted(chosen: list[int]) -> int:
    with transaction.atomic():
        rows = Item.objects.select_for_update().filter(pk__in=chosen)
        names = list(rows.values_list("file", flat=True))
        rows.delete()
        # Files go only once the rows are gone for good.
        files_forget(names)
    return len(names)
