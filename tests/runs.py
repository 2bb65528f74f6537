"""Snapshots and runs for tests: small noisy squares, reddish ones FAKE, bluish ones REAL."""

import hashlib
from typing import Any

import numpy as np
from PIL import Image

from detection.models import (
    Dataset,
    ItemState,
    Label,
    ModelVersion,
    Snapshot,
    SnapshotItem,
    Split,
    TrainingRun,
)
from detection.services.datasets import item_add
from detection.services.training import run_execute, run_request
from portal.models import User
from tests import images

WORKER = "training@tests"
QUICK: dict[str, Any] = {"epochs": 2, "batch_size": 8, "peak_learning_rate": 1e-3, "seed": 7}
SIDES = {Split.TRAIN: 40, Split.VALIDATION: 16, Split.TEST: 8}


def square(label: Label, seed: int, side: int = 32) -> bytes:
    """A file that a tiny network can learn to tell from those of the other label."""
    rng = np.random.default_rng([seed, label == Label.FAKE])
    pixels = rng.integers(60, 180, (side, side, 3))
    pixels[..., 0 if label == Label.FAKE else 2] += 60
    return images.encoded(Image.fromarray(pixels.astype(np.uint8)), "PNG")


def dataset(name: str = "Squares", *, count: int = 64, first: int = 0) -> Dataset:
    """A training dataset with reviewed squares, half of each label."""
    made = Dataset.objects.create(name=name)
    for number in range(first, first + count):
        label = (Label.REAL, Label.FAKE)[number % 2]
        item_add(
            dataset=made,
            content=square(label, number),
            file_name=f"{number}.png",
            label=label,
            state=ItemState.ACCEPTED,
        )
    return made


def snapshot(of: Dataset | None = None, *, sides: dict[Split, int] = SIDES) -> Snapshot:
    """A snapshot with so many images on each side; the dataset's items in their order."""
    of = of or dataset(count=sum(sides.values()))
    items = list(of.items.order_by("pk"))
    splits = [split for split, count in sides.items() for _ in range(count)]
    number = Snapshot.objects.count() + 1
    made = Snapshot.objects.create(
        number=number, sha256=hashlib.sha256(f"{number}".encode()).hexdigest()
    )
    made.datasets.add(of)
    SnapshotItem.objects.bulk_create(
        SnapshotItem(
            snapshot=made, item=item, sha256=item.sha256, label=item.label, split=split, group=index
        )
        for index, (item, split) in enumerate(zip(items, splits, strict=True))
    )
    return made


def requested(
    user: User | None,
    of: Snapshot | None = None,
    *,
    base: ModelVersion | None = None,
    **config: Any,
) -> TrainingRun:
    """A run that waits: the tiny network, two short epochs."""
    return run_request(
        snapshot=of or snapshot(),
        user=user,
        architecture="tiny",
        base_version=base,
        config={**QUICK, **config},
    )


def carried_out(run: TrainingRun) -> TrainingRun:
    """The run after the worker had it."""
    run_execute(run_id=run.pk, worker=WORKER, is_threaded=False)
    run.refresh_from_db()
    return run
