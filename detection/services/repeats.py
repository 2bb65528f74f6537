"""Looks once more, when nobody waits, at images that an earlier champion has judged."""

from typing import Any

from django.db import transaction

from detection.models import Analysis, ModelVersion, State, Submission, Track
from detection.models.submissions import UNFINISHED, AnalysisQuerySet
from detection.services.analysis import analysis_enqueue
from detection.services.audit import audit_record
from detection.services.queueing import task_send

REPEAT_ALL = "detection.tasks.background.repeat_all"
# Locked and written at a time: the rest of the portal gets its turn in between.
BATCH = 500
# So many are handed to the queue at once; the sweeper brings the others, bit by bit.
ENQUEUED_AT_ONCE = 500


class RepeatRefused(Exception):
    """Another look would find nothing new; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def outdated(analyses: AnalysisQuerySet, champion: ModelVersion) -> AnalysisQuerySet:
    """Return those of the analyses whose answer stands and that the champion did not give."""
    under_way = Analysis.objects.repeats().unfinished().values("image")
    answers = analyses.on_images().current().filter(state=State.FINISHED)
    return answers.exclude(model_version=champion).exclude(image__in=under_way)


def analysis_repeat(*, analysis: Analysis, user: Any) -> Analysis:
    """Ask the champion of today about an image that an earlier version has judged.

    The analysis stays as it is; the new one stands in its place once it has finished.

    Raises:
        RepeatRefused: `no_champion`, `under_way`, `not_finished` or `same_version`.
    """
    champion = _champion()
    with transaction.atomic():
        locked = _locked([analysis.image.submission_id])
        if Analysis.objects.filter(image=analysis.image_id).repeats().unfinished().exists():
            raise RepeatRefused("under_way", "This image is being analysed again already.")
        if not locked or analysis.state != State.FINISHED or analysis.track == Track.FACE:
            raise RepeatRefused("not_finished", "Only an image with a verdict is analysed again.")
        mine = Analysis.objects.filter(image=analysis.image_id)
        if not outdated(mine, champion).exists():
            raise RepeatRefused(
                "same_version",
                f"{champion.label} answers now, and has judged this image already.",
            )
        repeat = Analysis.objects.create(image=analysis.image, is_repeat=True)
        audit_record(user=user, action="analysis_repeat", subject=analysis.image, by=champion.label)
        # Robust: what is stored stays answered, and the sweeper enqueues what this could not.
        transaction.on_commit(lambda: analysis_enqueue(analysis_id=repeat.pk), robust=True)
    return repeat


def analyses_repeat(*, analyses: AnalysisQuerySet, user: Any) -> int:
    """Ask the champion of today about the images of these analyses that it has not judged.

    Returns:
        How many images are analysed again.

    Raises:
        RepeatRefused: `no_champion`.
    """
    champion = _champion()
    images = list(outdated(analyses, champion).values_list("image_id", flat=True).distinct())
    made: list[int] = []
    for start in range(0, len(images), BATCH):
        made += _batch_repeat(images[start : start + BATCH], champion)
    if made:
        audit_record(
            user=user, action="analyses_repeat", subject=f"{len(made)} images", by=champion.label
        )
    for pk in made[:ENQUEUED_AT_ONCE]:
        if not analysis_enqueue(analysis_id=pk):
            break
    return len(made)


def repeat_all_ask(*, user: Any) -> None:
    """Have the background worker ask the champion of today about every image it has not judged.

    Raises:
        RepeatRefused: `no_champion` or `queue_away`.
    """
    champion = _champion()
    if not task_send(REPEAT_ALL, user.pk):
        raise RepeatRefused("queue_away", "The queue cannot be reached; ask once more in a moment.")
    audit_record(user=user, action="repeat_all_ask", subject="all images", by=champion.label)


def _champion() -> ModelVersion:
    champion = ModelVersion.objects.champion_of(Track.THUMBNAIL)
    if champion is None:
        raise RepeatRefused("no_champion", "No model answers here yet.")
    return champion


def _batch_repeat(images: list[int], champion: ModelVersion) -> list[int]:
    """Make the analyses of a batch, of those that nobody deletes or repeats meanwhile."""
    with transaction.atomic():
        submissions = Submission.objects.filter(images__in=images).distinct()
        _locked(list(submissions.values_list("pk", flat=True)))
        still = outdated(Analysis.objects.filter(image__in=images), champion)
        chosen = sorted(set(still.values_list("image_id", flat=True)))
        Analysis.objects.bulk_create(Analysis(image_id=pk, is_repeat=True) for pk in chosen)
        waiting = Analysis.objects.repeats().filter(
            image__in=chosen, state__in=UNFINISHED, enqueued_at=None
        )
        return list(waiting.order_by("pk").values_list("pk", flat=True))


def _locked(submissions: list[int]) -> list[int]:
    """Lock submissions as a deletion locks them: nothing is added to what is being deleted."""
    rows = Submission.objects.select_for_update().filter(pk__in=submissions).order_by("pk")
    return list(rows.values_list("pk", flat=True))
