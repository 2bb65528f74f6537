"""Tasks behind nobody's back but at nobody's cost: evaluations, shadow answers, repeats."""

import logging

from celery import shared_task
from django.contrib.auth import get_user_model

from detection.models import Analysis, ModelVersion
from detection.services import evaluations, repeats, shadow
from detection.tasks.boundary import task_boundary

log = logging.getLogger(__name__)


@shared_task(name=evaluations.JUDGE_VERSION)
def judge_version(version_id: int, again: bool = False) -> None:
    """Judge a version on every sealed set. Delivered twice, it finds all measured already."""

    def fail(sentence: str) -> None:
        version = ModelVersion.objects.select_related("model").filter(pk=version_id).first()
        if version:
            evaluations.evaluations_fail(version=version, code="internal", sentence=sentence)

    with task_boundary(f"judging version {version_id}", fail):
        evaluations.evaluations_run(version_id=version_id, again=again)


@shared_task(name=shadow.ANSWER_IN_SHADOW)
def answer_in_shadow(analysis_id: int) -> None:
    """Let challengers answer for one image. Delivered twice, the second time does nothing."""
    with task_boundary(f"shadow answer for analysis {analysis_id}", log.warning):
        shadow.shadow_run(analysis_id=analysis_id)


@shared_task(name=repeats.REPEAT_ALL)
def repeat_all(user_id: int) -> None:
    """Analyse all images again that the champion has not judged; twice finds none left."""
    with task_boundary("analysing all images again", log.warning):
        user = get_user_model().objects.filter(pk=user_id).first()
        try:
            repeats.analyses_repeat(analyses=Analysis.objects.all(), user=user)
        except repeats.RepeatRefused as refused:
            log.warning("%s", refused.sentence)
