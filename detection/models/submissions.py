"""A submission holds images; each image holds the analyses that were run over it."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from detection.models.judged import (
    heatmap_name,  # noqa: F401 - where the first migration looks for it
    new_public_id,
    storage_name,
)
from detection.models.registry import PHOTO_LEAST_SIDE, Track


def original_name(instance: models.Model, file_name: str) -> str:
    """Name a stored original: random, and nothing of what the sender called it."""
    return storage_name("originals", ".bin")


def preview_name(instance: models.Model, file_name: str) -> str:
    """Name a stored preview."""
    return storage_name("previews", ".webp")


def _days(count: int) -> str:
    """Return a number of days in words that read well."""
    return f"{count} day{'' if count == 1 else 's'}"


def may_review(user: Any) -> bool:
    """Tell whether this user may open everybody's images, in the admin panel."""
    return user.is_staff and user.has_perm("detection.view_analysis")


class Source(models.TextChoices):
    """How a submission came in."""

    PAGE = "page", "Page"
    API = "api", "API"
    COMMAND = "command", "Command"


class SubmissionQuerySet(models.QuerySet["Submission"]):
    """Reads of submissions."""

    def visible_to(self, user: Any) -> Self:
        """Only what this user handed in; staff use the admin panel for the rest."""
        return self.filter(owner_id=user.pk)


class Submission(models.Model):
    """One act of handing in, of one or many images."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="submissions")
    source = models.CharField(max_length=16, choices=Source, default=Source.PAGE)
    created_at = models.DateTimeField("handed in", default=timezone.now, editable=False)

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["owner", "-created_at", "-id"], name="submission_newest"),
            models.Index(fields=["-created_at", "-id"], name="submission_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.owner} · {self.created_at:%Y-%m-%d %H:%M}"


class SubmittedImageQuerySet(models.QuerySet["SubmittedImage"]):
    """Reads of images."""

    def visible_to(self, user: Any) -> Self:
        """Only this user's images."""
        return self.filter(submission__owner_id=user.pk)

    def media_for(self, user: Any) -> Self:
        """Images whose files this user may open: one's own, and for the admin panel all."""
        return self if may_review(user) else self.visible_to(user)

    def kept(self) -> Self:
        """Those whose files are there: the retention time has not taken them away."""
        return self.filter(forgotten_at=None)

    def of_track(self, track: Track) -> Self:
        """Those at which this track looks as a whole."""
        is_photo = models.Q(width__gte=PHOTO_LEAST_SIDE, height__gte=PHOTO_LEAST_SIDE)
        return self.filter(is_photo if track == Track.PHOTO else ~is_photo)


class SubmittedImage(models.Model):
    """One file that was taken in, as it came, and the previews made of it."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    submission = models.ForeignKey(Submission, models.CASCADE, related_name="images")
    file_name = models.CharField(max_length=255)
    original = models.FileField(upload_to=original_name, max_length=100)
    preview = models.FileField(upload_to=preview_name, max_length=100)
    # Empty where the preview is small enough to serve as one.
    thumbnail = models.FileField(upload_to=preview_name, max_length=100, blank=True)
    sha256 = models.CharField("sha256", max_length=64)
    format = models.CharField(max_length=16)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    byte_size = models.PositiveBigIntegerField("size in bytes")
    # See `detection.perceptual`; empty for what came in before it was kept. Near-copies share at
    # least one of the four bands of 16 bits, which is how they are found without reading all rows.
    perceptual_hash = models.BigIntegerField(null=True, blank=True, editable=False)
    band_0 = models.PositiveIntegerField(null=True, editable=False)
    band_1 = models.PositiveIntegerField(null=True, editable=False)
    band_2 = models.PositiveIntegerField(null=True, editable=False)
    band_3 = models.PositiveIntegerField(null=True, editable=False)
    note = models.TextField(blank=True, max_length=5000)
    created_at = models.DateTimeField("handed in", default=timezone.now, editable=False)
    # When the retention time took its files away; what was found out about it may stay.
    forgotten_at = models.DateTimeField("files deleted", null=True, blank=True, editable=False)

    objects = SubmittedImageQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name = "submitted image"
        indexes = [
            models.Index(fields=["sha256"], name="image_sha256"),
            models.Index(fields=["forgotten_at", "created_at"], name="image_retention"),
            *(models.Index(fields=[f"band_{n}"], name=f"image_band_{n}") for n in range(4)),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def track(self) -> Track:
        """Who looks at it as a whole."""
        return Track.of_size(self.width, self.height)

    @property
    def is_forgotten(self) -> bool:
        """Tell whether its files are gone, as their time had run out."""
        return self.forgotten_at is not None

    @property
    def is_lost(self) -> bool:
        """Tell whether its original is gone by damage, as the doctor found; its verdicts stand."""
        return not self.original and not self.is_forgotten

    @property
    def forgotten_sentence(self) -> str:
        """When and why its files went, for people; empty while they are there."""
        if self.forgotten_at is None:
            return ""
        day = f"{self.forgotten_at:%-d %B %Y}"
        kept = _days((self.forgotten_at - self.created_at).days)
        rule = settings.RETENTION_DAYS
        if rule is None:
            return f"The image was deleted on {day} after {kept}."
        return (
            f"The image was deleted on {day} after {kept}, as this installation keeps images for "
            f"{_days(rule)}."
        )

    @property
    def stored_names(self) -> list[str]:
        """The names of this image's files in the storage."""
        return [file.name for file in (self.original, self.preview, self.thumbnail) if file.name]


class Refusal(models.Model):
    """A file that was not taken in, and why; kept so that the page still tells it tomorrow."""

    submission = models.ForeignKey(Submission, models.CASCADE, related_name="refusals")
    file_name = models.CharField(max_length=255)
    code = models.CharField(max_length=40)
    sentence = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.file_name}: {self.code}"
