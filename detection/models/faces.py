"""The faces that an analysis of the face track found, each with a verdict of its own."""

from typing import Any, Self

from django.db import models

from detection.models.analyses import Analysis
from detection.models.judged import Judged, new_public_id
from detection.models.submissions import may_review


class FaceQuerySet(models.QuerySet["Face"]):
    """Reads of faces."""

    def visible_to(self, user: Any) -> Self:
        """Only faces in this user's images."""
        return self.filter(analysis__image__submission__owner_id=user.pk)

    def media_for(self, user: Any) -> Self:
        """Faces whose heatmaps this user may open."""
        return self if may_review(user) else self.visible_to(user)


class Face(Judged):
    """One face: the square of the upright image that the model looked at, and what it said."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    analysis = models.ForeignKey(Analysis, models.CASCADE, related_name="faces")
    # From 1, from left to right: what the page calls it.
    number = models.PositiveSmallIntegerField()
    left = models.PositiveIntegerField()
    top = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    confidence = models.FloatField("how sure its finder is")

    objects = FaceQuerySet.as_manager()

    class Meta:
        ordering = ["analysis", "number"]
        constraints = [
            models.UniqueConstraint(fields=["analysis", "number"], name="face_number_once"),
        ]

    @property
    def shows_number(self) -> bool:
        """Tell whether people see its number: beyond the validated kind it is at chance."""
        return self.p_fake is not None and self.in_domain is True

    def __str__(self) -> str:
        return f"Face {self.number} · {self.get_verdict_display()}"
