"""Training runs: attempts to make a version, each with its configuration, progress and log."""

from datetime import datetime
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from detection.models.analyses import Analysis
from detection.models.datasets import ACTIVE, Dataset, Role, Work
from detection.models.judged import new_public_id, storage_name
from detection.models.registry import ModelVersion
from detection.models.snapshots import Snapshot

# The fields of a configuration that a person decides, in the order in which they read.
CHOSEN = (
    "epochs",
    "peak_learning_rate",
    "batch_size",
    "horizontal_flip",
    "cutmix",
    "degradation",
    "new_share",
    "seed",
    "precision",
)
# A run of this architecture fits heads to features of photographs: it has no epochs.
PHOTO_ARCHITECTURE = "photo_ensemble"
# What a person decides of a fit.
CHOSEN_OF_FIT = ("false_alarms", "seed")
# How much of a fit's time is reading its pictures; the rest is validating.
READING_SHARE = 0.8


class Stage(models.TextChoices):
    """What a running run is at."""

    PREPARING = "preparing", "Reading images"
    TRAINING = "training", "Training"
    VALIDATING = "validating", "Validating"
    EXPORTING = "exporting", "Calibrating and storing"
    JUDGING = "judging", "Measuring"


class TrainingRunQuerySet(models.QuerySet["TrainingRun"]):
    """Reads of runs."""

    def active(self) -> Self:
        """Waiting or running; there is one at most."""
        return self.filter(state__in=ACTIVE)

    def held_by(self, worker: str) -> Self:
        """Those that the worker of this name has claimed."""
        return self.filter(state=Work.RUNNING, worker=worker)

    def abandoned(self, before: datetime) -> Self:
        """Those whose worker has given no sign of life since."""
        return self.filter(state=Work.RUNNING, heartbeat_at__lt=before)

    def unsent(self, *, grace: datetime, lease: datetime) -> Self:
        """Those that no worker was told of, or that nobody took up for a whole lease."""
        never = models.Q(enqueued_at=None, created_at__lt=grace)
        lost = models.Q(enqueued_at__lt=lease)
        return self.filter(never | lost, state=Work.QUEUED)

    def fits(self) -> Self:
        """Those that fit heads to features of photographs."""
        return self.filter(architecture=PHOTO_ARCHITECTURE)

    def of_networks(self) -> Self:
        """Those that train a network."""
        return self.exclude(architecture=PHOTO_ARCHITECTURE)

    def measured(self, architecture: str) -> Self:
        """Those of an architecture whose speed is known, newest first."""
        known = self.filter(architecture=architecture, images_per_second__gt=0)
        return known.order_by("-pk")


