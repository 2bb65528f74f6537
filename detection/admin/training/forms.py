"""What an administrator decides of a run and of the schedule, within sensible limits."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanWidget,
)

from detection import ml_gateway
from detection.models import Dataset, ModelVersion, Snapshot, Track
from detection.models.training import CHOSEN
from detection.services import training

VERSION, SCRATCH = "version", "scratch"
OFFERED_VERSIONS = 30


class Start:
    """What a run begins with: a version, or an architecture with fresh weights.

    Its text is `version:7` or `scratch:residual`.
    """

    def __init__(self, text: str) -> None:
        kind, _, value = text.partition(":")
        self.base: ModelVersion | None = None
        if kind == VERSION and value.isdecimal():
            self.base = _versions().filter(pk=int(value)).first()
        self.architecture = value if kind == SCRATCH else ""
        if self.base is not None:
            self.architecture = str(self.base.spec["architecture"])

    @property
    def is_known(self) -> bool:
        """Tell whether there is such a version or architecture."""
        return self.base is not None or self.architecture in ml_gateway.architectures_offered()

    def defaults(self) -> dict[str, Any]:
        """Return the settings that fit this start."""
        return training.run_defaults(architecture=self.architecture, base_version=self.base)


def _versions() -> Any:
    return ModelVersion.objects.select_related("model").filter(model__track=Track.THUMBNAIL)


def start_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return versions, the champion first, and architectures."""
    champion = ModelVersion.objects.champion_of(Track.THUMBNAIL)
    versions = sorted(_versions().order_by("-pk")[:OFFERED_VERSIONS], key=lambda v: v != champion)
    if champion is not None and champion not in versions:
        versions.insert(0, champion)
    goes_on = [
        (f"{VERSION}:{v.pk}", f"{v.label} (champion)" if v == champion else v.label)
        for v in versions
    ]
    fresh = [(f"{SCRATCH}:{name}", name) for name in ml_gateway.architectures_offered()]
    return [("Go on from a version", goes_on), ("From scratch", fresh)]


def _number(least: float, most: float, *, step: str = "any", **options: Any) -> Any:
    field: Any = forms.IntegerField if step == "1" else forms.FloatField
    widget = UnfoldAdminIntegerFieldWidget(attrs={"step": step, "min": least, "max": most})
    return field(min_value=least, max_value=most, widget=widget, **options)


class RunForm(forms.Form):
    """A new training run."""

    snapshot = forms.ModelChoiceField(
        Snapshot.objects.divided(),
        widget=UnfoldAdminSelectWidget,
        empty_label=None,
        help_text="What the run learns from. Its held-out images and every sealed set stay unseen.",
    )
    start = forms.ChoiceField(
        label="Begin with",
        widget=UnfoldAdminSelectWidget,
        help_text="Going on from a version takes minutes and keeps what it knows; from scratch "
        "takes hours and forgets it. The settings below follow this choice.",
    )
    epochs = _number(
        1, 500, step="1", help_text="How often the run goes through all images. 1 to 500."
    )
    peak_learning_rate = _number(
        1e-7,
        1.0,
        label="Learning rate",
        help_text="The largest step of the run. Too high, and what was known is lost.",
    )
    batch_size = _number(
        2,
        4096,
        step="1",
        help_text="Images a step. Half of it needs about half of the memory. 2 to 4096.",
    )
    horizontal_flip = forms.BooleanField(
        label="Mirror images",
        required=False,
        widget=UnfoldBooleanWidget,
        help_text="Half of the images are mirrored, so that left and right tell nothing.",
    )
    cutmix = _number(
        0,
        1,
        label="Mixed batches",
        help_text="Share of the batches in which images get a rectangle of another. 0 to 1.",
    )
    degradation = _number(
        0,
        1,
        label="Degraded images",
        help_text="Share of the images that are compressed, blurred, scaled or made noisy, as "
        "happens to images on their way. 0 to 1.",
    )
    new_share = _number(
        0,
        1,
        label="Share of new images",
        required=False,
        help_text="How much of each class comes from images that the version was not trained on. "
        "Empty: all images as they come. Only where a run goes on from a version.",
    )
    seed = _number(
        0, 2**31 - 1, step="1", help_text="The same seed, images and machine make the same model."
    )
    precision = forms.ChoiceField(
        choices=[
            ("auto", "As fits the machine"),
            ("float32", "32 bits"),
            ("mixed_bfloat16", "16 bits where that is enough"),
        ],
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["start"].choices = start_choices()  # type: ignore[attr-defined]

    @property
    def settings_fields(self) -> list[forms.BoundField]:
        """The fields that follow the start."""
        return [self[name] for name in CHOSEN]

    def clean_start(self) -> Start:
        """Return the start, which exists: the choices were made just now."""
        return Start(self.cleaned_data["start"])

    def config(self) -> dict[str, Any]:
        """Return the settings as the service takes them."""
        return {name: self.cleaned_data[name] for name in CHOSEN}


class ScheduleForm(forms.Form):
    """When the installation asks for a run by itself."""

    is_on = forms.BooleanField(
        label="Retrain by itself",
        required=False,
        widget=UnfoldBooleanWidget,
        help_text="A run goes on from the champion. What it makes answers nobody until somebody "
        "promotes it.",
    )
    least_new = _number(
        1,
        1_000_000,
        step="1",
        label="New reviewed images",
        help_text="A run is asked for once so many have come in since the last one.",
    )
    hour = _number(
        0,
        23,
        step="1",
        label="Hour of the day",
        help_text="0 to 23, in the time zone of this installation.",
    )
    datasets = forms.ModelMultipleChoiceField(
        Dataset.objects.for_training(),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="The snapshot is frozen from the reviewed images of these.",
    )

    def clean(self) -> dict[str, Any]:
        """A schedule that is on needs something to learn from."""
        cleaned = super().clean() or {}
        if cleaned.get("is_on") and not cleaned.get("datasets"):
            self.add_error("datasets", "Choose at least one dataset.")
        return cleaned
