"""Which labelled images may be learnt from: each file once, with one label, and nothing sealed."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from detection import perceptual
from detection.models import Dataset, Item, Role

AT_ONCE = 2000


class Row(NamedTuple):
    """An accepted item, as the database gives it."""

    pk: int
    sha256: str
    label: str
    perceptual_hash: int
    file_name: str


@dataclass(slots=True)
class Sifted:
    """The rows that may be learnt from, and how many were left out why."""

    rows: list[Row]
    left_out: Counter[str] = field(default_factory=Counter)
    conflicts: list[str] = field(default_factory=list)


def sifted(datasets: list[Dataset], *, photographs_alone: bool = False) -> Sifted:
    """Return what may be learnt from; of photographs alone where only these count."""
    columns = ("pk", "sha256", "label", "perceptual_hash", "file_name")
    accepted = Item.objects.accepted().filter(dataset__in=datasets).order_by("pk")
    large = accepted.photographs() if photographs_alone else accepted
    rows = [Row(*row) for row in large.values_list(*columns).iterator(AT_ONCE)]
    sealed = Item.objects.exclude(dataset__role=Role.TRAINING)
    kept = _without_copies(rows)
    if photographs_alone:
        kept.left_out["too_small"] = accepted.count() - len(rows)
    _leave_out_sealed(kept, list(sealed.values_list("sha256", "perceptual_hash")))
    return kept


def _without_copies(rows: list[Row]) -> Sifted:
    """Leave one row of each file, and none of a file with two labels."""
    labels: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        labels[row.sha256].add(row.label)
    kept, seen = Sifted([]), set()
    for row in rows:
        if len(labels[row.sha256]) > 1:
            kept.left_out["label_conflicts"] += 1
            kept.conflicts.append(row.file_name)
        elif row.sha256 in seen:
            kept.left_out["copies"] += 1
        else:
            seen.add(row.sha256)
            kept.rows.append(row)
    return kept


def _leave_out_sealed(kept: Sifted, sealed: list[tuple[str, int]]) -> None:
    """Leave out what is in a sealed dataset, or looks as if it were."""
    files = {sha256 for sha256, _ in sealed}
    rows = [row for row in kept.rows if row.sha256 not in files]
    kept.left_out["sealed_copies"] = len(kept.rows) - len(rows)
    is_near = perceptual.near_any(hashes_of(rows), np.array([h for _, h in sealed], np.int64))
    kept.left_out["sealed_near_copies"] = int(is_near.sum())
    kept.rows = [row for row, near in zip(rows, is_near, strict=True) if not near]


def hashes_of(rows: list[Row]) -> perceptual.Hashes:
    """Return the perceptual hashes of rows, in their order."""
    return np.array([row.perceptual_hash for row in rows], dtype=np.int64)