class TrainingRun(models.Model):
    """One attempt to make a model version from a snapshot."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    snapshot = models.ForeignKey(Snapshot, models.PROTECT, related_name="runs")
    architecture = models.CharField(max_length=40)
    # Fine-tuned from this version; empty: from scratch.
    base_version = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Name under which the version is registered, and the rest of what was asked for; the fields
    # of `ml.contract.TrainingConfig`.
    model_name = models.CharField(max_length=64)
    config = models.JSONField(default=dict)
    # sha256 over snapshot, base version and configuration: the same is not trained twice.
    fingerprint = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=Work, default=Work.QUEUED)
    stage = models.CharField(max_length=16, choices=Stage, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    epochs = models.PositiveIntegerField(default=0)
    step = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0)
    loss = models.FloatField(null=True, blank=True)
    images_per_second = models.FloatField(null=True, blank=True)
    # An `ml.contract.EpochReport` for each epoch.
    history = models.JSONField(default=list)
    device = models.CharField(max_length=200, blank=True)
    memory_bytes = models.PositiveBigIntegerField("memory of the worker", null=True, blank=True)
    estimated_seconds = models.FloatField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=100, blank=True)
    version = models.OneToOneField(
        ModelVersion, models.PROTECT, null=True, blank=True, related_name="run"
    )
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    is_scheduled = models.BooleanField("asked for by the schedule", default=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField("requested", default=timezone.now, editable=False)
    started_at = models.DateTimeField("begun", null=True, blank=True)
    heartbeat_at = models.DateTimeField("last sign of life", null=True, blank=True)
    cancel_requested_at = models.DateTimeField("asked to stop", null=True, blank=True)
    finished_at = models.DateTimeField("ended", null=True, blank=True)
    enqueued_at = models.DateTimeField(null=True, blank=True)
    # 1 while it waits or runs, empty afterwards: "one at a time" as a rule that MySQL keeps too.
    slot = models.PositiveSmallIntegerField(null=True, blank=True, unique=True, editable=False)

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Run {self.pk}"

    @property
    def is_active(self) -> bool:
        """Tell whether it waits or runs."""
        return self.state in ACTIVE

    @property
    def is_fit(self) -> bool:
        """Tell whether it fits heads to features of photographs, and so has no epochs."""
        return self.architecture == PHOTO_ARCHITECTURE

    @property
    def directory(self) -> Path:
        """The folder with its checkpoint, as long as it is active."""
        return Path(settings.RUNS_ROOT) / self.public_id

    @property
    def is_cancelling(self) -> bool:
        """Tell whether it was asked to stop and has not done so yet."""
        return self.is_active and self.cancel_requested_at is not None

    @property
    def share_done(self) -> float:
        """How much of all epochs, or of a fit, is done, in [0, 1]."""
        if self.state == Work.FINISHED or self.stage in (Stage.EXPORTING, Stage.JUDGING):
            return 1.0
        if self.stage == Stage.VALIDATING:
            return READING_SHARE + (1 - READING_SHARE) * self.share_of_stage
        if self.is_fit:
            return READING_SHARE * self.share_of_stage
        if not self.epochs:
            return 0.0
        # Once an epoch is told as done, its steps stand there until the next one begins; what is
        # read, before training or once more after a lost worker, is no part of an epoch.
        is_within = self.stage == Stage.TRAINING and self.epoch == len(self.history) + 1
        within = self.share_of_stage if is_within else 0.0
        return min((len(self.history) + within) / self.epochs, 1.0)

    @property
    def share_of_stage(self) -> float:
        """How much of the running epoch, or of another stage, is done, in [0, 1]."""
        return min(self.step / self.steps, 1.0) if self.steps else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until training ends, as far as its epochs or the estimate tell."""
        is_made = self.stage in (Stage.EXPORTING, Stage.JUDGING)
        if not self.is_active or is_made:
            return None
        whole = self.estimated_seconds
        if self.history and self.epochs:
            whole = self.epochs * sum(report["seconds"] for report in self.history)
            whole /= len(self.history)
        elif self.is_fit:
            if self.images_per_second and self.steps and self.stage == Stage.PREPARING:
                whole = self.steps / self.images_per_second / READING_SHARE
        elif self.images_per_second and self.steps and self.stage == Stage.TRAINING:
            images = self.epochs * self.steps * int(self.config.get("batch_size", 1))
            whole = images / self.images_per_second
        return None if whole is None else (1.0 - self.share_done) * whole

    @property
    def chosen(self) -> dict[str, Any]:
        """What people decided of its configuration."""
        names = CHOSEN_OF_FIT if self.is_fit else CHOSEN
        return {name: self.config.get(name) for name in names}


class RunEvent(models.Model):
    """One line of a run's log."""

    run = models.ForeignKey(TrainingRun, models.CASCADE, related_name="events")
    sentence = models.CharField(max_length=500)
    created_at = models.DateTimeField("when", default=timezone.now, editable=False)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.sentence


class EvaluationQuerySet(models.QuerySet["Evaluation"]):
    """Reads of evaluations."""

    def on_tests(self) -> Self:
        """Those on sealed tests, newest first."""
        return self.filter(dataset__role=Role.TEST).order_by("-pk")


def answers_name(instance: models.Model, file_name: str) -> str:
    """Name the stored answers of an evaluation."""
    return storage_name("evaluations", ".npz")


class Evaluation(models.Model):
    """What a version reached on one dataset, by the one evaluation of `ml.evaluation`."""

    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="evaluations")
    # Empty: the held-out part of the run's own snapshot.
    dataset = models.ForeignKey(
        Dataset, models.CASCADE, null=True, blank=True, related_name="evaluations"
    )
    snapshot = models.ForeignKey(
        Snapshot, models.CASCADE, null=True, blank=True, related_name="evaluations"
    )
    # sha256 over the items' hashes and labels: two evaluations compare where it is the same.
    data_sha256 = models.CharField(max_length=64)
    # An `ml.contract.EvaluationRecord`.
    record = models.JSONField()
    # sha256, label and p_fake of every image, for comparing two versions image by image.
    answers = models.FileField(upload_to=answers_name, max_length=100)
    created_at = models.DateTimeField("measured", default=timezone.now, editable=False)

    objects = EvaluationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["version", "data_sha256"], name="evaluation_of_version")]

    def __str__(self) -> str:
        return f"{self.version} on {self.dataset or self.snapshot}"


class ShadowAnswer(models.Model):
    """What a challenger said of a live image; kept for comparison and never shown to its owner."""

    analysis = models.ForeignKey(Analysis, models.CASCADE, related_name="shadow_answers")
    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="shadow_answers")
    p_fake = models.FloatField("P(AI-generated)")
    # Empty for answers from before challengers were asked for it: then as the champion's was.
    in_domain = models.BooleanField("in the model's domain", null=True, blank=True)
    created_at = models.DateTimeField("when", default=timezone.now, editable=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["analysis", "version"], name="shadow_answer_once"),
        ]

    def __str__(self) -> str:
        return f"{self.version}: {self.p_fake:.3f}"
