"""The other looks at an image: earlier and later verdicts, and asking for another one."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from detection.models import Analysis, ModelVersion, State
from detection.services.repeats import RepeatRefused
from detection.services.repeats import analysis_repeat as repeat


@login_required
@require_POST
def analysis_repeat(request: HttpRequest, public_id: str) -> HttpResponse:
    """Ask the model of today about an image that it has not judged."""
    mine = Analysis.objects.visible_to(request.user).on_images().for_display()
    analysis = get_object_or_404(mine, public_id=public_id)
    try:
        analysis = repeat(analysis=analysis, user=request.user)
    except RepeatRefused as refused:
        messages.warning(request, refused.sentence)
    return redirect("analysis_detail", analysis.public_id)


def repeats_context(analysis: Analysis) -> dict[str, Any]:
    """Return what the verdict page says about other looks at its image.

    `newer` is the verdict that stands instead, `under_way` the look that is to come, `earlier`
    those before, `successor` the version that could be asked now, and `is_anew` whether the file
    may say something else by now.
    """
    looks = Analysis.objects.filter(image=analysis.image_id).on_images().for_display()
    others = list(looks.exclude(pk=analysis.pk).newest_first())
    newer = [one for one in others if one.pk > analysis.pk and one.state == State.FINISHED]
    under_way = next((one for one in others if one.is_unfinished), None)
    is_there = not analysis.image.is_forgotten
    can_ask = analysis.state == State.FINISHED and is_there and not newer and not under_way
    champion = ModelVersion.objects.champion_of(analysis.image.track) if can_ask else None
    return {
        "newer": newer[0] if newer else None,
        "under_way": under_way,
        "earlier": [one for one in others if one.pk < analysis.pk],
        "is_anew": can_ask and analysis.may_be_examined_anew,
        "successor": champion if champion != analysis.model_version else None,
    }
