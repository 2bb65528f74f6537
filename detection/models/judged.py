"""What is kept of a judgement, be it of a whole image or of one face in it."""

import secrets

from django.db import models

# First reasons with which the file, and not the network, decided: see `detection.verdicts`.
FILE_CODES = ("signed_ai", "signed_ai_parts", "signed_capture", "file_says_ai")

# Reasons that lower the certainty of a verdict: see there as well.
DOUBT_CODES = (
    *("file_says_otherwise", "too_compressed", "screenshot", "changed_after_signing"),
    *("thumbnail_differs", "few_pixels"),
)


class VerdictKind(models.TextChoices):
    """What people read."""

    LIKELY_AI = "likely_ai", "Likely AI-generated"
    LIKELY_REAL = "likely_real", "Likely real"
    INCONCLUSIVE = "inconclusive", "Inconclusive"


class Certainty(models.TextChoices):
    """How far a verdict can be relied on; empty where it was stored before there were any."""

    SETTLED = "settled", "Settled by a signature"
    HIGH = "high", "High certainty"
    MODERATE = "moderate", "Moderate certainty"
    LOW = "low", "Low certainty"


def new_public_id() -> str:
    """Return a random id for addresses: 96 bits, in characters that no database folds."""
    return secrets.token_hex(12)


def storage_name(folder: str, suffix: str) -> str:
    """Return a random name in a folder of the storage."""
    name = secrets.token_hex(16)
    return f"{folder}/{name[:2]}/{name}{suffix}"


def heatmap_name(instance: models.Model, file_name: str) -> str:
    """Name a stored heatmap."""
    return storage_name("heatmaps", ".png")


class Judged(models.Model):
    """Probability, verdict and heatmap; the first two are empty where nothing was decided yet."""

    p_fake = models.FloatField("P(AI-generated)", null=True, blank=True)
    in_domain = models.BooleanField("in the model's domain", null=True, blank=True)
    verdict = models.CharField(max_length=16, choices=VerdictKind, blank=True)
    # Empty for what is inconclusive.
    certainty = models.CharField(max_length=16, choices=Certainty, blank=True)
    reasons = models.JSONField(default=list, blank=True)
    # Sentences: what would lead to another verdict.
    would_change = models.JSONField(default=list, blank=True)
    heatmap = models.FileField(upload_to=heatmap_name, max_length=100, blank=True)
    heatmap_method = models.CharField(max_length=40, blank=True)

    class Meta:
        abstract = True

    @property
    def percent_fake(self) -> float | None:
        """Calibrated probability of AI in percent, to one decimal.

        Kept within 0.1 and 99.9: no measurement supports the certainty that "100 %" promises.
        """
        if self.p_fake is None:
            return None
        return min(max(round(100 * self.p_fake, 1), 0.1), 99.9)

    @property
    def percent_real(self) -> float | None:
        """What is left of the hundred."""
        percent = self.percent_fake
        return None if percent is None else round(100 - percent, 1)

    @property
    def code(self) -> str:
        """The first reason's code."""
        return str(self.reasons[0]["code"]) if self.reasons else ""

    @property
    def summary(self) -> str:
        """The first reason: one plain sentence on what the verdict means."""
        return str(self.reasons[0]["sentence"]) if self.reasons else ""

    @property
    def doubts(self) -> list[dict[str, str]]:
        """The reasons for which a decided verdict is less certain than it would be."""
        if not self.certainty:
            return []
        return [reason for reason in self.reasons if reason["code"] in DOUBT_CODES]

    @property
    def rests_on_file(self) -> bool:
        """Tell whether its verdict rests on what the file says, and not on the network's number."""
        return self.code in FILE_CODES
