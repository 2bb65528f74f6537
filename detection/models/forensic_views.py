"""Pictures made of an image, in which the eye may see what was done to it."""

from typing import Any, Self

from django.db import models
from django.utils import timezone

from detection.models.analyses import STUCK_AFTER, State
from detection.models.judged import new_public_id, storage_name
from detection.models.submissions import SubmittedImage, may_review


class ViewKind(models.TextChoices):
    """What a view shows; the values are those of `ml.views`."""

    ERROR_LEVELS = "error_levels", "Error levels"
    NOISE = "noise", "Noise"
    SPECTRUM = "spectrum", "Spectrum"
    GRADIENT = "gradient", "Gradient"


def view_name(instance: models.Model, file_name: str) -> str:
    """Name a stored view."""
    return storage_name("views", ".webp")


class ForensicViewsQuerySet(models.QuerySet["ForensicViews"]):
    """Reads of views."""

    def media_for(self, user: Any) -> Self:
        """Views that this user may open."""
        is_own = models.Q(image__submission__owner_id=user.pk)
        return self if may_review(user) else self.filter(is_own)

    def waiting(self) -> Self:
        """Asked for and not drawn yet."""
        return self.filter(state=State.QUEUED)


class ForensicViews(models.Model):
    """The views of one image, all drawn together when somebody opens its page."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    image = models.OneToOneField(SubmittedImage, models.CASCADE, related_name="views")
    # Queued, then finished or failed: drawing them twice is harmless, so nobody claims them.
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    error_levels = models.FileField(upload_to=view_name, max_length=100, blank=True)
    noise = models.FileField(upload_to=view_name, max_length=100, blank=True)
    spectrum = models.FileField(upload_to=view_name, max_length=100, blank=True)
    gradient = models.FileField(upload_to=view_name, max_length=100, blank=True)
    # The image itself with its own pixels, encoded anew; only where the preview has fewer.
    full = models.FileField(upload_to=view_name, max_length=100, blank=True)
    # What drawing them told beside: findings as `detection.findings` stores them.
    findings = models.JSONField(default=list, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    asked_at = models.DateTimeField("asked for", default=timezone.now, editable=False)
    finished_at = models.DateTimeField("ended", null=True, blank=True)
    milliseconds = models.PositiveIntegerField("work in ms", null=True, blank=True)

    objects = ForensicViewsQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "forensic views"

    def __str__(self) -> str:
        return f"{self.image} · {self.get_state_display()}"

    @property
    def is_waiting(self) -> bool:
        """Tell whether they are still to come."""
        return self.state == State.QUEUED

    @property
    def is_drawn(self) -> bool:
        """Tell whether they are there."""
        return self.state == State.FINISHED

    @property
    def can_ask_again(self) -> bool:
        """Tell whether asking again makes sense: they failed, or nobody takes them up."""
        if self.state == State.FAILED:
            return True
        return self.is_waiting and timezone.now() - self.asked_at > STUCK_AFTER

    @property
    def stored_names(self) -> list[str]:
        """The names of the files in the storage."""
        files = (getattr(self, name) for name in (*ViewKind.values, "full"))
        return [file.name for file in files if file.name]
