"""Hands in images by their addresses: a worker fetches each, and takes it in like any other."""

import logging
import tempfile
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.base import File
from django.db import transaction
from django.db.models import F

from detection import telemetry
from detection.image_files import ImageRejected, display_name
from detection.models import Refusal, State, Submission, UrlFetch
from detection.models.submissions import Source
from detection.outbound import OutboundRefused, fetch_image
from detection.services import clock, intake
from detection.services.outgoing import address_trouble, outbound_rules
from detection.services.queueing import task_send
from detection.services.storage import StorageUnavailable
from detection.services.webhooks import submission_expect

log = logging.getLogger(__name__)

FETCH_IMAGE = "detection.tasks.errands.fetch_image"
ENQUEUE_GRACE = timedelta(seconds=5)
FIRST_WAIT = timedelta(seconds=5)
AT_ONCE = 1000
# So many addresses of one person wait at most: the queue is everybody's.
MOST_WAITING = 500


class FetchRefused(Exception):
    """Nothing is fetched; `url` is the address that is wrong, where one is."""

    def __init__(self, code: str, sentence: str, url: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.url = url


def fetch_request(
    *,
    owner: Any,
    urls: Iterable[str],
    source: str = Source.PAGE,
    on_made: Callable[[Submission], None] | None = None,
) -> Submission:
    """Open a submission and have what is at these addresses fetched into it, or nothing at all.

    `on_made` is called with the submission in the transaction that makes it.

    Raises:
        FetchRefused: `fetch_off`, `no_address`, `too_many_files`, or the codes of
            `outbound.address_parse`, with the first address that cannot be opened;
            `too_many_fetches` as long as too many of this person wait.
    """
    if not settings.URL_FETCH:
        raise FetchRefused("fetch_off", "This portal opens no addresses: hand in the file itself.")
    wanted = list(dict.fromkeys(url.strip() for url in urls))
    if not wanted:
        raise FetchRefused("no_address", "Name at least one address.")
    if len(wanted) > settings.MAX_FILES:
        raise FetchRefused(
            "too_many_files", f"At most {settings.MAX_FILES} images can be handed in at once."
        )
    for url in wanted:
        trouble = address_trouble(url)
        if trouble:
            raise FetchRefused(trouble.code, trouble.sentence, url)
    with transaction.atomic():
        # Locked, so that two requests at once do not both find room for theirs.
        get_user_model().objects.select_for_update().filter(pk=owner.pk).first()
        waiting = UrlFetch.objects.visible_to(owner).unfinished().count()
        if waiting + len(wanted) > MOST_WAITING:
            raise FetchRefused(
                "too_many_fetches", f"{waiting} addresses of yours wait already. Try again later."
            )
        submission = intake.submission_open(owner=owner, source=source)
        if on_made is not None:
            on_made(submission)
        now = clock.now()
        fetches = [UrlFetch(submission=submission, url=url, due_at=now) for url in wanted]
        UrlFetch.objects.bulk_create(fetches)
        keys = list(submission.fetches.values_list("pk", flat=True))
        transaction.on_commit(lambda: _enqueue(keys), robust=True)
    return submission


def fetch_run(*, fetch_id: int) -> bool:
    """Claim a fetch, ask for the image, and take it in.

    What may succeed in a while is tried again, a few times; what ends without an image is kept as
    a refusal, like a file that was sent.

    Returns:
        Whether this call ended it.
    """
    claim = _claimed(fetch_id)
    if claim is None:
        return False
    rules = outbound_rules(seconds=settings.URL_FETCH_SECONDS, max_bytes=settings.MAX_UPLOAD_BYTES)
    with tempfile.TemporaryFile() as file:
        try:
            fetched = fetch_image(claim.url, file, rules)
            upload = File(file, name=display_name(fetched.name))
            image = intake.image_add(submission=claim.submission, file=upload)
        except (OutboundRefused, StorageUnavailable) as refused:
            is_temporary = isinstance(refused, StorageUnavailable) or refused.is_temporary
            if is_temporary and claim.attempts < settings.URL_FETCH_ATTEMPTS:
                return _put_back(claim)
            return fetch_fail(fetch_id=fetch_id, code=refused.code, sentence=refused.sentence)
        except ImageRejected as rejected:
            # Intake has kept it as a refusal.
            return _end(
                claim, State.FAILED, error_code=rejected.code, error_sentence=rejected.sentence
            )
    return _end(claim, State.FINISHED, image=image)


def fetch_fail(*, fetch_id: int, code: str, sentence: str) -> bool:
    """End a fetch without an image, and keep why with its submission; whether it still ran."""
    claim = UrlFetch.objects.filter(pk=fetch_id, state=State.RUNNING).first()
    if claim is None:
        return False
    log.info("fetch %s failed: %s", fetch_id, code)
    with transaction.atomic():
        if not _end(claim, State.FAILED, error_code=code, error_sentence=sentence[:500]):
            return False
        Refusal.objects.create(
            submission_id=claim.submission_id,
            file_name=display_address(claim.url),
            code=code,
            sentence=sentence[:500],
        )
    return True


def fetches_sweep(*, now: datetime | None = None) -> int:
    """Give back what a lost worker held, and enqueue what has no task.

    Returns:
        How many were given back, given up or enqueued.
    """
    now = now or clock.now()
    lease = now - timedelta(seconds=settings.ANALYSIS_LEASE_SECONDS)
    lost = list(UrlFetch.objects.abandoned(lease)[:AT_ONCE])
    for claim in lost:
        if claim.attempts < settings.URL_FETCH_ATTEMPTS:
            _put_back(claim)
        else:
            fetch_fail(
                fetch_id=claim.pk,
                code="worker_lost",
                sentence="The worker that fetched it was lost each time. Hand it in once more.",
            )
    waiting = UrlFetch.objects.never_enqueued(now - ENQUEUE_GRACE)
    waiting |= UrlFetch.objects.lost_in_queue(lease)
    keys = list(waiting.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    return len(lost) + _enqueue(keys)


def display_address(url: str) -> str:
    """Return an address short enough to be shown where file names are."""
    return url if len(url) <= 200 else f"{url[:120]}…{url[-79:]}"


def _claimed(fetch_id: int) -> UrlFetch | None:
    """Take the fetch if it waits; of several workers exactly one succeeds."""
    now = clock.now()
    waiting = UrlFetch.objects.filter(pk=fetch_id, state=State.QUEUED)
    if not waiting.update(state=State.RUNNING, started_at=now, attempts=F("attempts") + 1):
        return None
    return UrlFetch.objects.select_related("submission").filter(pk=fetch_id, started_at=now).first()


def _put_back(claim: UrlFetch) -> bool:
    """Let it wait for another try; the sweep enqueues it then. It has not ended."""
    wait = FIRST_WAIT * 4 ** (claim.attempts - 1)
    held = UrlFetch.objects.filter(pk=claim.pk, state=State.RUNNING, started_at=claim.started_at)
    held.update(state=State.QUEUED, enqueued_at=None, due_at=clock.now() + wait)
    return False


def _end(claim: UrlFetch, state: State, **fields: Any) -> bool:
    """Store the end, if the row is still held by this very claim, and tell who wants to know."""
    held = UrlFetch.objects.filter(pk=claim.pk, state=State.RUNNING, started_at=claim.started_at)
    with transaction.atomic():
        is_stored = bool(held.update(state=state, finished_at=clock.now(), **fields))
        if is_stored:
            submission_expect(submission=claim.submission)
    if is_stored and claim.started_at is not None:
        seconds = (clock.now() - claim.started_at).total_seconds()
        telemetry.fetch_ended(fields.get("error_code") or "fetched", seconds)
    return is_stored


def _enqueue(keys: list[int]) -> int:
    """Hand fetches to the workers; the first refusal means that the broker is away."""
    for count, key in enumerate(keys):
        # Marked before it is sent: a worker may have it before this line would come after it.
        now = clock.now()
        waiting = UrlFetch.objects.filter(pk=key, state=State.QUEUED)
        waiting.update(enqueued_at=now)
        if not task_send(FETCH_IMAGE, key):
            waiting.filter(enqueued_at=now).update(enqueued_at=None)
            return count
    return len(keys)
