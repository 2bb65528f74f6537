"""What stands around training runs: measured speed, the nightly schedule, notices of an end."""

from typing import Any, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from detection.models.datasets import ACTIVE, Dataset, Work
from detection.models.registry import ModelVersion
from detection.models.training import TrainingRun


class StepMeasurement(models.Model):
    """A few steps of training, timed in the training worker so that a run can be estimated."""

    architecture = models.CharField(max_length=40)
    base_version = models.ForeignKey(
        ModelVersion, models.CASCADE, null=True, blank=True, related_name="+"
    )
    batch_size = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=Work, default=Work.QUEUED)
    images_per_second = models.FloatField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField("asked for", default=timezone.now, editable=False)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Speed of {self.architecture}"

    @property
    def is_active(self) -> bool:
        """Tell whether it waits or runs."""
        return self.state in ACTIVE


class RetrainingSchedule(models.Model):
    """When the installation asks for a run by itself; there is one row."""

    is_on = models.BooleanField("retrain by itself", default=False)
    hour = models.PositiveSmallIntegerField(
        "hour of the night",
        default=3,
        validators=[MaxValueValidator(23)],
        help_text="0 to 23, in the installation's time zone.",
    )
    least_new = models.PositiveIntegerField(
        "new reviewed images",
        default=500,
        validators=[MinValueValidator(1)],
        help_text="A run is asked for once so many have come in since the last one.",
    )
    datasets = models.ManyToManyField(Dataset, related_name="+", blank=True)
    asked_on = models.DateField("last looked", null=True, blank=True)
    outcome = models.CharField("what came of it", max_length=500, blank=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = "retraining schedule"

    def __str__(self) -> str:
        return "Retraining schedule"

    @classmethod
    def current(cls) -> Self:
        """Return the one row, made where there is none yet."""
        schedule, _ = cls.objects.get_or_create(pk=1)
        return schedule


class RunNoticeQuerySet(models.QuerySet["RunNotice"]):
    """Reads of notices."""

    def unseen_by(self, user: Any) -> Self:
        """Those that this person has not opened."""
        return self.filter(user=user, seen_at=None)


class RunNotice(models.Model):
    """That a run has ended, for one person, until they open it."""

    run = models.ForeignKey(TrainingRun, models.CASCADE, related_name="notices")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="run_notices")
    seen_at = models.DateTimeField("opened", null=True, blank=True)

    objects = RunNoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["run", "user"], name="run_notice_once"),
        ]

    def __str__(self) -> str:
        return f"{self.run} for {self.user}"
