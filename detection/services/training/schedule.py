"""Asks for a run at night, once enough new reviewed images have come in since the last one."""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from detection.models import (
    Dataset,
    Item,
    ModelVersion,
    RetrainingSchedule,
    Snapshot,
    Track,
    TrainingRun,
)
from detection.models.datasets import ItemQuerySet
from detection.services.audit import audit_record
from detection.services.snapshots import SnapshotRefused, snapshot_freeze
from detection.services.training.lines import SHIPPED_DATA
from detection.services.training.requests import RunRefused, run_request

log = logging.getLogger(__name__)

# Half of each class is new where there is anything old to mix with, so that neither is forgotten.
NEW_SHARE = 0.5


@transaction.atomic
def schedule_change(
    *, user: Any, is_on: bool, hour: int, least_new: int, datasets: Iterable[Dataset]
) -> RetrainingSchedule:
    """Say when the installation asks for a run by itself."""
    schedule = RetrainingSchedule.current()
    schedule.is_on, schedule.hour, schedule.least_new = is_on, hour, least_new
    schedule.changed_by = user
    schedule.save()
    schedule.datasets.set(datasets)
    audit_record(
        user=user,
        action="schedule_change",
        subject=schedule,
        is_on=is_on,
        hour=hour,
        least_new=least_new,
        datasets=[dataset.name for dataset in schedule.datasets.all()],
    )
    return schedule


def retrain_if_due(*, now: datetime | None = None) -> TrainingRun | None:
    """At the chosen hour, once a day, freeze a snapshot and ask for a run, if it is worth it.

    What came of it is kept for the panel, also where nothing was asked for.
    """
    local = timezone.localtime(now)
    schedule = RetrainingSchedule.current()
    if not schedule.is_on or schedule.hour != local.hour:
        return None
    today = RetrainingSchedule.objects.filter(pk=schedule.pk).exclude(asked_on=local.date())
    if not today.update(asked_on=local.date()):
        return None  # another beat was quicker
    run, outcome = _asked(schedule)
    log.info("retraining at night: %s", outcome)
    RetrainingSchedule.objects.filter(pk=schedule.pk).update(outcome=outcome[:500])
    return run


def new_items(schedule: RetrainingSchedule) -> ItemQuerySet:
    """Return the reviewed images of the chosen datasets that no run has learnt from yet."""
    items = Item.objects.accepted().filter(dataset__in=schedule.datasets.for_training())
    last = TrainingRun.objects.of_networks().select_related("snapshot").first()
    if last is None:
        return items.exclude(dataset__name__iexact=SHIPPED_DATA)
    return items.exclude(sha256__in=last.snapshot.lines.values("sha256"))


def _asked(schedule: RetrainingSchedule) -> tuple[TrainingRun | None, str]:
    """Ask for the run; return it, and what came of it in a sentence."""
    champion = ModelVersion.objects.champion_of(Track.THUMBNAIL)
    if champion is None:
        return None, "No model answers yet, so there is none to go on from."
    count = new_items(schedule).count()
    if count < schedule.least_new:
        return None, f"{count:,} new reviewed images; {schedule.least_new:,} are waited for."
    if TrainingRun.objects.active().exists():
        return None, "A training run was active already."
    try:
        run = run_request(
            snapshot=_frozen(schedule),
            user=None,
            architecture=champion.spec["architecture"],
            base_version=champion,
            config={"new_share": NEW_SHARE},
            is_scheduled=True,
        )
    except (SnapshotRefused, RunRefused) as error:
        return None, error.sentence
    return run, f"{run} was asked for, with {count:,} new reviewed images."


def _frozen(schedule: RetrainingSchedule) -> Snapshot:
    """Freeze the chosen datasets, or return the snapshot that holds the same already."""
    datasets = list(schedule.datasets.for_training())
    try:
        return snapshot_freeze(datasets=datasets, user=None, note="Frozen by the schedule.")
    except SnapshotRefused as refusal:
        if refusal.snapshot is None:
            raise
        return refusal.snapshot
