"""What people may fill in: files to hand in, and filters over their history."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone

from detection import image_files
from detection.models import Feedback, Label, State, VerdictKind, Webhook
from detection.models.analyses import AnalysisQuerySet
from detection.models.datasets import CONSENT_WORDS, NEWEST_WORDS
from detection.models.tags import TAG_LENGTH, tag_name
from detection.models.webhooks import EVENTS


def upload_limits() -> dict[str, Any]:
    """Return the limits on uploads, as templates and scripts show them."""
    return {
        "max_megabytes": settings.MAX_UPLOAD_BYTES // 1_000_000,
        "max_megapixels": settings.MAX_PIXELS // 1_000_000,
        "max_bytes": settings.MAX_UPLOAD_BYTES,
        "max_pixels": settings.MAX_PIXELS,
        "max_files": settings.MAX_FILES,
        "formats": image_files.FORMATS,
        "accept": ",".join(("image/*", *image_files.EXTENSIONS)),
    }


class ManyFilesInput(forms.ClearableFileInput):
    """A file picker that takes several files."""

    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Several files; what is in them is checked one by one when they are taken in."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        """Return the files, empty ones included: those are refused by name later."""
        files = data if isinstance(data, list) else [data]
        files = [file for file in files if file]
        if not files:
            raise forms.ValidationError("Choose at least one image.", code="no_file")
        return files


class SubmissionForm(forms.Form):
    """One or many images."""

    images = ManyFilesField(
        label="Images", widget=ManyFilesInput(attrs={"accept": "image/*", "multiple": True})
    )


class ImageForm(forms.Form):
    """One image, as the page's script sends them."""

    image = forms.FileField(
        allow_empty_file=True, error_messages={"required": "No file has arrived."}
    )


class BatchForm(forms.Form):
    """A zip that a page's script is about to send, piece by piece."""

    name = forms.CharField(max_length=1000)
    size = forms.IntegerField(min_value=0, max_value=2**60)
    wants_mail = forms.BooleanField(label="Mail me when it is done", required=False)


class BatchUploadForm(forms.Form):
    """A whole zip, from browsers without scripts."""

    zip = forms.FileField(
        label="A zip with images",
        allow_empty_file=True,
        error_messages={"required": "Choose a zip with images."},
        widget=forms.FileInput(attrs={"accept": ".zip,application/zip"}),
    )
    wants_mail = forms.BooleanField(label="Mail me when it is done", required=False)


class AddressForm(forms.Form):
    """Where images lie that a worker is to fetch."""

    addresses = forms.CharField(
        label="Addresses of images, one a line",
        max_length=100_000,
        widget=forms.Textarea(
            attrs={
                "rows": 4,
                "placeholder": "https://example.org/image.jpg",
                "inputmode": "url",
                "spellcheck": "false",
            }
        ),
        error_messages={"required": "Name at least one address."},
    )

    def clean_addresses(self) -> list[str]:
        """Return the lines that are not empty."""
        lines = self.cleaned_data["addresses"].splitlines()
        return [line.strip() for line in lines if line.strip()]


class WebhookForm(forms.Form):
    """An address that is to be told, and of what; the service says what is wrong with either."""

    url = forms.CharField(
        label="Address",
        max_length=2000,
        widget=forms.URLInput(attrs={"placeholder": "https://example.org/veripix"}),
        error_messages={"required": "Name an address."},
    )
    events = forms.MultipleChoiceField(
        label="Tell it when",
        choices=[(event.value, event.label) for event in EVENTS],
        initial=[EVENTS[0].value],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose what is to be told."},
    )

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookForm":
        """Return the form as a webhook stands."""
        return cls(initial={"url": webhook.url, "events": webhook.events})


