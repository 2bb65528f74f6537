"""Freezes labelled images into a hashed list, each on its side of the split."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max, ProtectedError

from detection import perceptual, splitting
from detection.models import Dataset, Label, Snapshot, SnapshotItem, Split
from detection.services.audit import audit_record
from detection.services.items import name_of
from detection.services.sifting import Row, Sifted, hashes_of, sifted

# Of so many earlier snapshots the sides are remembered.
REMEMBERED = 10
LISTED_CONFLICTS = 20
AT_ONCE = 2000


class SnapshotRefused(Exception):
    """Nothing is frozen; `code` is for programs, `sentence` for people.

    `snapshot` is the one that holds the same already, where the code is `unchanged`.
    """

    def __init__(self, code: str, sentence: str, snapshot: Snapshot | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.snapshot = snapshot


class Line(NamedTuple):
    """An item with its side and the number that its near-copies share."""

    row: Row
    split: str
    group: int

    @property
    def text(self) -> str:
        """What is hashed of it."""
        return f"{self.row.sha256} {self.row.label} {self.split}"


def snapshot_freeze(
    *,
    datasets: Iterable[Dataset],
    user: Any,
    seed: int = 7,
    validation_share: float = 0.06,
    test_share: float = 0.1,
    note: str = "",
    for_fit: bool = False,
) -> Snapshot:
    """Freeze the reviewed images of training datasets into a hashed list with sides.

    For a fit photographs alone are frozen, and all to be learnt from: it holds each out in its
    turn, and near-copies together.

    Files that are in a sealed dataset, and near-copies of such, are left out. So is a file that
    two datasets label differently: which of them is right is for people to settle.

    Raises:
        SnapshotRefused: `no_dataset`, `sealed_dataset`, `bad_shares`, `too_few_images`,
            `one_class`, `unbalanced`, `too_few_groups`, `unchanged` or `changed_meanwhile`.
    """
    datasets = list(datasets)
    shares = {Split.VALIDATION.value: validation_share, Split.TEST.value: test_share}
    _check_datasets(datasets)
    if not for_fit:
        _check_shares(shares)
    kept = sifted(datasets, photographs_alone=for_fit)
    _check_counts(kept.rows)
    lines = _lines(kept.rows, seed, {} if for_fit else shares)
    digest = lines_hash(lines)
    same = Snapshot.objects.filter(sha256=digest).first()
    if same is not None:
        raise SnapshotRefused("unchanged", f"{same} holds exactly these images already.", same)
    snapshot = Snapshot(
        sha256=digest,
        note=note,
        created_by=user,
        options={
            **({} if for_fit else {"seed": seed, **_named_shares(shares)}),
            "near": perceptual.NEAR,
        },
        counts={
            **_counts(lines, kept),
            "difference": _difference(lines, for_fit=for_fit),
            "datasets": [{"pk": dataset.pk, "name": dataset.name} for dataset in datasets],
        },
    )
    return _stored(snapshot, datasets, lines, user)


def snapshot_delete(*, snapshot: Snapshot, user: Any) -> None:
    """Delete a snapshot that nothing was trained on.

    Raises:
        SnapshotRefused: `in_use`.
    """
    try:
        with transaction.atomic():
            audit_record(user=user, action="snapshot_delete", subject=snapshot)
            snapshot.delete()
    except ProtectedError:
        raise SnapshotRefused(
            "in_use", "A training run learnt from this snapshot, so it stays."
        ) from None


def lines_hash(lines: Iterable[Line]) -> str:
    """Return the sha256 over the sorted lines: the same images, labels and sides, the same hash."""
    digest = hashlib.sha256()
    for text in sorted(line.text for line in lines):
        digest.update(f"{text}\n".encode())
    return digest.hexdigest()


def _check_datasets(datasets: list[Dataset]) -> None:
    if not datasets:
        raise SnapshotRefused("no_dataset", "Choose at least one training dataset.")
    for dataset in datasets:
        if dataset.is_sealed:
            raise SnapshotRefused(
                "sealed_dataset", f"{dataset} is sealed: nothing may learn from it."
            )


def _check_shares(shares: dict[str, float]) -> None:
    if min(shares.values()) <= 0 or sum(shares.values()) > 0.5:
        raise SnapshotRefused(
            "bad_shares",
            "Validation and test need a share each, and at most half of the images together.",
        )


def _check_counts(rows: list[Row]) -> None:
    counts = Counter(row.label for row in rows)
    if len(rows) < settings.SNAPSHOT_MIN_IMAGES:
        raise SnapshotRefused(
            "too_few_images",
            f"There are {len(rows)} reviewed images that may be learnt from; at least "
            f"{settings.SNAPSHOT_MIN_IMAGES} are needed.",
        )
    for label in Label:
        share = counts[label] / len(rows)
        if not counts[label]:
            raise SnapshotRefused("one_class", f"No image is labelled {label.label}.")
        if share < settings.SNAPSHOT_MIN_CLASS_SHARE:
            raise SnapshotRefused(
                "unbalanced",
                f"Only {100 * share:.0f} % of the images are labelled {label.label}; at least "
                f"{100 * settings.SNAPSHOT_MIN_CLASS_SHARE:.0f} % are needed.",
            )


def _lines(rows: list[Row], seed: int, shares: dict[str, float]) -> list[Line]:
    """Return each row with its side; without shares, all are learnt from."""
    _, groups = np.unique(perceptual.near_groups(hashes_of(rows)), return_inverse=True)
    members = [
        splitting.Member(row.sha256, row.label, group)
        for row, group in zip(rows, groups.tolist(), strict=True)
    ]
    if not shares:
        return [
            Line(row, Split.TRAIN, member.group + 1)
            for row, member in zip(rows, members, strict=True)
        ]
    try:
        sides = splitting.split(members, seed=seed, shares=shares, earlier=_earlier_sides(seed))
    except splitting.EmptySide as empty:
        raise SnapshotRefused(
            "too_few_groups",
            f"Too few different images are labelled {name_of(empty.label)}: copies and "
            f"near-copies stay on one side, and none was left for "
            f"{Split(empty.side).label.lower()}.",
        ) from None
    return [
        Line(row, sides[row.sha256], member.group + 1)
        for row, member in zip(rows, members, strict=True)
    ]


def _earlier_sides(seed: int) -> dict[str, str]:
    """Return the side that each file had in the newest snapshot with this seed that has it."""
    recent = Snapshot.objects.order_by("-number").values_list("pk", "options")[:REMEMBERED]
    sides: dict[str, str] = {}
    for pk, options in reversed(recent):
        if options.get("seed") == seed:
            lines = SnapshotItem.objects.filter(snapshot_id=pk)
            sides.update(lines.values_list("sha256", "split"))
    return sides


def _counts(lines: list[Line], kept: Sifted) -> dict[str, Any]:
    """Return what a snapshot's page tells."""
    labels = Counter(line.row.label for line in lines)
    sides = Counter((line.split, line.row.label) for line in lines)
    groups = len({line.group for line in lines})
    return {
        "images": len(lines),
        **{label.value: labels[label] for label in Label},
        "sides": {
            side.value: {label.value: sides[side, label] for label in Label} for side in Split
        },
        "groups": groups,
        "near_copies": len(lines) - groups,
        "left_out": dict(kept.left_out),
        "conflicts": kept.conflicts[:LISTED_CONFLICTS],
    }


