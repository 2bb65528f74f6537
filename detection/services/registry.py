"""Takes model versions in, verified and whole, and moves the champion."""

import logging
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from detection import ml_gateway
from detection.ml_gateway import GatewayError
from detection.models import ModelVersion, Promotion, RegisteredModel

log = logging.getLogger(__name__)

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@transaction.atomic
def version_register(*, directory: Path) -> tuple[ModelVersion, bool]:
    """Register a stored model under the name in its spec, as the next version.

    The files are copied below `MODELS_ROOT`, so that a version stays what it was whatever
    happens to the folder it came from. The same weights are registered once.

    Returns:
        The version, and whether it is new.

    Raises:
        GatewayError: When the files are missing, damaged or of a newer format, `invalid_name` or
            `wrong_track`.
    """
    spec = ml_gateway.read_verified_spec(directory)
    model = _model(spec["name"], spec["track"])
    known = model.versions.filter(weights_sha256=spec["weights_sha256"]).first()
    if known:
        _take_graph_over(known, directory, spec)
        _restore_files(known, directory, spec)
        return known, False
    newest = model.versions.order_by("-number").values_list("number", flat=True).first() or 0
    version = ModelVersion.objects.create(
        model=model, number=newest + 1, weights_sha256=spec["weights_sha256"], spec=spec
    )
    _copy_whole(directory, version.directory)
    log.info("registered %s", version.label)
    return version, True


@transaction.atomic
def version_promote(*, version: ModelVersion, reason: str, user: Any = None) -> Promotion | None:
    """Make a version the champion of its model, which then answers in its track.

    Rolling back is the same act on an older version.

    Returns:
        The event, or `None` when the version is the one that answers already.
    """
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    if ModelVersion.objects.champion_of(model.track) == version:
        return None
    promotion = Promotion.objects.create(
        model=model, from_version=model.champion, to_version=version, user=user, reason=reason
    )
    model.champion = version
    model.save(update_fields=["champion"])
    log.info("champion: %s", promotion)
    return promotion


def shipped_register() -> list[tuple[ModelVersion, bool]]:
    """Register every model that ships, and let it answer where nothing answers in its track yet.

    A newer version or another model of the track never takes over by itself: a person promotes it.
    """
    outcome = []
    for spec in sorted(Path(settings.SHIPPED_MODELS).glob("*/spec.json")):
        version, is_new = version_register(directory=spec.parent)
        if ModelVersion.objects.champion_of(version.model.track) is None:
            version_promote(version=version, reason="The first version of this installation.")
        outcome.append((version, is_new))
    return outcome


def _model(name: str, track: str) -> RegisteredModel:
    """Return the model of this name, made if need be and locked: numbers are given one by one."""
    # The name becomes a folder and a part of commands; nothing else may come in by it.
    if not NAME.fullmatch(name):
        raise GatewayError(
            "invalid_name", f"A model's name has small letters, digits and hyphens. Not: {name!r}."
        )
    RegisteredModel.objects.get_or_create(name=name, defaults={"track": track})
    model = RegisteredModel.objects.select_for_update().get(name=name)
    if model.track != track:
        raise GatewayError(
            "wrong_track", f"{name} is a model for {model.track} images, not for {track} ones."
        )
    return model


def _take_graph_over(version: ModelVersion, directory: Path, spec: dict[str, Any]) -> None:
    """Give a version the compiled graph that its folder has got since it was registered."""
    before = ml_gateway.spec_in_full(version.spec)
    if before == spec or before["graph_sha256"] or before != {**spec, "graph_sha256": ""}:
        return
    log.info("%s: takes its compiled graph over from %s", version.label, directory)
    version.spec = spec
    version.save(update_fields=["spec"])
    _copy_whole(directory, version.directory)


def _restore_files(version: ModelVersion, directory: Path, spec: dict[str, Any]) -> None:
    """Bring lost or damaged files of a version back from the folder it was registered from."""
    known = ml_gateway.spec_in_full(version.spec)
    try:
        if ml_gateway.read_verified_spec(version.directory) == known:
            return
        damage = "Its spec was changed."
    except GatewayError as error:
        damage = error.sentence
    if spec != known:
        log.warning("%s: %s The spec in %s is another one.", version.label, damage, directory)
        return
    log.warning("%s: %s Restored from %s.", version.label, damage, directory)
    _copy_whole(directory, version.directory)


def _copy_whole(source: Path, target: Path) -> None:
    """Copy a folder so that `target` is never seen half-written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".copy-", dir=target.parent) as draft:
        copy = Path(draft) / "version"
        shutil.copytree(source, copy)
        if target.exists():
            target.rename(Path(draft) / "damaged")
        copy.rename(target)
