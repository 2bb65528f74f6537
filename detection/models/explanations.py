"""Heatmaps beyond the one that comes with the verdict, each drawn when somebody asks for it."""

from typing import Any, Self

from django.db import models
from django.utils import timezone

from detection.models.analyses import STUCK_AFTER, Analysis, State
from detection.models.judged import heatmap_name, new_public_id
from detection.models.submissions import may_review


class Method(models.TextChoices):
    """How a heatmap is drawn; the values are those of `ml.explanation.METHODS`."""

    GRAD_CAM = "grad-cam", "Grad-CAM"
    GRAD_CAM_PLUS_PLUS = "grad-cam++", "Grad-CAM++"
    LAYER_CAM = "layer-cam", "LayerCAM"
    HIRES_CAM = "hires-cam", "HiResCAM"
    SCORE_CAM = "score-cam", "Score-CAM"

    @property
    def sentence(self) -> str:
        """What it does, for people."""
        return SENTENCES[self]


SENTENCES = {
    Method.GRAD_CAM: "Shows where the patterns lie that moved the answer, each weighed by how much "
    "it did so on average.",
    Method.GRAD_CAM_PLUS_PLUS: "Like Grad-CAM, but only patterns that support the answer count, so "
    "that several separate places can stand out.",
    Method.LAYER_CAM: "Weighs every place by itself, and counts only what supports the answer "
    "there.",
    Method.HIRES_CAM: "Weighs every place by itself, for and against; where a model averages over "
    "the whole image at its end, it is the same picture as Grad-CAM.",
    Method.SCORE_CAM: "Covers the image but for one pattern at a time and watches how the answer "
    "changes; the slowest of the five.",
}


class ExplanationQuerySet(models.QuerySet["Explanation"]):
    """Reads of explanations."""

    def media_for(self, user: Any) -> Self:
        """Explanations whose heatmaps this user may open."""
        is_own = models.Q(analysis__image__submission__owner_id=user.pk)
        return self if may_review(user) else self.filter(is_own)

    def waiting(self) -> Self:
        """Asked for and not drawn yet."""
        return self.filter(state=State.QUEUED)


class Explanation(models.Model):
    """One more heatmap of a finished analysis, by the version that gave the verdict."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    analysis = models.ForeignKey(Analysis, models.CASCADE, related_name="explanations")
    method = models.CharField(max_length=16, choices=Method)
    # Queued, then finished or failed: drawing it twice is harmless, so nobody claims it.
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    heatmap = models.FileField(upload_to=heatmap_name, max_length=100, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    asked_at = models.DateTimeField("asked for", default=timezone.now, editable=False)
    finished_at = models.DateTimeField("ended", null=True, blank=True)

    objects = ExplanationQuerySet.as_manager()

    class Meta:
        ordering = ["analysis", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["analysis", "method"], name="explanation_method_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_method_display()} · {self.get_state_display()}"

    @property
    def is_waiting(self) -> bool:
        """Tell whether the heatmap is still to come."""
        return self.state == State.QUEUED

    @property
    def can_ask_again(self) -> bool:
        """Tell whether asking again makes sense: it failed, or nobody takes it up."""
        if self.state == State.FAILED:
            return True
        return self.is_waiting and timezone.now() - self.asked_at > STUCK_AFTER
