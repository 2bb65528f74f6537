"""Takes model versions in, verified and whole, and moves the champion."""

import logging
import re
from pathlib import Path
from typing import Any

from django.db import transaction

from detection import ml_gateway
from detection.ml_gateway import GatewayError
from detection.models import ModelVersion, Promotion, RegisteredModel
from detection.services.audit import audit_record
from detection.services.gates import gates_asked
from detection.services.shared_models import version_publish
from detection.services.signatures import version_sign, version_verify
from detection.services.version_packing import copy_whole

log = logging.getLogger(__name__)

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
# So long has a reason to be that lets a version through which fails a gate.
OVERRIDE_LENGTH = 10


class PromotionRefused(Exception):
    """A version may not answer; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@transaction.atomic
def version_register(
    *, directory: Path, user: Any = None, origin: str = ""
) -> tuple[ModelVersion, bool]:
    """Register a stored model under the name in its spec, as the next version, and sign it.

    The files are copied below `MODELS_ROOT`, so that a version stays what it was whatever
    happens to the folder it came from, and to other machines where there are some. The same
    weights are registered once.

    Args:
        directory: Where the model lies.
        user: Who brought it; `None` for the installation itself.
        origin: Which version of which installation it was before; empty unless it is imported.

    Returns:
        The version, and whether it is new.

    Raises:
        GatewayError: When the files are missing, damaged or of a newer format, `invalid_name`,
            `wrong_track`, or `not_stored` when the disk is full.
        StorageUnavailable: Where versions are shared by a storage, and it is away.
    """
    spec = ml_gateway.read_verified_spec(directory)
    model = _model(spec["name"], spec["track"])
    known = model.versions.filter(weights_sha256=spec["weights_sha256"]).first()
    if known:
        _take_graph_over(known, directory, spec)
        _restore_files(known, directory, spec)
        if not known.signature:
            version_sign(version=known)
        return known, False
    newest = model.versions.order_by("-number").values_list("number", flat=True).first() or 0
    version = ModelVersion.objects.create(
        model=model,
        number=newest + 1,
        weights_sha256=spec["weights_sha256"],
        spec=spec,
        origin=origin,
    )
    copy_whole(directory, version.directory)
    version_publish(version=version)
    version_sign(version=version)
    audit_record(
        user=user,
        action="version_register",
        subject=version.label,
        weights_sha256=version.weights_sha256,
        origin=origin,
    )
    log.info("registered %s", version.label)
    return version, True


@transaction.atomic
def version_promote(
    *, version: ModelVersion, reason: str, user: Any = None, override_reason: str = ""
) -> Promotion | None:
    """Make a version the champion of its model, which then answers in its track.

    Rolling back is the same act on an older version; one that passed its gates once passes none
    again, and neither does the first version of a track.

    Args:
        version: That shall answer.
        reason: Why, in a person's words.
        user: Who promotes it; `None` for the installation itself.
        override_reason: Why it shall answer although it fails a gate.

    Returns:
        The event, or `None` when the version is the one that answers already.

    Raises:
        PromotionRefused: `gates_failed`; `worth_nothing`, where no reason helps; or a code of
            `version_verify` when the version is not what was registered.
    """
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    if ModelVersion.objects.champion_of(model.track) == version:
        return None
    _require_whole(version)
    gates = gates_asked(version=version)
    for gate in gates:
        if gate.is_binding and not gate.passed:
            raise PromotionRefused(
                "worth_nothing", f"{version.label} cannot be promoted. {gate.sentence}"
            )
    override = override_reason.strip()[:500]
    failed = [gate.sentence for gate in gates if not gate.passed]
    if failed and len(override) < OVERRIDE_LENGTH:
        raise PromotionRefused(
            "gates_failed",
            f"{version.label} fails {len(failed)} of {len(gates)} gates: {failed[0]} To promote it "
            f"all the same, write down why, in {OVERRIDE_LENGTH} characters or more.",
        )
    promotion = Promotion.objects.create(
        model=model,
        from_version=ModelVersion.objects.champion_of(model.track),
        to_version=version,
        user=user,
        reason=reason[:500],
        gates=[gate.as_json() for gate in gates],
        override_reason=override if failed else "",
    )
    model.champion = version
    # What answers needs no shadow of itself.
    if model.challenger_id == version.pk:
        model.challenger = None
    model.save(update_fields=["champion", "challenger"])
    audit_record(
        user=user,
        action="version_promote",
        subject=version.label,
        instead_of=promotion.from_version.label if promotion.from_version else "",
        reason=promotion.reason,
        failed_gates=failed,
        override_reason=promotion.override_reason,
    )
    log.info("champion: %s", promotion)
    return promotion


def champion_before(*, track: str) -> ModelVersion | None:
    """Return the version that answered in a track before the one that does, to go back to."""
    champion = ModelVersion.objects.champion_of(track)
    moves = Promotion.objects.filter(model__track=track).exclude(to_version=champion)
    last = moves.select_related("to_version__model").order_by("-pk").first()
    return last.to_version if last else None


@transaction.atomic
def challenger_set(*, version: ModelVersion, user: Any) -> None:
    """Let a version answer in the shadow of its track's champion, instead of another of its model.

    Raises:
        PromotionRefused: `is_champion`, or a code of `version_verify`.
    """
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    if ModelVersion.objects.champion_of(model.track) == version:
        raise PromotionRefused(
            "is_champion", f"{version.label} answers already, and needs no shadow of itself."
        )
    _require_whole(version)
    model.challenger = version
    model.save(update_fields=["challenger"])
    audit_record(user=user, action="challenger_set", subject=version.label)


@transaction.atomic
def challenger_unset(*, version: ModelVersion, user: Any) -> None:
    """Let a version answer in the shadow no longer; what it has answered is kept."""
    models = RegisteredModel.objects.filter(pk=version.model_id, challenger=version)
    if models.update(challenger=None):
        audit_record(user=user, action="challenger_unset", subject=version.label)


def _require_whole(version: ModelVersion) -> None:
    try:
        version_verify(version=version)
    except GatewayError as error:
        raise PromotionRefused(error.code, error.sentence) from error


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
    copy_whole(directory, version.directory)
    version_publish(version=version)
    version_sign(version=version)


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
    copy_whole(directory, version.directory)
