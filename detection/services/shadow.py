"""Lets challengers answer beside the champion on live images, and never where anybody waits."""

import logging
from collections.abc import Sequence

from django.db import transaction

from detection.ml_gateway import GatewayError
from detection.models import Analysis, ModelVersion, ShadowAnswer, State, Track
from detection.services.files import original_read
from detection.services.judging import Examined, image_judge
from detection.services.queueing import task_send

log = logging.getLogger(__name__)

ANSWER_IN_SHADOW = "detection.tasks.background.answer_in_shadow"


def shadows_ask(*, analyses: Sequence[Analysis]) -> None:
    """Have challengers look at images whose verdicts are stored.

    What cannot be enqueued is left out: a shadow answer is a sample, and nobody waits for it.
    """
    asked = [one for one in analyses if not one.is_repeat and one.track != Track.FACE]
    if not asked:
        return
    watched = set(ModelVersion.objects.challenged_tracks())
    for analysis in asked:
        if analysis.track in watched and not task_send(ANSWER_IN_SHADOW, analysis.pk):
            return


def shadow_run(*, analysis_id: int) -> int:
    """Let each challenger answer for a finished analysis.

    Returns:
        How many answers were stored; delivered twice, the second time none is.
    """
    finished = Analysis.objects.select_related("image").filter(state=State.FINISHED)
    analysis = finished.filter(pk=analysis_id).first()
    if analysis is None:
        return 0
    answered = analysis.shadow_answers.values("version")
    waiting = ModelVersion.objects.challengers_of(analysis.track).exclude(pk__in=answered)
    return sum(_answered(analysis, version) for version in waiting)


def _answered(analysis: Analysis, version: ModelVersion) -> bool:
    image = analysis.image
    try:
        judgement = image_judge(
            version=version,
            file=Examined(original_read(image), (image.width, image.height)),
            with_heatmap=False,
        )
    except GatewayError as error:
        log.warning("%s cannot answer in the shadow: %s", version.label, error.sentence)
        return False
    with transaction.atomic():
        # Locked as a deletion locks it: nothing is added to what is being deleted.
        if not Analysis.objects.select_for_update().filter(pk=analysis.pk).exists():
            return False
        found = {"p_fake": judgement.answer.p_fake, "in_domain": judgement.in_domain}
        _, is_new = ShadowAnswer.objects.get_or_create(
            analysis=analysis, version=version, defaults=found
        )
    return is_new
