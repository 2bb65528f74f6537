"""What the pages about a dataset tell: figures, groups of near-copies, and what could come in."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Count, Max, Min

from detection import perceptual
from detection.models import Dataset, Item, ItemState, Label, ModelVersion, TrainingRun

MOST_ROWS = 8
MOST_PLACES = 100
SHOWN_OF_GROUP = 12


def facts(dataset: Dataset) -> dict[str, Any]:
    """Return what the overview shows."""
    items = dataset.items.all()
    states = {(row["label"], row["state"]): row["count"] for row in items.tallied("label", "state")}
    accepted = {label: states.get((label, ItemState.ACCEPTED), 0) for label in Label}
    return {
        "total": sum(states.values()),
        "labels": [
            {
                "label": label,
                "counts": [states.get((label, state), 0) for state in ItemState],
            }
            for label in Label
        ],
        "states": [state.label for state in ItemState],
        "real": accepted[Label.REAL],
        "fake": accepted[Label.FAKE],
        "pending": sum(states.get((label, ItemState.PENDING), 0) for label in Label),
        "warning": _warning(dataset, accepted),
        "formats": items.tallied("format")[:MOST_ROWS],
        "sources": items.tallied("source")[:MOST_ROWS],
        "sizes": items.tallied("width", "height")[:MOST_ROWS],
        "range": items.aggregate(
            smallest=Min("byte_size"),
            largest=Max("byte_size"),
            distinct=Count("source", distinct=True),
        ),
        "elsewhere": _elsewhere(dataset),
        "snapshots": dataset.snapshots.order_by("-number")[:MOST_ROWS],
    }


def _warning(dataset: Dataset, accepted: dict[Any, int]) -> str:
    """Return what would keep it from being learnt from or judged on, if anything does."""
    total = sum(accepted.values())
    if not total:
        return ""
    for label, count in accepted.items():
        if not count:
            other = next(one for one in Label if one != label)
            return f"All reviewed images are labelled {other.label}; the other label is missing."
        if count / total < settings.SNAPSHOT_MIN_CLASS_SHARE and not dataset.is_sealed:
            return f"Only {100 * count / total:.0f} % of the reviewed images are {label.label}."
    return ""


def _elsewhere(dataset: Dataset) -> list[dict[str, Any]]:
    """Count the files that other datasets hold as well."""
    files = dataset.items.values("sha256")
    others = Item.objects.exclude(dataset=dataset).filter(sha256__in=files)
    return others.tallied("dataset__name", "dataset__pk")


def rests_on(dataset: Dataset) -> list[str]:
    """Return in sentences what a deletion of the dataset takes something from."""
    told = []
    snapshots = dataset.snapshots.order_by("number")
    if snapshots:
        told.append(f"{_listed(snapshots)}: keep hashes, labels and this name, lose the images")
    runs = TrainingRun.objects.filter(snapshot__in=snapshots).order_by("pk")
    if runs:
        told.append(f"{_listed(runs)}: cannot be repeated on the same images")
    learnt = ModelVersion.objects.filter(run__snapshot__in=snapshots).order_by("pk")
    if learnt:
        told.append(f"{_listed(learnt)}: learnt from it; lineage names it as deleted")
    judged = ModelVersion.objects.filter(evaluations__dataset=dataset).order_by("pk").distinct()
    if judged:
        told.append(f"{_listed(judged)}: the figures measured on it are deleted")
    return told


def _listed(rows: Iterable[Any]) -> str:
    return ", ".join(map(str, rows))


def near_groups(dataset: Dataset) -> list[list[int]]:
    """Return the keys of images that look alike, the largest group first."""
    rows = list(dataset.items.order_by("pk").values_list("pk", "perceptual_hash"))
    numbers = perceptual.near_groups(np.array([shape for _, shape in rows], dtype=np.int64))
    groups: dict[int, list[int]] = defaultdict(list)
    for (pk, _), number in zip(rows, numbers.tolist(), strict=True):
        groups[number].append(pk)
    alike = [group for group in groups.values() if len(group) > 1]
    return sorted(alike, key=len, reverse=True)


def groups_with_items(groups: list[list[int]]) -> list[dict[str, Any]]:
    """Return the images of these groups, the first few of each, in one query."""
    shown = [pk for group in groups for pk in group[:SHOWN_OF_GROUP]]
    items = Item.objects.in_bulk(shown)
    return [
        {
            "items": [items[pk] for pk in group[:SHOWN_OF_GROUP] if pk in items],
            "more": max(0, len(group) - SHOWN_OF_GROUP),
            "is_mixed": len({items[pk].label for pk in group[:SHOWN_OF_GROUP] if pk in items}) > 1,
        }
        for group in groups
    ]


def places() -> list[str]:
    """Return the folders and zips that lie directly in the folder for imports."""
    root = Path(settings.DATASETS_ROOT)
    if not root.is_dir():
        return []
    found = [p for p in root.iterdir() if p.is_dir() or p.suffix.lower() == ".zip"]
    return sorted(place.name for place in found)[:MOST_PLACES]
