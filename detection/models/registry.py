"""Registered models, their immutable versions, and which version answers."""

from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db import models

from detection.models.false_alarms import FalseAlarmBound, bound_of

# From this shorter side on, in pixels, an image is a photograph; `ml.photo` takes none below it.
PHOTO_LEAST_SIDE = 128


class Track(models.TextChoices):
    """Which kind of model looks at an image."""

    THUMBNAIL = "thumbnail", "Thumbnail"
    PHOTO = "photo", "Photo"
    FACE = "face", "Face"

    @classmethod
    def of_size(cls, width: int, height: int) -> "Track":
        """Return who looks at a whole image of this upright size in pixels."""
        return cls.PHOTO if min(width, height) >= PHOTO_LEAST_SIDE else cls.THUMBNAIL


class RegisteredModel(models.Model):
    """A name under which versions are numbered.

    The champion is a pointer and not a flag on the version: a rule "one flag a model" would be a
    conditional unique constraint, which MySQL leaves out without a word.
    """

    name = models.SlugField(max_length=64, unique=True)
    track = models.CharField(max_length=16, choices=Track)
    champion = models.OneToOneField(
        "ModelVersion", models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    # Answers beside the champion on live images; its answers are kept and never shown.
    challenger = models.OneToOneField(
        "ModelVersion", models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField("created", auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    """Reads of versions."""

    def champion_of(self, track: str) -> "ModelVersion | None":
        """Return the version that answers in this track, if one does.

        Where several models of the track have a champion, the last promotion decides: whoever
        promotes a version means it to answer.
        """
        champions = self.filter(model__track=track, model__champion=models.F("pk"))
        promoted = champions.annotate(promotion=models.Max("model__promotions__pk"))
        return promoted.select_related("model").order_by("-promotion", "model__pk").first()

    def champions(self) -> Self:
        """Those that answer under the name of their model."""
        return self.filter(model__champion=models.F("pk")).select_related("model")

    def challengers_of(self, track: str) -> Self:
        """Those that answer in the shadow in this track."""
        challengers = self.filter(model__track=track, model__challenger=models.F("pk"))
        return challengers.select_related("model")

    def challenged_tracks(self) -> "models.QuerySet[ModelVersion, str]":
        """Tracks in which a version answers in the shadow."""
        return self.filter(model__challenger=models.F("pk")).values_list("model__track", flat=True)

    def named(self, label: str) -> "ModelVersion":
        """Return a version by `name` (its champion) or `name:number`.

        Raises:
            ModelVersion.DoesNotExist: When there is none.
        """
        name, _, number = label.partition(":")
        versions = self.select_related("model").filter(model__name=name)
        if not number:
            return versions.get(model__champion=models.F("pk"))
        if not number.isdecimal():
            raise self.model.DoesNotExist
        return versions.get(number=int(number))


class ModelVersion(models.Model):
    """Weights and spec as they were registered.

    Nothing is changed afterwards; a graph or a measurement of the same weights may be added once.
    """

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    weights_sha256 = models.CharField("sha256 of the weights", max_length=64)
    spec = models.JSONField()
    # HMAC over what was registered: see services.signatures. Empty: from before there were any.
    signature = models.CharField(max_length=64, blank=True)
    # What it was before it was imported from another installation; empty: made or shipped here.
    origin = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField("registered", auto_now_add=True)

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ["model__name", "-number"]
        verbose_name = "model version"
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="version_number_once"),
            models.UniqueConstraint(fields=["model", "weights_sha256"], name="weights_once"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """Name and number as people read them."""
        return f"{self.model.name} {self.number}"

    @property
    def was_champion(self) -> bool:
        """Tell whether it was ever promoted, so that going to it is going back."""
        return Promotion.objects.filter(to_version=self).exists()

    @property
    def has_stood_its_gates(self) -> bool:
        """Tell whether it was ever promoted without a written reason in place of a gate."""
        return Promotion.objects.filter(to_version=self, override_reason="").exists()

    @property
    def directory(self) -> Path:
        """The folder with the weights and the spec."""
        return Path(settings.MODELS_ROOT) / self.model.name / str(self.number)

    @property
    def byte_size(self) -> int:
        """Size of weights and compiled graph; 0 where they are gone."""
        names = [self.spec.get(field, "") for field in ("weights_file", "graph_file")]
        paths = [self.directory / name for name in names if name]
        return sum(path.stat().st_size for path in paths if path.is_file())

    @property
    def domain_sentence(self) -> str:
        """For which images the version was validated."""
        return str(self.spec["domain"]["sentence"])

    @property
    def band(self) -> tuple[float, float]:
        """Between these two probabilities the version does not decide.

        The upper end is lifted where false alarms have to be fewer than it alone would keep them.
        An even chance lies within the band always: where false alarms alone would allow more, as
        with classes of very different size, no verdict is to go against what is more probable.
        """
        calibration, bound = self.spec["calibration"], self.false_alarms
        high = max(calibration["band_high"], bound.threshold if bound else 0.0, 0.5)
        return min(calibration["band_low"], 0.5), high

    @property
    def false_alarms(self) -> FalseAlarmBound | None:
        """The bound on false alarms that holds for the version, by the setting of today.

        `None` where its spec does not tell, and for one that was fitted to photographs: whoever
        fitted it chose the share, and its figures are about that.
        """
        if self.photo:
            return None
        return bound_of(self.spec["calibration"], settings.MAX_FALSE_ALARMS)

    @property
    def photo(self) -> dict[str, Any]:
        """What its fit found, for a version of the photo track (`ml.contract.PhotoFigures`)."""
        return self.spec.get("photo") or {}

    @property
    def evaluation(self) -> dict[str, Any]:
        """The figures on the standard test images that the spec carries, if it does."""
        return self.spec.get("evaluation") or {}


class PromotionQuerySet(models.QuerySet["Promotion"]):
    """Reads of promotions."""

    def of_track(self, track: str) -> Self:
        """Those of all models of a track."""
        return self.filter(model__track=track)

    def for_display(self) -> Self:
        """With the names of both versions, in one query."""
        return self.select_related("from_version__model", "to_version__model")

    def newest_first(self) -> Self:
        """Latest event first."""
        return self.order_by("-created_at", "-pk")


class Promotion(models.Model):
    """An event: who moved the champion of a model, from which version to which, and why."""

    model = models.ForeignKey(RegisteredModel, models.CASCADE, related_name="promotions")
    from_version = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, blank=True, related_name="+"
    )
    to_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="+")
    # Empty when the installation itself did it; kept when the person is deleted.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=500)
    # The gates as they stood: name, limit, value, passed. An override says why it went through.
    gates = models.JSONField(default=list)
    override_reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField("when", auto_now_add=True)

    objects = PromotionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.model}: {self.from_version or 'none'} → {self.to_version}"
