"""Asks for training runs, refuses those that make no sense, and stops the one that runs."""

import hashlib
import json
import logging
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from detection import ml_gateway
from detection.ml_gateway import GatewayError
from detection.models import ModelVersion, RunEvent, Snapshot, Split, Track, TrainingRun, Work
from detection.models.training import CHOSEN
from detection.services.analysis import BROKER_ERRORS
from detection.services.audit import audit_record
from detection.services.training.estimates import seconds_estimated
from detection.services.training.lines import base_of, label_counts

log = logging.getLogger(__name__)

TRAIN_MODEL = "detection.tasks.train_model"
# Calibration on fewer images of a class would be guessing.
LEAST_VALIDATION = 5


class RunRefused(Exception):
    """A run cannot be started, or not be stopped; `code` for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def run_defaults(*, architecture: str, base_version: ModelVersion | None) -> dict[str, Any]:
    """Return what a run is configured with where nobody chooses: gentle on a version, whole afresh.

    Raises:
        GatewayError: When the architecture is unknown.
    """
    config = ml_gateway.run_config(architecture, base_of(base_version))
    return {name: config[name] for name in CHOSEN}


def run_request(
    *,
    snapshot: Snapshot,
    user: Any,
    architecture: str,
    base_version: ModelVersion | None = None,
    config: dict[str, Any],
    is_scheduled: bool = False,
) -> TrainingRun:
    """Ask for a run; the training worker takes it up as soon as it can.

    Args:
        snapshot: What is learnt from.
        user: Who asks; `None` for the installation itself.
        architecture: What is trained; that of the base version, where there is one.
        base_version: Fine-tuned from this version; `None`: from scratch.
        config: Some of `CHOSEN`; what is absent has its default.
        is_scheduled: Whether the schedule asks.

    Raises:
        RunRefused: `run_active`, `nothing_changed`, `too_little_data`, `unknown_setting`,
            `wrong_architecture`, `wrong_track`, or as the science refuses the configuration.
    """
    check_none_active()
    _check_base(architecture, base_version)
    whole = _whole(architecture, base_version, config)
    _check_data(snapshot, whole["batch_size"])
    return run_create(
        TrainingRun(
            snapshot=snapshot,
            architecture=architecture,
            base_version=base_version,
            model_name=_model_name(architecture, base_version),
            config=whole,
            epochs=whole["epochs"] + whole["finetune_epochs"],
            estimated_seconds=seconds_estimated(
                architecture=architecture, snapshot=snapshot, epochs=whole["epochs"]
            ),
            is_scheduled=is_scheduled,
            requested_by=user,
        )
    )


def check_none_active() -> None:
    """Refuse while a run waits or runs.

    Raises:
        RunRefused: `run_active`.
    """
    if TrainingRun.objects.active().exists():
        raise _run_active()


def run_create(run: TrainingRun) -> TrainingRun:
    """Store a run that was checked, and send it to the training worker.

    Raises:
        RunRefused: `run_active` or `nothing_changed`.
    """
    run.fingerprint, run.slot = _fingerprint(run.snapshot, run.base_version, run.config), 1
    _check_new(run.fingerprint)
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            base = str(run.base_version or "")
            chosen = run.chosen | {"snapshot": str(run.snapshot), "base": base}
            audit_record(user=run.requested_by, action="run_request", subject=run, **chosen)
    except IntegrityError:
        # Somebody else's request came between the look and the row.
        raise _run_active() from None
    transaction.on_commit(lambda: run_enqueue(run_id=run.pk), robust=True)
    return run


def run_enqueue(*, run_id: int) -> bool:
    """Hand a run to the training worker; where the broker is away, the sweeper does it later."""
    now = timezone.now()
    waiting = TrainingRun.objects.filter(pk=run_id, state=Work.QUEUED)
    waiting.update(enqueued_at=now)
    try:
        current_app.send_task(TRAIN_MODEL, args=[run_id])
    except BROKER_ERRORS as error:
        log.warning("the broker is away, run %s waits for the sweeper: %s", run_id, error)
        waiting.filter(enqueued_at=now).update(enqueued_at=None)
        return False
    return True


@transaction.atomic
def run_cancel(*, run: TrainingRun, user: Any) -> None:
    """Stop a run: at once where it waits, within a step where it runs.

    Raises:
        RunRefused: `not_active` when it has ended.
    """
    now = timezone.now()
    row = TrainingRun.objects.filter(pk=run.pk)
    ended = {"state": Work.CANCELLED, "slot": None, "finished_at": now}
    waited = row.filter(state=Work.QUEUED).update(cancel_requested_at=now, **ended)
    if not waited and not row.filter(state=Work.RUNNING).update(cancel_requested_at=now):
        raise RunRefused("not_active", "The run has ended already.")
    RunEvent.objects.create(run=run, sentence=f"{user} asked to stop."[:500])
    audit_record(user=user, action="run_cancel", subject=run)


def _check_base(architecture: str, base_version: ModelVersion | None) -> None:
    if base_version is None:
        return
    if base_version.model.track != Track.THUMBNAIL:
        raise RunRefused(
            "wrong_track",
            f"{base_version} is for {base_version.model.track} images, which cannot be retrained "
            "here.",
        )
    if base_version.spec["architecture"] != architecture:
        raise RunRefused(
            "wrong_architecture",
            f"{base_version} has the architecture {base_version.spec['architecture']}, not "
            f"{architecture}: start from it as it is, or from scratch.",
        )


def _whole(
    architecture: str, base_version: ModelVersion | None, config: dict[str, Any]
) -> dict[str, Any]:
    """Return the whole configuration."""
    unknown = sorted(set(config) - set(CHOSEN))
    if unknown:
        raise RunRefused("unknown_setting", f"A run has no setting named {unknown[0]}.")
    if base_version is None:
        config = {**config, "new_share": None}  # there is nothing old to mix with
    try:
        return ml_gateway.run_config(architecture, base_of(base_version), config)
    except GatewayError as error:
        raise RunRefused(error.code, error.sentence) from error


def _check_data(snapshot: Snapshot, batch_size: int) -> None:
    counts = label_counts(snapshot)
    for split, least in (
        (Split.TRAIN, settings.TRAINING_MIN_IMAGES),
        (Split.VALIDATION, LEAST_VALIDATION),
    ):
        real, fake = (counts.get((split, label), 0) for label in ("real", "fake"))
        if min(real, fake) < least:
            raise RunRefused(
                "too_little_data",
                f"{snapshot} must have at least {least} images of each class for "
                f"{split.label.lower()}. It has {real} real and {fake} AI-generated ones.",
            )
        if split == Split.TRAIN and real + fake < batch_size:
            raise RunRefused(
                "too_little_data",
                f"{real + fake} images to learn from do not fill a batch of {batch_size}: choose "
                "a smaller batch.",
            )


def _fingerprint(
    snapshot: Snapshot, base_version: ModelVersion | None, config: dict[str, Any]
) -> str:
    """Return the sha256 over all that decides what a run makes."""
    base = base_version.weights_sha256 if base_version else ""
    told = json.dumps([snapshot.sha256, base, config], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _check_new(fingerprint: str) -> None:
    same = TrainingRun.objects.filter(fingerprint=fingerprint, state=Work.FINISHED).first()
    if same:
        raise RunRefused(
            "nothing_changed",
            f"{same} was made from the same images with the same settings: nothing has changed.",
        )


def _run_active() -> RunRefused:
    return RunRefused(
        "run_active", "A training run is active already: wait for its end, or stop it."
    )


def _model_name(architecture: str, base_version: ModelVersion | None) -> str:
    """Name the model that the version will belong to."""
    if base_version is not None:
        return base_version.model.name
    return f"own-{architecture.replace('_', '-')}"
