"""What is told, and when: a message is a row, stored with the end that it tells of."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Q

from detection.models import (
    Analysis,
    BatchState,
    Event,
    State,
    Submission,
    VerdictKind,
    Webhook,
    WebhookDelivery,
)
from detection.services import clock
from detection.services.queueing import task_send

DELIVER_WEBHOOKS = "detection.tasks.errands.deliver_webhooks"
# A submission whose files come one request each is taken to be complete when none came for this
# long; of a batch it is known.
QUIET = timedelta(seconds=10)
# How many submissions a sweep looks at.
AT_ONCE = 2000


def analyses_ended(*, analyses: Iterable[Analysis]) -> int:
    """Leave messages on analyses whose end was just stored, for those who want to know.

    Call it in the transaction that stores the end: then there is a message where there is an end,
    whatever dies in between. It costs one query where none of the owners has a webhook.

    Args:
        analyses: With `pk` and `owner_id`; what they say is read anew.

    Returns:
        How many messages on analyses there are now to send.
    """
    owners = {analysis.pk: analysis.owner_id for analysis in analyses}
    found = Webhook.objects.filter(owner__in=set(owners.values()), is_active=True)
    hooks = list(found) if owners else []
    if not hooks:
        return 0
    ended = list(Analysis.objects.for_display().filter(pk__in=owners).order_by("pk"))
    pairs = [(hook, one) for one in ended for hook in hooks if hook.owner_id == one.owner_id]
    told = [
        WebhookDelivery(
            webhook=hook,
            event=Event.ANALYSIS_ENDED,
            analysis=one,
            payload=message(Event.ANALYSIS_ENDED, analysis_data(one)),
        )
        for hook, one in pairs
        if Event.ANALYSIS_ENDED in hook.events
    ]
    WebhookDelivery.objects.bulk_create(told)
    wanted = {
        (one.image.submission_id, hook.pk)
        for hook, one in pairs
        if Event.SUBMISSION_ENDED in hook.events and not one.is_repeat
    }
    _hold_back(wanted)
    woken = {delivery.webhook_id for delivery in told}
    submissions = {submission for submission, _ in wanted}
    # Robust: the end is stored, whatever becomes of its telling; a sweep finds what is left.
    transaction.on_commit(lambda: _send(woken, submissions), robust=True)
    return len(told)


def submission_expect(*, submission: Submission) -> None:
    """Have the end of a submission told that may end without any image: all were refused."""
    hooks = Webhook.objects.filter(owner=submission.owner_id, is_active=True)
    _hold_back(
        {(submission.pk, hook.pk) for hook in hooks if Event.SUBMISSION_ENDED in hook.events}
    )


def submissions_release(*, submissions: Iterable[int] = (), now: datetime | None = None) -> int:
    """Let the messages on submissions go that have ended; each goes once.

    Args:
        submissions: Their keys; without any, those that have waited longest are looked at.

    Returns:
        How many messages there are now to send.
    """
    now = now or clock.now()
    held = WebhookDelivery.objects.held_back()
    keys = set(submissions) or set(
        held.order_by("pk").values_list("submission", flat=True)[:AT_ONCE]
    )
    released = 0
    found = Submission.objects.select_related("batch").in_bulk(keys)
    # Deleted while a message on it was being written, which no constraint forbids.
    held.filter(submission__in=keys - found.keys()).delete()
    for submission in found.values():
        if submission_has_ended(submission, now):
            payload = message(Event.SUBMISSION_ENDED, submission_data(submission))
            mine = held.filter(submission=submission)
            released += mine.update(payload=payload, next_attempt_at=now)
    return released


def submission_has_ended(submission: Submission, now: datetime) -> bool:
    """Tell whether all of its images have their answer and no more are on their way."""
    first_looks = Analysis.objects.filter(image__submission=submission).first_looks()
    if first_looks.unfinished().exists() or submission.fetches.unfinished().exists():
        return False
    batch = getattr(submission, "batch", None)
    if batch is not None:
        return batch.state not in (BatchState.RECEIVING, BatchState.UNPACKING)
    last = submission.images.aggregate(last=Max("created_at"))["last"]
    return last is None or now - last >= QUIET


def message(event: Event, data: dict[str, Any]) -> dict[str, Any]:
    """Return what is sent, in the form of Standard Webhooks."""
    return {"type": event.value, "timestamp": _moment(clock.now()), "data": data}


def analysis_data(analysis: Analysis) -> dict[str, Any]:
    """Return what is told of an analysis: what lists of the REST interface tell of it.

    Without its address: a worker does not know under which name this installation is reached.
    """
    image, version = analysis.image, analysis.model_version
    failed = {"code": analysis.error_code, "message": analysis.error_sentence}
    return {
        "id": analysis.public_id,
        "submission": image.submission.public_id,
        "state": analysis.state,
        "track": analysis.track,
        "is_repeat": analysis.is_repeat,
        "created_at": _moment(analysis.created_at),
        "finished_at": _moment(analysis.finished_at),
        "image": {
            "id": image.public_id,
            "file_name": image.file_name,
            "format": image.format,
            "width": image.width,
            "height": image.height,
            "bytes": image.byte_size,
            "sha256": image.sha256,
            "forgotten_at": _moment(image.forgotten_at),
        },
        "verdict": _verdict_data(analysis) if analysis.verdict else None,
        "model": version.label if version else None,
        "error": failed if analysis.error_code else None,
    }


def submission_data(submission: Submission) -> dict[str, Any]:
    """Return what is told of a submission: how many of its images got which answer."""
    answers = Analysis.objects.filter(image__submission=submission).on_images().current()
    finished = Q(state=State.FINISHED)
    counts = {
        "total": Count("pk"),
        "finished": Count("pk", filter=finished),
        "failed": Count("pk", filter=Q(state__in=[State.FAILED, State.CANCELLED])),
    }
    counts |= {kind: Count("pk", filter=finished & Q(verdict=kind)) for kind in VerdictKind.values}
    return {
        "id": submission.public_id,
        "source": submission.source,
        "created_at": _moment(submission.created_at),
        "counts": answers.aggregate(**counts),
        "refused": submission.refusals.count(),
    }


def _verdict_data(analysis: Analysis) -> dict[str, Any]:
    return {
        "kind": analysis.verdict,
        "label": analysis.get_verdict_display(),
        "certainty": analysis.certainty or None,
        "percent_ai": analysis.percent_fake if analysis.shows_number else None,
        "is_in_domain": analysis.in_domain,
        "rests_on_file": analysis.rests_on_file,
        "reasons": [
            {"code": reason["code"], "sentence": reason["sentence"]} for reason in analysis.reasons
        ],
    }


def _hold_back(wanted: set[tuple[int, int]]) -> None:
    """Leave a message for each pair of a submission and a webhook, to go once that has ended.

    In order, so that two workers never wait for one another. What is there already stays.
    """
    WebhookDelivery.objects.bulk_create(
        [
            WebhookDelivery(
                webhook_id=hook,
                event=Event.SUBMISSION_ENDED,
                submission_id=submission,
                next_attempt_at=None,
            )
            for submission, hook in sorted(wanted)
        ],
        ignore_conflicts=True,
    )


def _send(hooks: set[int], submissions: set[int]) -> None:
    """Wake who sends; without a broker the sweep does it."""
    if submissions and submissions_release(submissions=submissions):
        held = WebhookDelivery.objects.waiting().filter(submission__in=submissions)
        hooks = hooks | set(held.values_list("webhook", flat=True))
    for hook in hooks:
        task_send(DELIVER_WEBHOOKS, hook)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
