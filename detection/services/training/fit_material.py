"""What there is for a fit: photographs of each class and source, and copies among them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.conf import settings

from detection import perceptual
from detection.models import Dataset, Item, Label, Snapshot, TrainingRun
from detection.models.datasets import ItemQuerySet

# Where nothing was fitted here yet: what two busy cores take to make the network ready, and for
# each picture, its share of the validation included.
USUAL_START_SECONDS = 15.0
USUAL_PICTURE_SECONDS = 0.4
# So many files are named to people.
NAMED = 3


@dataclass(frozen=True, slots=True)
class SourceCount:
    """A source of reviewed photographs; its name is empty where nobody has said any."""

    name: str
    real: int
    fake: int


@dataclass(frozen=True, slots=True)
class Alike:
    """What among the photographs is no picture of its own, by their coarse shapes.

    Attributes:
        distinct: How many there are of each class, a group of near-copies counted once.
        near_copies: How many are near-copies of others.
        datasets: Keys of the datasets that hold such, in order.
        mixed: Groups of near-copies that carry both labels.
        contradictory: Names of files that are there with both labels.
    """

    distinct: dict[Label, int]
    near_copies: int = 0
    datasets: tuple[int, ...] = ()
    mixed: int = 0
    contradictory: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to fit on.

    Attributes:
        real, fake: Reviewed photographs of each class.
        small: Reviewed images that are too small to be looked at, and are left out.
        sources: The same by source, the largest first.
        least: How many of each class it takes.
        alike: Which of them are copies.
    """

    real: int
    fake: int
    small: int
    sources: tuple[SourceCount, ...]
    least: int
    alike: Alike

    @property
    def images(self) -> int:
        """How many pictures a fit would read."""
        return self.real + self.fake

    @property
    def missing(self) -> dict[Label, int]:
        """How many are missing of each class that has too few."""
        lacking = {
            Label.REAL: max(self.least - self.real, 0),
            Label.FAKE: max(self.least - self.fake, 0),
        }
        return {label: count for label, count in lacking.items() if count}

    @property
    def missing_count(self) -> int:
        """How many are missing in all."""
        return sum(self.missing.values())

    @property
    def too_alike(self) -> dict[Label, int]:
        """How many different pictures there are of each class that has enough only with copies."""
        distinct = self.alike.distinct.items()
        return {
            label: count
            for label, count in distinct
            if label not in self.missing and count < self.least
        }

    @property
    def contradictions(self) -> str:
        """Name some of the files that are there with both labels."""
        names = self.alike.contradictory
        more = len(names) - NAMED
        return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")

    @property
    def is_enough(self) -> bool:
        """Tell whether a fit to it would not be refused."""
        return not (self.missing or self.too_alike or self.alike.contradictory)

    @property
    def seconds(self) -> float:
        """About how long a fit would take here."""
        return fit_seconds(self.images)


def material_of(datasets: Iterable[Dataset]) -> Material:
    """Count the reviewed photographs of training datasets."""
    return _counted(Item.objects.accepted().filter(dataset__in=list(datasets)))


def material_frozen(snapshot: Snapshot) -> Material:
    """Count the photographs of a snapshot that are still there."""
    return _counted(Item.objects.filter(lines__snapshot=snapshot))


def fit_seconds(images: int) -> float:
    """Return how long a fit to so many pictures will take, as far as the last one tells."""
    last = TrainingRun.objects.fits().exclude(version=None).select_related("version").first()
    figures = last.version.spec.get("photo") if last and last.version else None
    if figures:
        seconds = float(figures["seconds"])
        start = min(USUAL_START_SECONDS, seconds / 2)
        return start + (seconds - start) * images / (figures["real"] + figures["fake"])
    return USUAL_START_SECONDS + USUAL_PICTURE_SECONDS * images


def _counted(items: ItemQuerySet) -> Material:
    counts: dict[str, Counter[str]] = {}
    for row in items.photographs().tallied("source", "label"):
        counts.setdefault(row["source"], Counter())[row["label"]] += row["count"]
    sources = [
        SourceCount(name, labels[Label.REAL], labels[Label.FAKE]) for name, labels in counts.items()
    ]
    real, fake = sum(one.real for one in sources), sum(one.fake for one in sources)
    return Material(
        real,
        fake,
        items.count() - real - fake,
        tuple(sorted(sources, key=lambda one: (-one.real - one.fake, one.name))),
        settings.PHOTO_LEAST_IMAGES,
        _alike(items.photographs()),
    )


def _alike(photographs: ItemQuerySet) -> Alike:
    """Find copies and near-copies by the hashes that the rows have: no file is read."""
    columns = ("sha256", "label", "perceptual_hash", "dataset_id", "file_name")
    rows = list(photographs.order_by("pk").values_list(*columns))
    numbers = perceptual.near_groups(np.array([row[2] for row in rows], np.int64)).tolist()
    # An even surface is like no other by its shape, and like itself by its file.
    first = {row[0]: number for row, number in zip(reversed(rows), reversed(numbers), strict=True)}
    groups = [first[row[0]] for row in rows]
    sizes = Counter(groups)
    labels: dict[int, set[str]] = {}
    of_file: dict[str, set[str]] = {}
    for (sha256, label, *_), group in zip(rows, groups, strict=True):
        labels.setdefault(group, set()).add(label)
        of_file.setdefault(sha256, set()).add(label)
    alike = [row for row, group in zip(rows, groups, strict=True) if sizes[group] > 1]
    names = {sha256: name for sha256, _, _, _, name in rows if len(of_file[sha256]) > 1}
    return Alike(
        distinct={label: sum(label in held for held in labels.values()) for label in Label},
        near_copies=len(rows) - len(sizes),
        datasets=tuple(sorted({row[3] for row in alike})),
        mixed=sum(len(held) > 1 for held in labels.values()),
        contradictory=tuple(sorted(names.values())),
    )
