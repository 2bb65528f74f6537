"""Training runs: attempts to make a version, each with its configuration, progress and log."""

from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from detection.models.datasets import ACTIVE, Dataset, Snapshot, Work
from detection.models.judged import new_public_id, storage_name
from detection.models.registry import ModelVersion
from detection.models.submissions import Analysis


class TrainingRunQuerySet(models.QuerySet["TrainingRun"]):
    """Reads of runs."""

    def active(self) -> Self:
        """Waiting or running; there is one at most."""
        return self.filter(state__in=ACTIVE)


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
    stage = models.CharField(max_length=16, blank=True)
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

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Run {self.pk}"

    @property
    def is_active(self) -> bool:
        """Tell whether it waits or runs."""
        return self.state in ACTIVE


class RunEvent(models.Model):
    """One line of a run's log."""

    run = models.ForeignKey(TrainingRun, models.CASCADE, related_name="events")
    sentence = models.CharField(max_length=500)
    created_at = models.DateTimeField("when", default=timezone.now, editable=False)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.sentence


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
    created_at = models.DateTimeField("when", default=timezone.now, editable=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["analysis", "version"], name="shadow_answer_once"),
        ]

    def __str__(self) -> str:
        return f"{self.version}: {self.p_fake:.3f}"


class AuditEvent(models.Model):
    """Who did what when, of all that moves data, runs and models; never changed, never deleted."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # Who it was, also when the account is gone.
    user_email = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=200)
    details = models.JSONField(default=dict)
    created_at = models.DateTimeField("when", default=timezone.now, editable=False)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["-created_at"], name="audit_newest")]

    def __str__(self) -> str:
        return f"{self.action}: {self.subject}"