class FeedbackForm(forms.Form):
    """What a person says an image is, and whether it may be used."""

    label = forms.ChoiceField(
        label="What is it really?",
        choices=[(Label.REAL, "A real photograph"), (Label.FAKE, "AI-generated")],
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Say what the image is."),
    )
    note = forms.CharField(
        label="How do you know? (optional)",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    has_consent = forms.BooleanField(label=CONSENT_WORDS[NEWEST_WORDS], required=False)

    @classmethod
    def for_report(cls, feedback: Feedback | None, verdict: str) -> "FeedbackForm":
        """Return the form as a report stands, or for a new one with the verdict's opposite."""
        if feedback is None:
            opposite = {VerdictKind.LIKELY_AI: Label.REAL, VerdictKind.LIKELY_REAL: Label.FAKE}
            return cls(initial={"label": opposite.get(VerdictKind(verdict))})
        kept = ("label", "note", "has_consent")
        return cls(initial={name: getattr(feedback, name) for name in kept})


class DayField(forms.DateField):
    """A day within the years that no time zone and no database drops off the end of."""

    widget = forms.DateInput(attrs={"type": "date"})
    default_validators = [
        MinValueValidator(date(2000, 1, 1)),
        MaxValueValidator(date(2999, 12, 31)),
    ]


class HistoryFilterForm(forms.Form):
    """What to show of my history; what cannot be understood does not filter."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=200,
        strip=True,
        widget=forms.TextInput(attrs={"placeholder": "File name, folder, tag or note"}),
    )
    tag = forms.CharField(required=False, max_length=TAG_LENGTH, widget=forms.HiddenInput)
    verdict = forms.ChoiceField(
        label="Verdict", required=False, choices=[("", "Any verdict"), *VerdictKind.choices]
    )
    state = forms.ChoiceField(
        label="State", required=False, choices=[("", "Any state"), *State.choices]
    )
    since = DayField(label="From", required=False)
    until = DayField(label="To", required=False)

    def filtered(self, analyses: AnalysisQuerySet) -> AnalysisQuerySet:
        """Return those of the analyses that fit what was understood."""
        found, text = self.fitting(analyses), self.text_wanted
        found = found.matching(text) if text else found
        return found.tagged(self.tag_wanted) if self.tag_wanted else found

    def fitting(self, analyses: AnalysisQuerySet) -> AnalysisQuerySet:
        """Return those that all filters but tag and text leave."""
        return analyses.filter(**self._lookups)

    @property
    def is_filtering(self) -> bool:
        """Tell whether anything but a tag is asked for."""
        return bool(self.text_wanted or self._lookups)

    @property
    def text_wanted(self) -> str:
        """The text that is looked for; empty for none."""
        return str(self._given.get("q", ""))

    @property
    def tag_wanted(self) -> str:
        """The tag that is asked for; empty for any."""
        return str(self._given.get("tag", ""))

    @property
    def _given(self) -> dict[str, Any]:
        """What was understood."""
        self.is_valid()
        return self.cleaned_data

    @property
    def _lookups(self) -> dict[str, Any]:
        """Conditions on columns.

        Days become moments here and not in the database: MySQL knows no time zones unless
        somebody has loaded them, and would find nothing without a word.
        """
        given = self._given
        state, verdict, until = given.get("state"), given.get("verdict"), given.get("until")
        lookups = {
            "verdict": verdict,
            # Only what has finished has a verdict. Both are said, as both lead through the index.
            "state": state or (State.FINISHED if verdict else ""),
            "created_at__gte": _midnight(given.get("since")),
            "created_at__lt": _midnight(until + timedelta(days=1) if until else None),
        }
        lookups = {lookup: value for lookup, value in lookups.items() if value}
        if state and state != State.FINISHED and not verdict:
            lookups["verdict"] = ""
        return lookups

    def clean_tag(self) -> str:
        """Return the tag as tags are kept."""
        return tag_name(self.cleaned_data["tag"])


def _midnight(day: date | None) -> datetime | None:
    """Return the moment at which a day begins here."""
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None
