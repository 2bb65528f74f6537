"""Who looks at new images: analyses with their turns, and the messages that wake workers."""

from collections.abc import Sequence

from detection import ml_gateway
from detection.models import (
    Analysis,
    ModelVersion,
    Queue,
    State,
    Submission,
    SubmittedImage,
    Track,
)
from detection.services import clock
from detection.services.turns import turns_give
from detection.services.waking import messages_send


def analyses_of(
    submission: Submission, images: Sequence[SubmittedImage], priority: int
) -> list[Analysis]:
    """Return who looks at new images, each with its turn and counted as enqueued."""
    places = {
        Queue.INFERENCE: [(image, image.track) for image in images],
        Queue.FACES: [(image, Track.FACE) for image in images if _may_hold_face(image)],
    }
    if places[Queue.FACES] and ModelVersion.objects.champion_of(Track.FACE) is None:
        places[Queue.FACES] = []
    now, owner = clock.now(), submission.owner_id
    return [
        Analysis(
            image=image,
            owner_id=owner,
            track=track,
            queue=queue,
            priority=priority,
            turn=turn,
            created_at=now,
            enqueued_at=now,
        )
        for queue, looks in places.items()
        if looks
        for (image, track), turn in zip(
            looks,
            turns_give(owner_id=owner, queue=queue, priority=priority, count=len(looks)),
            strict=True,
        )
    ]


def _may_hold_face(image: SubmittedImage) -> bool:
    """Tell whether the faces' model looks: only where a face would be large enough."""
    return ml_gateway.may_hold_face(image.width, image.height)


def wake(analyses: Sequence[Analysis]) -> None:
    """Send messages for analyses whose rows say that they are enqueued; if not, the rows say so."""
    rows = [(analysis.pk, analysis.queue, analysis.track) for analysis in analyses]
    sent = messages_send(rows)
    if sent < len(rows):
        unsent = Analysis.objects.filter(pk__in=[pk for pk, _, _ in rows[sent:]])
        unsent.filter(state=State.QUEUED).update(enqueued_at=None)
