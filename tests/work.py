"""Submissions and analyses for tests, made by the services that the portal itself uses."""

from pathlib import Path
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from detection.models import Analysis, State, Submission
from detection.services import intake
from detection.services.analysis import analysis_run
from detection.services.standing import repeats_stand
from portal.models import User
from tests import images

RED, BLUE, GREY = "red", "blue", "grey"


def upload(content: bytes, name: str = "image.png") -> SimpleUploadedFile:
    """A file as a browser sends it."""
    return SimpleUploadedFile(name, content)


def hand_in(owner: User, *contents: bytes, name: str = "image.png") -> Submission:
    """Hand in these files, or one small picture; nothing is analysed yet."""
    files = [upload(content, name) for content in contents or (images.plain(RED),)]
    return intake.submission_create(owner=owner, files=files).submission


def queued(owner: User, content: bytes | None = None, *, name: str = "image.png") -> Analysis:
    """An analysis that waits."""
    content = images.plain(RED) if content is None else content
    return Analysis.objects.get(image__submission=hand_in(owner, content, name=name))


def analysed(owner: User, content: bytes | None = None, *, name: str = "image.png") -> Analysis:
    """An analysis that has run; needs a champion, else it has failed."""
    analysis = queued(owner, content, name=name)
    assert analysis_run(analysis_id=analysis.pk, worker="tester")
    analysis.refresh_from_db()
    return analysis


def ended(analysis: Analysis, **fields: Any) -> Analysis:
    """The analysis as it would look with this end, without a model."""
    result: dict[str, Any] = {
        "state": State.FINISHED,
        "verdict": "likely_ai",
        "p_fake": 0.97,
        "in_domain": True,
        "reasons": [{"code": "model_sure", "sentence": "It is quite sure."}],
        "started_at": timezone.now(),
        "finished_at": timezone.now(),
        "attempts": 1,
        "worker": "tester",
    }
    Analysis.objects.filter(pk=analysis.pk).update(**{**result, **fields})
    analysis.refresh_from_db()
    repeats_stand(analyses=[analysis])
    analysis.refresh_from_db()
    return analysis


def media_files() -> set[Path]:
    """Every file below the media folder."""
    return {path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}


def delivered(name: str = "inference") -> list[int]:
    """Take what lies in a queue: the ids of the analyses, in order."""
    ids = []
    with current_app.connection_for_read() as connection:
        queue = connection.SimpleQueue(name)
        while queue.qsize():
            message = queue.get(block=False)
            message.ack()
            (arguments, *_) = message.payload
            for told in arguments:
                # Beside ids a message may hold the name of its queue.
                if not isinstance(told, str):
                    ids += told if isinstance(told, list) else [told]
        queue.close()
    return ids
