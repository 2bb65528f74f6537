"""A batch's zip comes in piece by piece, and what was not finished leaves nothing."""

import io
import random
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from detection.models import (
    Batch,
    BatchPiece,
    Submission,
)
from detection.pieced import PiecedFile
from detection.services import batches as services
from detection.services.batches import (
    BatchRefused,
    batch_delete,
    batch_delete_run,
    batch_open,
    batch_receive,
    batches_sweep,
    pieces_sweep,
)
from detection.services.intake import owner_purge, submissions_delete_empty
from portal.models import User
from tests import batches, work
from tests.fixtures import Committed

pytestmark = pytest.mark.django_db

NOISE = random.Random(7).randbytes(700_000)


def opened(owner: User, size: int = len(NOISE)) -> Batch:
    return batch_open(owner=owner, name="holiday.zip", upload_bytes=size)


def test_pieces_make_the_zip_that_was_sent(alice: User) -> None:
    batch = opened(alice)
    for start, end in ((0, 300_000), (300_000, 600_000), (600_000, 700_000)):
        assert batch.state == "receiving"
        batch = batch_receive(batch=batch, offset=start, chunk=NOISE[start:end])
    assert (batch.state, batch.received_bytes) == ("unpacking", 700_000)
    pieces = list(batch.pieces.all())
    file = PiecedFile([piece.size for piece in pieces], lambda number: pieces[number].file.read())
    assert io.BufferedReader(file).read() == NOISE


@pytest.mark.parametrize(
    ("offset", "size", "code"),
    [
        (0, 300_000, "wrong_offset"),
        (299_999, 300_000, "wrong_offset"),
        (10**12, 300_000, "wrong_offset"),
        (300_000, 400_001, "beyond_end"),
        (300_000, 9_000_000, "piece_too_large"),
        (300_000, 1000, "piece_too_small"),
        (300_000, 0, "piece_too_small"),
    ],
)
def test_a_piece_out_of_place_changes_nothing(
    alice: User, offset: int, size: int, code: str
) -> None:
    batch = batch_receive(batch=opened(alice), offset=0, chunk=NOISE[:300_000])
    with pytest.raises(BatchRefused) as refused:
        batch_receive(batch=batch, offset=offset, chunk=bytes(size))
    assert refused.value.code == code
    assert refused.value.expected == (300_000 if code == "wrong_offset" else None)
    batch.refresh_from_db()
    assert (batch.received_bytes, batch.pieces.count(), len(work.media_files())) == (300_000, 1, 1)


def test_the_same_piece_twice_at_once_is_taken_once(alice: User) -> None:
    first = opened(alice)
    second = Batch.objects.get()
    batch_receive(batch=first, offset=0, chunk=NOISE[:300_000])
    with pytest.raises(BatchRefused) as refused:
        batch_receive(batch=second, offset=0, chunk=NOISE[:300_000])
    assert (refused.value.code, refused.value.expected) == ("wrong_offset", 300_000)
    assert (BatchPiece.objects.count(), len(work.media_files())) == (1, 1)


def test_nothing_is_taken_after_the_last_piece(alice: User) -> None:
    batch = batches.sent(alice, NOISE)
    with pytest.raises(BatchRefused) as refused:
        batch_receive(batch=batch, offset=700_000, chunk=b"more")
    assert refused.value.code == "not_receiving"


def test_what_is_too_much_is_not_begun(alice: User, charlie: User, settings: Settings) -> None:
    settings.BATCH_MAX_UPLOAD_BYTES = 1_000_000
    for size, code in ((0, "empty_upload"), (1_000_001, "upload_too_large")):
        with pytest.raises(BatchRefused) as refused:
            opened(alice, size)
        assert refused.value.code == code
    for _ in range(services.receiving.MOST_RECEIVING):
        opened(alice)
    with pytest.raises(BatchRefused) as refused:
        opened(alice)
    assert refused.value.code == "too_many_batches"
    opened(charlie)


def test_a_slow_upload_is_no_empty_submission(alice: User) -> None:
    opened(alice)
    assert submissions_delete_empty(before=timezone.now() + timedelta(days=2)) == 0
    assert Batch.objects.exists()


def test_an_upload_of_which_nothing_comes_any_more_is_given_up(
    alice: User, committed: Committed
) -> None:
    batch = batch_receive(batch=opened(alice), offset=0, chunk=NOISE[:300_000])
    assert batches_sweep(now=timezone.now() + timedelta(hours=23)).given_up == 0
    assert batches_sweep(now=timezone.now() + timedelta(hours=25)).given_up == 1
    batch.refresh_from_db()
    assert (batch.state, batch.error_code) == ("failed", "upload_broken_off")
    assert not work.media_files()


def test_pieces_without_a_batch_are_swept(alice: User) -> None:
    batch_receive(batch=opened(alice), offset=0, chunk=NOISE[:300_000])
    gone = batch_receive(batch=opened(alice), offset=0, chunk=NOISE[:300_000])
    Batch.objects.filter(pk=gone.pk).delete()
    assert (pieces_sweep(), len(work.media_files())) == (1, 1)


def test_pieces_go_with_their_owner(alice: User, committed: Committed) -> None:
    batch_receive(batch=opened(alice), offset=0, chunk=NOISE[:300_000])
    with committed():
        owner_purge(owner=alice)
    assert not Batch.objects.exists()
    assert not work.media_files()


def test_deleting_what_is_still_coming_in_leaves_no_piece(
    alice: User, committed: Committed
) -> None:
    batch = batch_receive(batch=opened(alice), offset=0, chunk=NOISE[:300_000])
    with committed():
        batch_delete(batch=batch)
    with committed():
        batch_delete_run(batch_id=batch.pk)
    assert not Submission.objects.exists()
    assert not work.media_files()