def _difference(lines: list[Line], *, for_fit: bool) -> dict[str, Any]:
    """Compare with the newest snapshot of the same kind."""
    alike = Snapshot.objects.undivided() if for_fit else Snapshot.objects.divided()
    previous = alike.order_by("-number").first()
    if previous is None:
        return {"to": None}
    columns = SnapshotItem.objects.filter(snapshot=previous)
    before = {
        s: (label, side) for s, label, side in columns.values_list("sha256", "label", "split")
    }
    now = {line.row.sha256: (line.row.label, line.split) for line in lines}
    both = before.keys() & now.keys()
    return {
        "to": previous.number,
        "added": len(now.keys() - before.keys()),
        "removed": len(before.keys() - now.keys()),
        "relabelled": sum(before[sha256][0] != now[sha256][0] for sha256 in both),
        "moved": sum(before[sha256][1] != now[sha256][1] for sha256 in both),
    }


def _named_shares(shares: dict[str, float]) -> dict[str, float]:
    return {f"{side}_share": share for side, share in shares.items()}


def _stored(snapshot: Snapshot, datasets: list[Dataset], lines: list[Line], user: Any) -> Snapshot:
    try:
        with transaction.atomic():
            newest = Snapshot.objects.aggregate(newest=Max("number"))["newest"] or 0
            snapshot.number = newest + 1
            snapshot.save()
            snapshot.datasets.set(datasets)
            SnapshotItem.objects.bulk_create(
                (_row(snapshot, line) for line in lines), batch_size=AT_ONCE
            )
            audit_record(
                user=user,
                action="snapshot_freeze",
                subject=snapshot,
                sha256=snapshot.sha256,
                images=len(lines),
                datasets=[dataset.name for dataset in datasets],
            )
    except IntegrityError:
        raise SnapshotRefused(
            "changed_meanwhile",
            "Images or snapshots have changed while this was frozen: try once more.",
        ) from None
    return snapshot


def _row(snapshot: Snapshot, line: Line) -> SnapshotItem:
    return SnapshotItem(
        snapshot=snapshot,
        item_id=line.row.pk,
        sha256=line.row.sha256,
        label=line.row.label,
        split=line.split,
        group=line.group,
    )
