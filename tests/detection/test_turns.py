"""Analyses are claimed in turns: singles before batches, people in turn, thumbnails together."""

from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from detection import ml_gateway, tasks
from detection.models import Analysis, ModelVersion, Priority, Queue, State
from detection.services import analysis as analyses
from detection.services import evidence, intake, outcomes
from detection.services.storage import StorageUnavailable
from detection.services.turns import KEPT_FOR_BATCHES, MICRO_BATCH, analyses_claim
from detection.tasks import analyse_images
from portal.models import User
from tests import fixtures, images, work

Answers = list[ml_gateway.Answer | ml_gateway.GatewayError]
INFERENCE = Queue.INFERENCE


def hand_in(owner: User, count: int, priority: Priority = Priority.SINGLE) -> list[int]:
    """Hand in so many small pictures, each another one; the keys of their analyses, in order."""
    start = Analysis.objects.count()
    files = [
        work.upload(images.plain((10, 20 + (start + number) % 200, start // 200)))
        for number in range(count)
    ]
    submission = intake.submission_open(owner=owner)
    added = intake.images_add(submission=submission, files=files, priority=priority, limit=1000)
    keys = Analysis.objects.filter(image__in=added).order_by("pk").values_list("pk", flat=True)  # type: ignore[misc]
    assert len(keys) == count
    return list(keys)


def claimed() -> list[int]:
    """The keys of what a worker takes next."""
    return [claim.pk for claim in analyses_claim(queue=INFERENCE, worker="one")]


def test_thumbnails_are_taken_together_and_in_order(alice: User) -> None:
    waiting = hand_in(alice, MICRO_BATCH + 3)
    assert claimed() == waiting[:MICRO_BATCH]
    assert claimed() == waiting[MICRO_BATCH:]
    assert claimed() == []
    running = Analysis.objects.filter(state=State.RUNNING, worker="one", attempts=1)
    assert running.count() == len(waiting)


def test_a_single_image_of_another_person_waits_for_one_of_many(alice: User, charlie: User) -> None:
    many = hand_in(alice, 3 * MICRO_BATCH)
    (one,) = hand_in(charlie, 1)
    first = claimed()
    assert first[:2] == [many[0], one]
    assert first[2:] == many[1 : MICRO_BATCH - 1]


def test_who_comes_back_starts_from_now_and_not_from_long_ago(alice: User, charlie: User) -> None:
    many = hand_in(alice, 2 * MICRO_BATCH)
    claimed()
    late = hand_in(charlie, 2)
    more = hand_in(alice, 1)
    first = claimed()
    # By turns from now on: what Alice added last goes behind all that she has waiting.
    assert first[:4] == [many[MICRO_BATCH], late[0], many[MICRO_BATCH + 1], late[1]]
    assert claimed()[-1:] == more


def test_single_images_pass_batches_but_do_not_stop_them(alice: User, charlie: User) -> None:
    batch = hand_in(alice, MICRO_BATCH, Priority.BATCH)
    singles = hand_in(charlie, 5)
    first = claimed()
    assert first == singles + batch[: MICRO_BATCH - 5]
    hand_in(charlie, 2 * MICRO_BATCH)
    under_load = claimed()
    assert under_load[-KEPT_FOR_BATCHES:] == batch[MICRO_BATCH - 5 :][:KEPT_FOR_BATCHES]
    assert len(under_load) == MICRO_BATCH


def test_what_takes_as_long_as_a_pass_is_taken_alone(alice: User) -> None:
    photographs = [
        work.queued(alice, images.plain(colour, (160, 130))) for colour in ("red", "blue")
    ]
    thumbnails = hand_in(alice, 2)
    assert claimed() == [photographs[0].pk]
    assert claimed() == [photographs[1].pk]
    assert claimed() == thumbnails


def test_what_was_given_back_is_taken_alone(alice: User) -> None:
    waiting = hand_in(alice, 3)
    Analysis.objects.filter(pk=waiting[0]).update(attempts=1)
    Analysis.objects.filter(pk=waiting[2]).update(attempts=2)
    assert claimed() == [waiting[0]]
    assert claimed() == [waiting[1]]
    assert claimed() == [waiting[2]]


def test_a_message_is_handed_on_until_its_own_are_taken(
    alice: User, model: ModelVersion, queue: fixtures.Queue
) -> None:
    waiting = hand_in(alice, MICRO_BATCH + 2)
    last = waiting[-1]
    assert analyses.analyses_run(waiting=[last], queue=INFERENCE) == MICRO_BATCH
    assert queue() == [last]
    assert analyses.analyses_run(waiting=[last], queue=INFERENCE) == 2
    assert queue() == []
    assert analyses.analyses_run(waiting=[last], queue=INFERENCE) == 0
    assert set(Analysis.objects.values_list("state", flat=True)) == {State.FINISHED}


def test_many_thumbnails_come_with_few_messages(
    alice: User, committed: fixtures.Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[list[int]] = []

    def send(_: str, waiting: list[int], told: str, *, queue: str) -> bool:
        assert told == queue == INFERENCE
        sent.append(waiting)
        return True

    monkeypatch.setattr("detection.services.waking.task_send", send)
    with committed():
        keys = hand_in(alice, 2 * MICRO_BATCH)
    assert sent == [keys[:MICRO_BATCH], keys[MICRO_BATCH:]]


def test_a_pass_is_shared(
    alice: User, model: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, answers = [], ml_gateway.answers

    def counted(*args: Any, **options: Any) -> Answers:
        sizes.append(len(args[2]))
        return answers(*args, **options)

    monkeypatch.setattr(ml_gateway, "answers", counted)
    waiting = hand_in(alice, 20)
    assert analyses.analyses_run(waiting=waiting, queue=INFERENCE) == 20
    assert sizes == [20]
    finished = Analysis.objects.filter(state=State.FINISHED, model_version=model)
    assert finished.exclude(heatmap="").exclude(p_fake=None).count() == 20


def test_the_same_file_is_looked_at_once_and_each_has_pictures_of_its_own(
    alice: User, charlie: User, model: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, answers = [], ml_gateway.answers

    def counted(*args: Any, **options: Any) -> Answers:
        looked.append(len(args[2]))
        return answers(*args, **options)

    monkeypatch.setattr(ml_gateway, "answers", counted)
    earlier = work.analysed(alice)
    submission = work.hand_in(alice, *[images.plain(work.RED)] * 2, *[images.plain("blue")] * 2)
    work.hand_in(charlie, images.plain(work.RED))
    waiting = list(Analysis.objects.filter(state=State.QUEUED).values_list("pk", flat=True))
    assert analyses.analyses_run(waiting=waiting, queue=INFERENCE) == 5
    # Alice's blue one, and Charlie's red one: nobody learns that somebody else had a file.
    assert looked == [1, 2]
    red, again, blue, twin = Analysis.objects.filter(image__submission=submission).order_by("pk")
    assert [one.answered_from for one in (red, again, blue, twin)] == [earlier, earlier, None, blue]
    for copy, source in ((red, earlier), (again, earlier), (twin, blue)):
        assert copy.p_fake == source.p_fake
        assert (copy.verdict, copy.reasons) == (source.verdict, source.reasons)
        assert copy.model_version == model
        assert copy.heatmap.name != source.heatmap.name
        assert Path(copy.heatmap.path).read_bytes() == Path(source.heatmap.path).read_bytes()
    assert Analysis.objects.get(owner=charlie).answered_from is None


def test_the_page_says_whose_result_it_is(
    alice: User, as_alice: Client, model: ModelVersion
) -> None:
    earlier, copy = work.analysed(alice), work.analysed(alice)
    page = as_alice.get(f"/analyses/{copy.public_id}/").text
    assert 'data-testid="answered-from"' in page
    assert f"/analyses/{earlier.public_id}/" in page
    assert 'data-testid="answered-from"' not in as_alice.get(f"/analyses/{earlier.public_id}/").text


def test_what_would_be_judged_otherwise_today_is_looked_at_anew(
    alice: User, model: ModelVersion
) -> None:
    earlier = work.analysed(alice)
    Analysis.objects.filter(pk=earlier.pk).update(band_high=0.999)
    assert work.analysed(alice).answered_from is None
    Analysis.objects.update(findings=[])
    assert work.analysed(alice).answered_from is None


def test_one_that_breaks_takes_nobody_with_it(
    alice: User, model: ModelVersion, monkeypatch: pytest.MonkeyPatch, queue: fixtures.Queue
) -> None:
    waiting, examine = hand_in(alice, 3), evidence.file_examine
    poison = Analysis.objects.select_related("image").get(pk=waiting[1]).image

    def breaks(**options: Any) -> Any:
        with poison.original.open("rb") as file:
            if options["content"] == file.read():
                raise RuntimeError("not foreseen")
        return examine(**options)

    monkeypatch.setattr(outcomes, "file_examine", breaks)
    analyse_images.apply(args=[waiting, "inference"])
    states = Analysis.objects.order_by("pk").values_list("state", "attempts")
    assert list(states) == [(State.QUEUED, 1)] * 3
    woken = queue()
    assert woken == waiting
    for pk in woken:
        analyse_images.apply(args=[[pk], "inference"])
    assert list(Analysis.objects.order_by("pk").values_list("state", "error_code")) == [
        (State.FINISHED, ""),
        (State.FAILED, "internal"),
        (State.FINISHED, ""),
    ]


def test_an_unreadable_file_is_told_of_its_own_image_alone(
    alice: User, model: ModelVersion
) -> None:
    waiting = hand_in(alice, 3)
    image = Analysis.objects.get(pk=waiting[1]).image
    Path(image.original.path).unlink()
    assert analyses.analyses_run(waiting=waiting, queue=INFERENCE) == 3
    states = Analysis.objects.order_by("pk").values_list("state", "error_code")
    assert list(states) == [("finished", ""), ("failed", "file_missing"), ("finished", "")]


def test_while_the_storage_is_away_work_waits_and_no_attempt_is_counted(
    alice: User, model: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = hand_in(alice, 2)

    def away(_: object) -> bytes:
        raise StorageUnavailable("no route")

    with monkeypatch.context() as outage:
        outage.setattr(outcomes, "original_read", away)
        assert analyses.analyses_run(waiting=waiting, queue=INFERENCE) == 0
    rows = Analysis.objects.values_list("state", "attempts", "enqueued_at")
    assert set(rows) == {(State.QUEUED, 0, None)}
    assert analyses.analyses_run(waiting=waiting, queue=INFERENCE) == 2


def test_a_deadlock_is_tried_again_and_a_database_that_goes_gives_the_work_back(
    alice: User, model: ModelVersion, monkeypatch: pytest.MonkeyPatch, queue: fixtures.Queue
) -> None:
    troubles: list[OperationalError] = [OperationalError(1213, "Deadlock found")]
    held = analyses._still_held

    def troubled(claims: Any) -> set[int]:
        if troubles:
            raise troubles.pop()
        return held(claims)

    monkeypatch.setattr(analyses, "_still_held", troubled)
    (first,) = hand_in(alice, 1)
    analyse_images.apply(args=[[first], "inference"])
    assert Analysis.objects.get(pk=first).state == State.FINISHED
    (second,) = hand_in(alice, 1)
    files = work.media_files()
    troubles.append(OperationalError(2013, "Lost connection"))
    analyse_images.apply(args=[[second], "inference"])
    assert (Analysis.objects.get(pk=second).state, queue()) == (State.QUEUED, [second])
    assert work.media_files() == files


def test_what_waits_can_be_cancelled_and_tried_again(
    alice: User, model: ModelVersion, committed: fixtures.Committed, queue: fixtures.Queue
) -> None:
    waiting = hand_in(alice, 3)
    Analysis.objects.filter(pk=waiting[0]).update(state=State.RUNNING, started_at=timezone.now())
    everything = Analysis.objects.all()
    assert analyses.analyses_cancel(analyses=everything) == 2
    assert analyses.analyses_run(waiting=waiting, queue=INFERENCE) == 0
    states = everything.order_by("pk").values_list("state", "error_code")
    assert list(states) == [("running", ""), ("cancelled", "cancelled"), ("cancelled", "cancelled")]
    with committed():
        assert analyses.analyses_retry(analyses=everything) == 2
    assert queue() == waiting[1:]
    assert analyses.analyses_run(waiting=waiting[1:], queue=INFERENCE) == 2


def test_a_group_keeps_limit_and_quota_to_the_image(alice: User, settings: Settings) -> None:
    settings.QUOTA_IMAGES_PER_DAY = {"everybody": 3}
    submission = intake.submission_open(owner=alice)
    files = [work.upload(images.plain((1, 1, number))) for number in range(6)]
    added = intake.images_add(submission=submission, files=files, limit=5)
    assert [getattr(one, "code", "") for one in added] == [
        *["", "", ""],
        *["quota_exceeded", "quota_exceeded", "too_many_files"],
    ]
    assert submission.images.count() == 3
    assert submission.refusals.count() == 3
    assert len(work.media_files()) == 6


@pytest.mark.parametrize(
    ("ended", "waits"),
    [(None, 0), (1, 1), (MICRO_BATCH, 0)],
    ids=["alone", "one close before it", "many at once before it"],
)
def test_only_images_that_come_close_together_wait_for_company(
    ended: int | None, waits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("detection.tasks.analyses.time.sleep", waited.append)
    company = tasks.analyses._Company()
    if ended is not None:
        company.ended(ended)
    company.gather()
    assert len(waited) == waits
    assert all(seconds <= 0.02 for seconds in waited)
