"""The page that asks for a fit to one's own photographs, and says what there is for one."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from unfold.widgets import CHECKBOX_CLASSES, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from detection.admin.datasets.pages import panel_page
from detection.models import Dataset, Snapshot, TrainingRun
from detection.models.datasets import DatasetQuerySet
from detection.services import training
from detection.services.training import Material, RunRefused

ADD = "detection.add_trainingrun"


class FitForm(forms.Form):
    """What is fitted to, what the model is called, and how many false alarms it may give."""

    datasets = forms.ModelMultipleChoiceField(
        queryset=Dataset.objects.for_training(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": " ".join(CHECKBOX_CLASSES)}),
    )
    snapshot = forms.ModelChoiceField(
        queryset=Snapshot.objects.undivided(),
        required=False,
        empty_label="What the datasets hold today",
        widget=UnfoldAdminSelectWidget,
        label="Or a frozen list",
        help_text="One that was frozen for a fit before; the datasets above then count nothing.",
    )
    name = forms.CharField(
        max_length=64,
        widget=UnfoldAdminTextInputWidget,
        help_text="Of the model, in small letters, digits and hyphens: a fit under the same name "
        "becomes its next version.",
    )
    false_alarms_percent = forms.FloatField(
        label="False alarms, in percent",
        min_value=1,
        max_value=50,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="So many of the real photographs may be called AI-generated. 1 to 50.",
    )

    def clean(self) -> dict[str, Any]:
        """A fit needs something to learn from."""
        cleaned = super().clean() or {}
        if not cleaned.get("snapshot") and not cleaned.get("datasets"):
            self.add_error("datasets", "Choose at least one dataset.")
        return cleaned

    def options(self) -> dict[str, Any]:
        """Return what `fit_request` takes."""
        given = self.cleaned_data
        return {
            "datasets": given["datasets"],
            "snapshot": given["snapshot"],
            "name": given["name"].strip(),
            "false_alarms": given["false_alarms_percent"] / 100,
        }


def fit(request: HttpRequest) -> HttpResponse:
    """Show what there is to fit on, or ask for the fit."""
    _require(request)
    form = FitForm(request.POST or None, initial=_initial())
    if request.method == "POST" and form.is_valid():
        try:
            run = training.fit_request(user=request.user, **form.options())
        except RunRefused as refused:
            form.add_error(None, refused.sentence)
        else:
            return redirect("admin:detection_trainingrun_change", run.pk)
    return panel_page(
        request,
        "admin/training/fit.html",
        title="Fit a photo model",
        opts=TrainingRun._meta,
        form=form,
        active=TrainingRun.objects.active().first(),
        last=TrainingRun.objects.fits().exclude(version=None).first(),
        **_told(form),
    )


@require_safe
def material(request: HttpRequest) -> HttpResponse:
    """Show what there is in other datasets."""
    _require(request)
    form = FitForm(request.GET)
    return render(request, "admin/training/_material.html", _told(form))


def _initial() -> dict[str, Any]:
    return {
        "datasets": _usual(),
        "name": training.DEFAULT_NAME,
        "false_alarms_percent": round(100 * settings.PHOTO_FALSE_ALARMS, 2),
    }


def _usual() -> DatasetQuerySet:
    """Return the datasets of the last fit; before the first, those that hold both classes."""
    datasets = Dataset.objects.for_training()
    last = TrainingRun.objects.fits().select_related("snapshot").first()
    fitted = datasets.filter(snapshots=last.snapshot) if last else datasets.none()
    return fitted if fitted.exists() else datasets.with_photographs()


def _told(form: FitForm) -> dict[str, Any]:
    """Return what the template of the material needs."""
    found = _material(form)
    copied = Dataset.objects.filter(pk__in=found.alike.datasets)
    return {"material": found, "with_copies": copied}


def _material(form: FitForm) -> Material:
    """Count what the form's choice holds; what it cannot be understood to choose counts nothing."""
    if not form.is_bound:
        return training.material_of(form.initial["datasets"])
    form.is_valid()
    snapshot = form.cleaned_data.get("snapshot")
    if snapshot is not None:
        return training.material_frozen(snapshot)
    return training.material_of(form.cleaned_data.get("datasets") or [])


def _require(request: HttpRequest) -> None:
    if not request.user.has_perm(ADD):
        raise PermissionDenied
