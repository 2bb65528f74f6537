"""A batch ends once: by itself, cancelled or deleted; and one mail says so."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from detection.models import (
    Analysis,
    Batch,
    ModelVersion,
    State,
    Submission,
)
from detection.services.batches import (
    batch_cancel,
    batch_delete,
    batch_delete_run,
    batch_mail,
    batch_progress,
    batch_repeat_failed,
    batch_unpack,
    batches_sweep,
    unpacking,
)
from portal.models import User
from tests import batches, images, work
from tests.batches import HERE
from tests.fixtures import Committed

pytestmark = pytest.mark.django_db


@pytest.fixture
def few_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are taken in by fives, so that few of them make several steps."""
    monkeypatch.setattr(unpacking, "TOGETHER_FILES", 5)


def test_it_ends_with_its_last_verdict_and_one_mail(
    alice: User, model: ModelVersion, committed: Committed
) -> None:
    files = {"red.png": images.plain("red"), "blue.png": images.plain("blue"), "no.png": b"no"}
    batch = batches.unpacked(alice, files, wants_mail=True, site="https://veripix.test")
    batches.judge(batch, 1)
    assert batches_sweep().ended == 0
    batches.judge(batch)
    assert batches_sweep().ended == 1
    assert batches_sweep().ended == 0
    batch.refresh_from_db()
    assert batch.state == "finished"
    assert batch.finished_at == batch.answers.latest("finished_at").finished_at
    assert [batch_mail(batch_id=batch.pk) for _ in range(3)] == [True, False, False]
    (message,) = mail.outbox
    assert message.to == [alice.email]
    assert message.subject == "[Veripix] holiday.zip: finished"
    assert "Images: 2" in message.body
    assert "not accepted: 1" in message.body
    assert f"https://veripix.test/batches/{batch.public_id}/" in message.body


def test_nobody_is_mailed_who_did_not_ask(alice: User, model: ModelVersion) -> None:
    batch = batches.unpacked(alice, batches.pictures(1))
    batches.judge(batch)
    batches_sweep()
    assert not batch_mail(batch_id=batch.pk)
    assert mail.outbox == []


def test_a_mail_server_that_is_away_is_asked_again(
    alice: User, model: ModelVersion, settings: Settings
) -> None:
    batch = batches.unpacked(alice, batches.pictures(1), wants_mail=True)
    batches.judge(batch)
    batches_sweep()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", refused)
        assert not batch_mail(batch_id=batch.pk)
    assert batch_mail(batch_id=batch.pk)


def refused(*arguments: object) -> None:
    """Answer as a server on whose port nobody listens."""
    raise ConnectionRefusedError


def test_a_batch_without_a_single_image_ends_at_once(alice: User) -> None:
    batch = batches.unpacked(alice, {"a.txt": b"words", "b.txt": b"words"})
    assert (batch.state, batch.files.count()) == ("finished", 2)


def test_cancelling_keeps_verdicts_and_stops_the_rest(alice: User, model: ModelVersion) -> None:
    batch = batches.unpacked(alice, batches.pictures(6))
    batches.judge(batch, 2)
    assert batch_cancel(batch=batch)
    assert not batch_cancel(batch=batch)
    states = sorted(batch.answers.values_list("state", flat=True))
    assert states == ["cancelled"] * 4 + ["finished"] * 2
    batch.refresh_from_db()
    assert (batch.state, batches_sweep().ended) == ("cancelled", 0)


def test_cancelling_while_it_is_unpacked_stops_the_worker(
    alice: User, few_together: None, monkeypatch: pytest.MonkeyPatch, committed: Committed
) -> None:
    batch = batches.sent(alice, batches.packed(batches.pictures(20)))
    take = unpacking._take

    def cancelled(claim: Batch, some: object) -> None:
        """Have the owner cancel after the first step."""
        take(claim, some)  # type: ignore[arg-type]
        if claim.files_seen == 5:
            batch_cancel(batch=claim)

    monkeypatch.setattr(unpacking, "_take", cancelled)
    with committed():
        assert not batch_unpack(batch_id=batch.pk, worker=HERE)
    batch.refresh_from_db()
    assert (batch.state, batch.files_seen) == ("cancelled", 5)
    assert set(Analysis.objects.values_list("state", flat=True)) == {State.CANCELLED}
    assert not any("batches" in path.parts for path in work.media_files())


def test_only_what_failed_is_run_again(alice: User, model: ModelVersion) -> None:
    batch = batches.unpacked(alice, batches.pictures(4))
    batches.judge(batch)
    first, second, *_ = batch.answers.order_by("pk")
    work.ended(first, state="failed", error_code="broken")
    work.ended(second, state="failed", error_code="broken")
    batches_sweep()
    assert batch_repeat_failed(batch=batch) == 2
    batch.refresh_from_db()
    assert (batch.state, batch.finished_at) == ("analysing", None)
    assert batch.answers.unfinished().count() == 2
    batches.judge(batch)
    assert batches_sweep().ended == 1
    assert batch_repeat_failed(batch=batch) == 0


def test_deleting_leaves_no_row_and_no_file(
    alice: User, charlie: User, committed: Committed
) -> None:
    with committed():
        other = batches.unpacked(charlie, batches.pictures(1))
    kept = work.media_files()
    with committed():
        batch = batches.unpacked(alice, batches.pictures(8))
    with committed():
        batch_delete(batch=batch)
    assert not Batch.objects.visible_to(alice).exists()
    with committed():
        assert batch_delete_run(batch_id=batch.pk) == 8
    assert batch_delete_run(batch_id=batch.pk) == 0
    assert list(Batch.objects.all()) == [other]
    assert not Submission.objects.visible_to(alice).exists()
    assert work.media_files() == kept


def test_lost_messages_are_sent_again(alice: User, committed: Committed) -> None:
    work.delivered("errands")
    with committed():
        batch = batches.sent(alice, batches.packed(batches.pictures(1)))
    assert work.delivered("errands") == [batch.pk]
    assert batches_sweep().returned == 0
    assert batches_sweep(now=timezone.now() + timedelta(hours=1)).returned == 1
    assert work.delivered("errands") == [batch.pk]


def test_progress_counts_what_became_of_each_file(alice: User, model: ModelVersion) -> None:
    files = batches.pictures(5) | {"red.png": images.plain("red"), "no.png": b"no image"}
    batch = batches.unpacked(alice, files)
    batches.judge(batch, 3)
    told = batch_progress(batch=batch)
    assert (told.expected, told.total, told.finished, told.unfinished) == (7, 6, 3, 3)
    assert (told.refused, told.failed, told.ended) == (1, 0, 3)
    assert told.likely_ai + told.likely_real + told.inconclusive == 3
    assert told.seconds_left is None, "three ends say nothing about a rate"
