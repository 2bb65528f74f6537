"""Who is next: people take turns, however many images each of them has waiting.

Every analysis gets a number when it is queued, its *turn*: the one that is now being served, or one
more than its owner's last, whichever is later. Sorted by it, of two people with 5,000 and with one
image the second waits for one of the other's, not for all (start-time fair queueing, Goyal, Vin
and Cheng, 1996, with each image of length 1).
"""

from typing import Any

from django.db import connection, transaction
from django.db.models import F

from detection.models import Analysis, Priority, State, Track
from detection.services import clock

# So many thumbnails share a pass of the network. Other images are taken one at a time: each takes
# as long as a whole pass does.
MICRO_BATCH = 32
# Of a full pass, what is left for batches: single images go first, but never hold them up for good.
KEPT_FOR_BATCHES = MICRO_BATCH // 8
# The least turn of all that wait and the greatest of one owner's, each from the edge of an index.
# As text: it is asked with every image, and building it took ten times as long as answering it.
_EDGES = """
    SELECT
        (SELECT MIN(turn) FROM detection_analysis
         WHERE state = %s AND queue = %s AND priority = %s),
        (SELECT MAX(turn) FROM detection_analysis
         WHERE owner_id = %s AND state = %s AND queue = %s AND priority = %s)
"""


def turns_give(*, owner_id: int, queue: str, priority: int, count: int) -> range:
    """Return the turns of so many analyses that one owner adds to a queue.

    Two that ask at the same moment may get the same ones: then the older row goes first.
    """
    here: list[Any] = [State.QUEUED.value, queue, priority]
    with connection.cursor() as cursor:
        cursor.execute(_EDGES, [*here, owner_id, *here])
        now, own = cursor.fetchone()
    if now is None:
        return range(count)
    first = now if own is None else max(now, own + 1)
    return range(first, first + count)


def analyses_claim(*, queue: str, worker: str) -> list[Analysis]:
    """Take what is next in a queue: thumbnails that share a pass, or one image of another kind.

    Of several workers each gets others. One that was given back before is taken alone: if it takes
    its worker down once more, it takes nobody else's image with it.
    """
    now = clock.now()
    with transaction.atomic():
        chosen = _together(_next(queue))
        Analysis.objects.filter(pk__in=chosen).update(
            state=State.RUNNING, started_at=now, worker=worker, attempts=F("attempts") + 1
        )
    if not chosen:
        return []
    claims = Analysis.objects.select_related("image").in_bulk(chosen)
    # What was deleted since is gone.
    return [claims[pk] for pk in chosen if pk in claims]


# Key, track, priority and attempts of an analysis that waits.
Waiting = tuple[int, str, int, int]


def _next(queue: str) -> list[Waiting]:
    """Return the first in turn, locked where the database can lock rows."""
    waiting = Analysis.objects.waiting_in(queue)
    if connection.features.has_select_for_update_skip_locked:
        waiting = waiting.select_for_update(skip_locked=True)
    in_turn = waiting.order_by("priority", "turn", "pk")
    columns = ("pk", "track", "priority", "attempts")
    first = list(in_turn.values_list(*columns)[:MICRO_BATCH])
    if len(first) == MICRO_BATCH and first[-1][2] == Priority.SINGLE:
        batches = in_turn.filter(priority=Priority.BATCH)
        kept = list(batches.values_list(*columns)[:KEPT_FOR_BATCHES])
        first[MICRO_BATCH - len(kept) :] = kept
    return first


def _together(waiting: list[Waiting]) -> list[int]:
    """Return those that are looked at at once: the first, and what shares its pass."""
    if not waiting:
        return []
    (first, track, _, attempts), *others = waiting
    if track != Track.THUMBNAIL or attempts:
        return [first]
    return [first, *(pk for pk, *kind in others if kind[0] == track and not kind[2])]
