"""Asks for fits to an organisation's own photographs, and tells what there is for one."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from detection.models import Dataset, Item, Label, RegisteredModel, Snapshot, Track, TrainingRun
from detection.models.datasets import ItemQuerySet
from detection.models.training import PHOTO_ARCHITECTURE
from detection.services.registry import NAME
from detection.services.snapshots import SnapshotRefused, snapshot_freeze
from detection.services.training.requests import RunRefused, check_none_active, run_create

DEFAULT_NAME = "photo"
SEED = 7
# Where nothing was fitted here yet: what two cores take to begin, and for one look at a picture.
USUAL_START_SECONDS = 15.0
USUAL_LOOK_SECONDS = 0.12
# So many pictures are looked at in three degraded forms as well.
DEGRADED = 48


@dataclass(frozen=True, slots=True)
class SourceCount:
    """A source of reviewed photographs; its name is empty where nobody has said any."""

    name: str
    real: int
    fake: int


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to fit on.

    Attributes:
        real, fake: Reviewed photographs of each class.
        small: Reviewed images that are too small to be looked at, and are left out.
        sources: The same by source, the largest first.
        least: How many of each class it takes.
    """

    real: int
    fake: int
    small: int
    sources: tuple[SourceCount, ...]
    least: int

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
        before = _looks(figures["real"] + figures["fake"])
        return float(figures["seconds"]) * _looks(images) / before
    return USUAL_START_SECONDS + USUAL_LOOK_SECONDS * _looks(images)


def fit_request(
    *,
    user: Any,
    datasets: Iterable[Dataset] = (),
    snapshot: Snapshot | None = None,
    name: str = DEFAULT_NAME,
    false_alarms: float | None = None,
) -> TrainingRun:
    """Freeze what there is, undivided, and have a model of the photo track fitted to it.

    Args:
        user: Who asks.
        datasets: Whose reviewed images are frozen; not needed where a snapshot is given.
        snapshot: What was frozen for a fit before.
        name: Of the model that the version will belong to.
        false_alarms: Share of the real pictures that may be called AI-generated; `None`: as set.

    Raises:
        RunRefused: `run_active`, `nothing_changed`, `invalid_name`, `wrong_track`,
            `too_few_images`, or as freezing refuses.
    """
    datasets = list(datasets)
    check_none_active()
    _check_name(name)
    _check_material(material_frozen(snapshot) if snapshot else material_of(datasets))
    frozen = snapshot or _frozen(datasets, user)
    material = material_frozen(frozen)
    _check_material(material)
    bound = settings.PHOTO_FALSE_ALARMS if false_alarms is None else false_alarms
    return run_create(
        TrainingRun(
            snapshot=frozen,
            architecture=PHOTO_ARCHITECTURE,
            model_name=name,
            config={"architecture": PHOTO_ARCHITECTURE, "false_alarms": bound, "seed": SEED},
            estimated_seconds=material.seconds,
            requested_by=user,
        )
    )


def _looks(images: int) -> int:
    return images + 3 * min(images, DEGRADED)


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
    )


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise RunRefused(
            "invalid_name", "A model's name has small letters, digits and hyphens: choose such one."
        )
    model = RegisteredModel.objects.filter(name=name).exclude(track=Track.PHOTO).first()
    if model is not None:
        raise RunRefused(
            "wrong_track",
            f"{name} is a model for {model.get_track_display().lower()} images: choose another "
            "name.",
        )


def _check_material(material: Material) -> None:
    if not material.missing:
        return
    names = {Label.REAL: "real", Label.FAKE: "AI-generated"}
    lacking = " and ".join(
        f"{count} more {names[label]} one{'s' if count > 1 else ''}"
        for label, count in material.missing.items()
    )
    raise RunRefused(
        "too_few_images",
        f"A fit takes {material.least} reviewed photographs of each class; review {lacking}.",
    )


def _frozen(datasets: list[Dataset], user: Any) -> Snapshot:
    """Freeze the datasets, or return the snapshot that holds the same already."""
    try:
        return snapshot_freeze(datasets=datasets, user=user, note="Frozen for a fit.", for_fit=True)
    except SnapshotRefused as refusal:
        if refusal.snapshot is None:
            raise RunRefused(refusal.code, refusal.sentence) from refusal
        return refusal.snapshot
