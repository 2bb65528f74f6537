"""Wakes workers for analyses that wait.

A message names the analyses that it was sent for, and is handed on until they are taken; what its
worker takes is whoever is next. So the order is the database's, and the broker only says that there
is work. Thumbnails come many to a message, as they share a pass of the network.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from detection.models import Analysis, State, Track
from detection.services import clock
from detection.services.queueing import task_send
from detection.services.turns import MICRO_BATCH

ANALYSE_IMAGES = "detection.tasks.analyse_images"

# Key, queue and track of an analysis.
Row = tuple[int, str, str]


def rows_enqueue(rows: Sequence[Row]) -> int:
    """Mark analyses as enqueued and wake their workers, in order.

    If the broker is away they stay queued and the sweeper enqueues them later: an upload that was
    answered is never lost.

    Returns:
        For how many the broker took a message.
    """
    # Marked before it is sent: a worker may have finished before this line would run after it.
    now = clock.now()
    waiting = Analysis.objects.filter(pk__in=[pk for pk, _, _ in rows], state=State.QUEUED)
    waiting.update(enqueued_at=now)
    sent = messages_send(rows)
    if sent < len(rows):
        unsent = [pk for pk, _, _ in rows[sent:]]
        waiting.filter(pk__in=unsent, enqueued_at=now).update(enqueued_at=None)
    return sent


def analysis_enqueue(*, analysis_id: int) -> bool:
    """Do the same for one analysis.

    Returns:
        Whether the broker took it.
    """
    rows = Analysis.objects.filter(pk=analysis_id).values_list("pk", "queue", "track")
    return rows_enqueue(list(rows)) == len(rows)


def messages_send(rows: Sequence[Row]) -> int:
    """Send messages for analyses that are marked already.

    Returns:
        For how many, in order; the first refusal means that the broker is away.
    """
    sent = 0
    for queue, keys in _messages(rows):
        if not message_send(queue=queue, waiting=keys):
            break
        sent += len(keys)
    return sent


def message_send(*, queue: str, waiting: list[int]) -> bool:
    """Send one message for some analyses; whether the broker took it."""
    return task_send(ANALYSE_IMAGES, waiting, queue, queue=queue)


def _messages(rows: Sequence[Row]) -> Iterator[tuple[str, list[int]]]:
    """Cut analyses into messages: what a worker takes at once, and so what several can share."""
    for (queue, track), group in groupby(rows, key=lambda row: row[1:]):
        keys = [pk for pk, _, _ in group]
        size = MICRO_BATCH if track == Track.THUMBNAIL else 1
        for start in range(0, len(keys), size):
            yield queue, keys[start : start + size]
