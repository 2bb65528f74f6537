"""Frozen, hashed lists of labelled images, each on its side of the split."""

from collections.abc import Iterable
from typing import NamedTuple, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from detection.models.datasets import Dataset, Item, Label


class Split(models.TextChoices):
    """On which side of a snapshot an item is."""

    TRAIN = "train", "Training"
    VALIDATION = "validation", "Validation"
    TEST = "test", "Held-out test"


class Origin(NamedTuple):
    """A dataset that a snapshot was frozen of: its name then, and itself while it is there."""

    name: str
    dataset: Dataset | None


class SnapshotQuerySet(models.QuerySet["Snapshot"]):
    """Reads of snapshots."""

    def divided(self) -> Self:
        """Those with sides: a network learns from one and is chosen by another."""
        return self.filter(models.Exists(self._held_back()))

    def undivided(self) -> Self:
        """Those that are learnt from as a whole: a fit holds each picture out in its turn."""
        return self.filter(~models.Exists(self._held_back()))

    def _held_back(self) -> models.QuerySet["SnapshotItem"]:
        lines = SnapshotItem.objects.filter(snapshot=models.OuterRef("pk"))
        return lines.exclude(split=Split.TRAIN)


class Snapshot(models.Model):
    """A frozen, hashed list of items with their labels and sides; never changed afterwards."""

    number = models.PositiveIntegerField(unique=True)
    # Over the sorted lines "sha256 label split" of its items.
    sha256 = models.CharField("sha256", max_length=64)
    datasets = models.ManyToManyField(Dataset, related_name="snapshots")
    # Seed and shares of the sides, and what was found, datasets by name too, as these may be
    # deleted: see services.snapshots.
    options = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    note = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField("frozen", default=timezone.now, editable=False)

    objects = SnapshotQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"Snapshot {self.number}"

    @property
    def origins(self) -> list[Origin]:
        """What it was frozen of, deleted datasets too."""
        return self.origins_among(self.datasets.all())

    def origins_among(self, datasets: Iterable[Dataset]) -> list[Origin]:
        """What it was frozen of, where these of its datasets are there today."""
        today = {dataset.pk: dataset for dataset in datasets}
        frozen = self.counts.get("datasets", [])
        named = [Origin(row["name"], today.pop(row["pk"], None)) for row in frozen]
        return named + [Origin(dataset.name, dataset) for dataset in today.values()]


class SnapshotItemQuerySet(models.QuerySet["SnapshotItem"]):
    """Reads of the lines of snapshots."""

    def learnt_from(self) -> Self:
        """Those that runs learn from or choose by: on them no version may be judged."""
        return self.filter(split__in=(Split.TRAIN, Split.VALIDATION))


class SnapshotItem(models.Model):
    """One line of a snapshot; its hash stays when the image itself is deleted."""

    snapshot = models.ForeignKey(Snapshot, models.CASCADE, related_name="lines")
    item = models.ForeignKey(Item, models.SET_NULL, null=True, related_name="lines")
    # Looked up by itself whenever a sealed dataset takes images.
    sha256 = models.CharField("sha256", max_length=64, db_index=True)
    label = models.CharField(max_length=8, choices=Label)
    split = models.CharField(max_length=16, choices=Split)
    # Copies and near-copies of one image share it, and a side.
    group = models.PositiveIntegerField()

    objects = SnapshotItemQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "sha256"], name="snapshot_line_once"),
        ]

    def __str__(self) -> str:
        return f"{self.sha256[:12]} {self.label} {self.split}"
