"""Asks for fits to an organisation's own photographs."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings

from detection.models import Dataset, Label, RegisteredModel, Snapshot, Track, TrainingRun
from detection.models.training import PHOTO_ARCHITECTURE
from detection.services.registry import NAME
from detection.services.snapshots import SnapshotRefused, snapshot_freeze
from detection.services.training.fit_material import Material, material_frozen, material_of
from detection.services.training.requests import RunRefused, check_none_active, run_create

DEFAULT_NAME = "photo"
SEED = 7


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
            `too_few_images`, `contradictory_labels`, `all_near_copies`, or as freezing refuses.
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
    names = {Label.REAL: "real", Label.FAKE: "AI-generated"}
    if material.alike.contradictory:
        raise RunRefused(
            "contradictory_labels",
            f"The same file is labelled real and AI-generated: {material.contradictions}. Settle "
            "which it is, or delete both.",
        )
    if material.too_alike:
        few = " and ".join(
            f"{count} different {names[label]} one{'s' if count > 1 else ''}"
            for label, count in material.too_alike.items()
        )
        raise RunRefused(
            "all_near_copies",
            f"A fit takes {material.least} different photographs of each class; without "
            f"near-copies it finds {few}. Add others.",
        )
    if not material.missing:
        return
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
