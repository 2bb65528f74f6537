"""What a run learns from: the lines of its snapshot, and which of them its base never saw."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.core.files.storage import default_storage
from django.db.models import Count, QuerySet

from detection.ml_gateway import Base, PhotoItem, TrainingItem
from detection.models import Item, ModelVersion, Snapshot, SnapshotItem, Split, TrainingRun
from detection.services.signatures import version_verify

# The dataset that the models that ship were trained on.
SHIPPED_DATA = "CIFAKE"


def base_of(version: ModelVersion | None) -> Base | None:
    """Return a version as the science takes it to go on from."""
    return Base(version.directory, version.spec, version.label) if version else None


def base_at_hand(version: ModelVersion | None) -> Base | None:
    """Return the same with its files on this machine and verified, for whoever reads them.

    Raises:
        GatewayError: When it is not what was registered, or its files are gone.
        StorageUnavailable: When they have to be fetched, and the storage is away.
    """
    if version is not None:
        version_verify(version=version)
    return base_of(version)


def label_counts(snapshot: Snapshot) -> dict[tuple[str, str], int]:
    """Return how many images are on each side with each label, those that are gone left out."""
    lines = SnapshotItem.objects.filter(snapshot=snapshot, item__isnull=False)
    counted = lines.order_by().values_list("split", "label").annotate(count=Count("pk"))
    return {(split, label): count for split, label, count in counted}


def training_items(snapshot: Snapshot, split: Split) -> list[TrainingItem]:
    """Return one side of a snapshot; images that were deleted since are left out."""
    lines = SnapshotItem.objects.filter(snapshot=snapshot, split=split, item__isnull=False)
    rows = lines.values_list("item__file_name", "label", "item__file")
    return [TrainingItem(name, label, _reader(file)) for name, label, file in rows]


def photo_items(snapshot: Snapshot) -> list[PhotoItem]:
    """Return all lines of a snapshot; images that were deleted since are left out."""
    rows = SnapshotItem.objects.filter(snapshot=snapshot, item__isnull=False)
    columns = ("item__file_name", "label", "item__file", "item__source", "group")
    return [
        PhotoItem(name, label, _reader(file), source, str(group))
        for name, label, file, source, group in rows.values_list(*columns)
    ]


def withdrawn_count(snapshot: Snapshot) -> int:
    """Return how many images of a snapshot were deleted after it was frozen."""
    return SnapshotItem.objects.filter(snapshot=snapshot, item=None).count()


def new_hashes(run: TrainingRun) -> frozenset[str] | None:
    """Return the content hashes that the base version was not trained on; `None` without a base.

    A version that was made here knows its snapshot. One that ships knows CIFAKE: the dataset of
    that name.
    """
    if run.base_version is None:
        return None
    lines = SnapshotItem.objects.filter(snapshot=run.snapshot, split=Split.TRAIN)
    made_by = TrainingRun.objects.filter(version=run.base_version).first()
    known: QuerySet[Any, Any] = (
        made_by.snapshot.lines.values("sha256")
        if made_by
        else Item.objects.filter(dataset__name__iexact=SHIPPED_DATA).values("sha256")
    )
    return frozenset(lines.exclude(sha256__in=known).values_list("sha256", flat=True))


def _reader(name: str) -> Callable[[], bytes]:
    return partial(_read, name)


def _read(name: str) -> bytes:
    with default_storage.open(name) as file:
        return cast("bytes", file.read())
