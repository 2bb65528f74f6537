"""What staff fill in about data."""

from typing import Any

from django import forms
from unfold.widgets import (
    CHECKBOX_CLASSES,
    FILE_CLASSES,
    INPUT_CLASSES,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from detection.forms import ManyFilesField, ManyFilesInput
from detection.models import Dataset, ItemState, Label

LATER = "later"
BY_FOLDER = [("", "as its folders REAL and FAKE say"), *Label.choices]


class ImportForm(forms.Form):
    """What is said of all images of an import."""

    # Two such forms stand on one page, and no two fields may share an id.
    prefix_of_ids = "import"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"auto_id": f"{self.prefix_of_ids}_%s", **options})

    label = forms.ChoiceField(
        label="Every image is",
        choices=BY_FOLDER,
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    source = forms.CharField(
        max_length=120,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Site, collection or camera; kept with each image.",
    )
    is_reviewed = forms.BooleanField(
        label="I vouch for the labels",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Otherwise every image waits for a review.",
    )


class PanelFilesInput(ManyFilesInput):
    """A picker of several files that looks like the panel's other fields."""

    template_name = "django/forms/widgets/file.html"


class UploadForm(ImportForm):
    """Images or zips from the person's own machine."""

    chosen = ManyFilesField(
        label="Images or zips",
        widget=PanelFilesInput(
            attrs={
                "multiple": True,
                "accept": "image/*,.zip",
                "class": " ".join([*INPUT_CLASSES, *FILE_CLASSES]),
            }
        ),
    )
    prefix_of_ids = "upload"
    field_order = ["chosen", "label", "source", "is_reviewed"]


class ServerForm(ImportForm):
    """A folder or zip on the server."""

    path = forms.CharField(
        label="Folder or zip", max_length=400, strip=True, widget=UnfoldAdminTextInputWidget
    )
    prefix_of_ids = "server"
    field_order = ["path", "label", "source", "is_reviewed"]


class GridForm(forms.Form):
    """Which images of a dataset to show; what cannot be understood does not filter."""

    label = forms.ChoiceField(
        choices=[("", "Any label"), *Label.choices],
        required=False,
        widget=UnfoldAdminSelectWidget(attrs={"aria-label": "Label"}),
    )
    state = forms.ChoiceField(
        choices=[("", "Any state"), *ItemState.choices],
        required=False,
        widget=UnfoldAdminSelectWidget(attrs={"aria-label": "State"}),
    )
    source = forms.CharField(
        required=False,
        max_length=120,
        widget=UnfoldAdminTextInputWidget(
            attrs={"placeholder": "Any source", "list": "sources", "aria-label": "Source"}
        ),
    )

    def filters(self) -> dict[str, Any]:
        """Return QuerySet filters for what was understood."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class FreezeForm(forms.Form):
    """What goes into a snapshot, and how it is split."""

    datasets = forms.ModelMultipleChoiceField(
        queryset=Dataset.objects.for_training(),
        widget=forms.CheckboxSelectMultiple(attrs={"class": " ".join(CHECKBOX_CLASSES)}),
        error_messages={"required": "Choose at least one dataset."},
    )
    validation_percent = forms.IntegerField(
        label="Validation, in percent",
        min_value=1,
        max_value=49,
        initial=6,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
        help_text="Epochs and thresholds are chosen on these images.",
    )
    test_percent = forms.IntegerField(
        label="Held-out test, in percent",
        min_value=1,
        max_value=49,
        initial=10,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
        help_text="Seen by the finished version only.",
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**31,
        initial=7,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
        help_text="With the same seed, images keep the sides that they had before.",
    )
    note = forms.CharField(max_length=500, required=False, widget=UnfoldAdminTextInputWidget)

    def options(self) -> dict[str, Any]:
        """Return what `snapshot_freeze` takes."""
        given = self.cleaned_data
        return {
            "datasets": given["datasets"],
            "seed": given["seed"],
            "validation_share": given["validation_percent"] / 100,
            "test_share": given["test_percent"] / 100,
            "note": given["note"],
        }


class FromAnalysesForm(forms.Form):
    """Where images of analyses go, and what they are."""

    dataset = forms.ModelChoiceField(
        queryset=Dataset.objects.all(), widget=UnfoldAdminSelectWidget, empty_label=None
    )
    label = forms.ChoiceField(
        label="Every image is",
        # Nothing is preset: whoever adds images says what they are, not the model.
        choices=[("", "choose…"), *Label.choices, (LATER, "to be reviewed, one by one")],
        widget=UnfoldAdminSelectWidget,
        error_messages={"required": "Say what the images are."},
    )
    source = forms.CharField(
        max_length=120,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Site, collection or camera; kept with each image.",
    )

    def clean_label(self) -> str:
        """Return the label; none where somebody says it later."""
        label: str = self.cleaned_data["label"]
        return "" if label == LATER else label
