"""Looks once more, when nobody waits, at images that an earlier champion has judged."""

from typing import Any

from django.db import transaction
from django.db.models import Q

from detection.models import (
    Analysis,
    ModelVersion,
    Priority,
    Queue,
    State,
    Submission,
    SubmittedImage,
    Track,
)
from detection.models.analyses import UNFINISHED, AnalysisQuerySet
from detection.services.audit import audit_record
from detection.services.files import FORGOTTEN
from detection.services.queueing import task_send
from detection.services.waking import analysis_enqueue, rows_enqueue

REPEAT_ALL = "detection.tasks.background.repeat_all"
# Locked and written at a time: the rest of the portal gets its turn in between.
BATCH = 500
# So many are handed to the queue at once; the sweeper brings the others, bit by bit.
ENQUEUED_AT_ONCE = 500
NO_CHAMPION = "No model answers here yet."
# Who looks at whole images; faces are looked for once.
ON_IMAGES = (Track.THUMBNAIL, Track.PHOTO)

Champions = dict[Track, ModelVersion]


class RepeatRefused(Exception):
    """Another look would find nothing new; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def champions() -> Champions:
    """Return the versions that answer for whole images today."""
    found = {track: ModelVersion.objects.champion_of(track) for track in ON_IMAGES}
    return {track: version for track, version in found.items() if version is not None}


def outdated(analyses: AnalysisQuerySet, by: Champions) -> AnalysisQuerySet:
    """Return those of the analyses whose answer stands and that no champion of today gave.

    Left out are images at which none of the champions would look.
    """
    under_way = Analysis.objects.repeats().unfinished().values("image")
    answers = analyses.on_images().current().filter(state=State.FINISHED)
    is_theirs = Q(pk__in=[])
    for track, champion in by.items():
        images = SubmittedImage.objects.of_track(track).values("pk")
        is_theirs |= Q(image__in=images) & ~Q(model_version=champion)
    # Of what was forgotten nothing is left to look at.
    return answers.filter(is_theirs, image__forgotten_at=None).exclude(image__in=under_way)


def analysis_repeat(*, analysis: Analysis, user: Any) -> Analysis:
    """Ask the champion of today about an image that it has not judged.

    Or about one whose file may say something else today, as other signers are trusted. The
    analysis stays as it is; the new one stands in its place once it has finished.

    Raises:
        RepeatRefused: `no_champion`, `under_way`, `not_finished`, `same_version` or
            `image_forgotten`.
    """
    if analysis.image.is_forgotten:
        raise RepeatRefused(FORGOTTEN, analysis.image.forgotten_sentence)
    track = analysis.image.track
    champion = champions().get(track)
    is_anew = analysis.may_be_examined_anew
    if champion is None and not is_anew:
        raise RepeatRefused("no_champion", NO_CHAMPION)
    by = "no model" if champion is None else champion.label
    with transaction.atomic():
        locked = _locked([analysis.image.submission_id])
        if Analysis.objects.filter(image=analysis.image_id).repeats().unfinished().exists():
            raise RepeatRefused("under_way", "This image is being analysed again already.")
        image = SubmittedImage.objects.filter(pk=analysis.image_id).first()
        if image is not None and image.is_forgotten:
            raise RepeatRefused(FORGOTTEN, image.forgotten_sentence)
        if not locked or analysis.state != State.FINISHED or analysis.track == Track.FACE:
            raise RepeatRefused("not_finished", "Only an image with a verdict is analysed again.")
        mine = Analysis.objects.filter(image=analysis.image_id)
        of_today = {track: champion} if champion else {}
        if not is_anew and not outdated(mine, of_today).exists():
            raise RepeatRefused(
                "same_version", f"{by} answers now, and has judged this image already."
            )
        repeat = Analysis.objects.create(
            image=analysis.image,
            owner_id=analysis.owner_id,
            track=track,
            is_repeat=True,
            is_current=False,
            queue=Queue.BACKGROUND,
        )
        audit_record(
            user=user, action="analysis_repeat", subject=f"image {analysis.image.public_id}", by=by
        )
        # Robust: what is stored stays answered, and the sweeper enqueues what this could not.
        transaction.on_commit(lambda: analysis_enqueue(analysis_id=repeat.pk), robust=True)
    return repeat


def analyses_repeat(*, analyses: AnalysisQuerySet, user: Any) -> int:
    """Ask the champions of today about the images of these analyses that they have not judged.

    Returns:
        How many images are analysed again.

    Raises:
        RepeatRefused: `no_champion`.
    """
    by = _some(champions())
    images = list(outdated(analyses, by).values_list("image_id", flat=True).distinct())
    made: list[int] = []
    for start in range(0, len(images), BATCH):
        made += _batch_repeat(images[start : start + BATCH], by)
    if made:
        audit_record(
            user=user, action="analyses_repeat", subject=f"{len(made)} images", by=names(by)
        )
    fresh = Analysis.objects.filter(pk__in=made[:ENQUEUED_AT_ONCE]).order_by("pk")
    rows_enqueue(list(fresh.values_list("pk", "queue", "track")))
    return len(made)


def repeat_all_ask(*, user: Any) -> None:
    """Have the background worker ask the champions about every image they have not judged.

    Raises:
        RepeatRefused: `no_champion` or `queue_away`.
    """
    by = _some(champions())
    if not task_send(REPEAT_ALL, user.pk):
        raise RepeatRefused("queue_away", "The queue cannot be reached; ask once more in a moment.")
    audit_record(user=user, action="repeat_all_ask", subject="all images", by=names(by))


def names(by: Champions) -> str:
    """Return the champions' names as people read them."""
    return " and ".join(version.label for version in by.values())


def _some(by: Champions) -> Champions:
    if not by:
        raise RepeatRefused("no_champion", NO_CHAMPION)
    return by


def _batch_repeat(images: list[int], by: Champions) -> list[int]:
    """Make the analyses of a batch, of those that nobody deletes or repeats meanwhile."""
    with transaction.atomic():
        submissions = Submission.objects.filter(images__in=images).distinct()
        _locked(list(submissions.values_list("pk", flat=True)))
        still = outdated(Analysis.objects.filter(image__in=images), by)
        chosen = SubmittedImage.objects.filter(pk__in=set(still.values_list("image_id", flat=True)))
        Analysis.objects.bulk_create(
            Analysis(
                image=image,
                owner_id=image.submission.owner_id,
                track=image.track,
                is_repeat=True,
                is_current=False,
                queue=Queue.BACKGROUND,
                # Behind the one image at which a person asks to look again.
                priority=Priority.BATCH,
            )
            for image in chosen.select_related("submission")
        )
        waiting = Analysis.objects.repeats().filter(
            image__in=chosen, state__in=UNFINISHED, enqueued_at=None
        )
        return list(waiting.order_by("pk").values_list("pk", flat=True))


def _locked(submissions: list[int]) -> list[int]:
    """Lock submissions as a deletion locks them: nothing is added to what is being deleted."""
    rows = Submission.objects.select_for_update().filter(pk__in=submissions).order_by("pk")
    return list(rows.values_list("pk", flat=True))
