"""Which models answer here: what each is for, what it was measured to do, and how it came to."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from detection import plain_figures
from detection.models import ModelVersion, Promotion, Track
from detection.plain_figures import Found, Measured
from detection.services.signatures import version_is_at_hand

CARD = "MODEL_CARD.md"
# The newest events of a track; older ones stand in the administration.
SHOWN_PROMOTIONS = 10
# What the terms of the training data ask of whoever uses a model that learnt from them.
NOTICES = {
    "faces-inception": (
        "For research and evaluation only. It learnt from FFHQ, which is published under "
        "CC BY-NC-SA 4.0."
    ),
}


@dataclass(frozen=True, slots=True)
class OnTrack:
    """A track, the version that answers in it, and what the page says of it."""

    track: Track
    champion: ModelVersion | None
    promotions: list[Promotion]

    @property
    def measured(self) -> list[Measured]:
        """What its test found, images as they are first."""
        return plain_figures.measured(self.champion.spec) if self.champion else []

    @property
    def degraded(self) -> list[Found]:
        """What a fit finds in degraded pictures."""
        return plain_figures.found_by_fit(self.champion.spec) if self.champion else []

    @property
    def bar_end(self) -> float:
        """The share at which the bars of its table end."""
        rows = self.measured
        return plain_figures.bar_end(one for row in rows for one in (row.false_alarms, row.misses))

    @property
    def measured_bound(self) -> float | None:
        """The share of false alarms that its test was measured with, where there was one."""
        return self.champion.evaluation.get("max_false_alarms") if self.champion else None

    @property
    def other_bound(self) -> float | None:
        """The share that holds here, where it is another one."""
        bound = self.champion.false_alarms if self.champion else None
        return bound.share if bound and bound.share != self.measured_bound else None

    @property
    def calibration_error(self) -> float | None:
        """How many points its percentages were off on average."""
        return plain_figures.calibration_error(self.champion.spec) if self.champion else None

    @property
    def trained_on(self) -> str:
        """From how many images it learnt."""
        return plain_figures.trained_on(self.champion.spec) if self.champion else ""

    @property
    def notice(self) -> str:
        """Under which terms it may be used, where its training data restrict that."""
        return NOTICES.get(self.champion.model.name, "") if self.champion else ""

    @property
    def has_card(self) -> bool:
        """Tell whether there is a model card to download."""
        return self.champion is not None and _card(self.champion).is_file()


@login_required
@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """Show the champion of each track with its figures and the champions before it."""
    tracks = [
        OnTrack(
            track,
            ModelVersion.objects.champion_of(track),
            list(Promotion.objects.of_track(track).for_display().newest_first()[:SHOWN_PROMOTIONS]),
        )
        for track in (Track.PHOTO, Track.THUMBNAIL, Track.FACE)
    ]
    return render(request, "models/models.html", {"tracks": tracks})


@login_required
@require_safe
def model_card(request: HttpRequest, name: str, number: int) -> FileResponse:
    """Serve the model card of a version that answers, as a text to download."""
    champions = ModelVersion.objects.champions()
    version = get_object_or_404(champions, model__name=name, number=number)
    try:
        opened = _card(version).open("rb")
    except FileNotFoundError:
        raise Http404("This version has no card.") from None
    return FileResponse(
        opened,
        content_type="text/plain; charset=utf-8",
        as_attachment=True,
        filename=f"{name}-{number}-card.md",
    )


def _card(version: ModelVersion) -> Path:
    """Return where the card lies; a web process elsewhere fetches the version for it, once."""
    path = version.directory / CARD
    if settings.IS_STORAGE_REMOTE and not path.is_file():
        version_is_at_hand(version=version)
    return path
