"""Threads that get into one another's way, on the database that the environment names.

Run by `tests/services/test_races.py` in a process of its own, as the tests' own database knows one
thread only.
"""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from detection.image_files import ImageRejected
from detection.models import (
    Analysis,
    Batch,
    Dataset,
    Decision,
    Feedback,
    Item,
    LabelReview,
    Submission,
    SubmittedImage,
    Tag,
    UsageDay,
)
from detection.services import intake
from detection.services.analysis import analysis_claim
from detection.services.batches import batch_open
from detection.services.batches.receiving import MOST_RECEIVING, BatchRefused
from detection.services.feedback import FeedbackRefused, feedback_withdraw
from detection.services.fetches import FetchRefused
from detection.services.notes import NotesRefused, tags_change, tags_set
from detection.services.quotas import quota_take
from detection.services.reviews import ReviewRefused, review_decide, review_turn
from portal.leaving import user_purge
from tests import images, people, work
from tests.programs import token_of, with_token
from tests.reports import judged, report, waiting

ROUNDS = 6
MAX_FILES = 5  # as test_races.py sets it
EXPECTED = (
    *(ImageRejected, Submission.DoesNotExist),
    *(BatchRefused, FeedbackRefused, FetchRefused, NotesRefused, ReviewRefused),
)


def together(*jobs: Callable[[], object]) -> list[BaseException]:
    """Run jobs at the same time, each with a connection of its own; what they raised."""
    raised: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except EXPECTED as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def add_to(submission: Submission) -> Callable[[], object]:
    """A job that hands one image in, as a request does."""

    def add() -> SubmittedImage:
        found = Submission.objects.get(pk=submission.pk)
        return intake.image_add(submission=found, file=work.upload(images.plain("red")))

    return add


def soon(job: Callable[[], object]) -> Callable[[], object]:
    """The job, some moments later: each round at another one."""

    def later() -> None:
        time.sleep(random.random() * 0.03)
        job()

    return later


def require_files_of_rows() -> None:
    """Every row has its files, and every file its row."""
    rows = {
        Path(name).name for image in SubmittedImage.objects.all() for name in image.stored_names
    }
    rows |= {Path(name).name for name in Item.objects.values_list("file", flat=True)}
    files = {path.name for path in work.media_files()}
    assert files == rows, f"without a row: {files - rows}; without a file: {rows - files}"


def uploads_keep_the_limit() -> None:
    submission = intake.submission_open(owner=people.person("alice"))
    refused = together(*[add_to(submission)] * (2 * MAX_FILES + 1))
    assert submission.images.count() == MAX_FILES
    assert len(refused) == MAX_FILES + 1
    require_files_of_rows()


def uploads_and_deletion() -> None:
    alice = people.person("alice")
    for _ in range(ROUNDS):
        submission = intake.submission_open(owner=alice)
        first = intake.image_add(submission=submission, file=work.upload(images.plain("blue")))
        add = add_to(submission)
        together(add, add, soon(lambda first=first: intake.images_delete(images=[first])), add)  # type: ignore[misc]
        require_files_of_rows()


def uploads_and_leaving() -> None:
    for number in range(ROUNDS):
        alice = people.person(f"alice{number}")
        add = add_to(intake.submission_open(owner=alice))
        together(add, add, soon(lambda alice=alice: user_purge(alice)), add)  # type: ignore[misc]
        assert not SubmittedImage.objects.exists()
        require_files_of_rows()


def claims() -> None:
    analysis = work.queued(people.person("alice"))
    got: list[Analysis | None] = []
    together(*[lambda: got.append(analysis_claim(analysis_id=analysis.pk, worker="any"))] * 10)
    assert len(got) == 10
    assert len([claim for claim in got if claim]) == 1


def reports_and_deletion() -> None:
    alice = people.person("alice")
    for number in range(ROUNDS):
        analysis = judged(alice, images.image_file("PNG", (8, 8), seed=number))
        tell = lambda analysis=analysis: report(analysis)  # noqa: E731
        delete = lambda analysis=analysis: intake.images_delete(images=[analysis.image])  # noqa: E731
        together(tell, soon(delete), tell)
        assert not Feedback.objects.exists()
        assert not Item.objects.exists()
        require_files_of_rows()


def reports_of_one_file() -> None:
    content = images.image_file("PNG", (8, 8))
    reports = [judged(people.person(f"alice{number}"), content) for number in range(4)]
    together(*[lambda analysis=analysis: report(analysis) for analysis in reports])
    item = Item.objects.get()
    assert {feedback.item_id for feedback in Feedback.objects.all()} == {item.pk}
    require_files_of_rows()


def reviews_of_one_item() -> None:
    reviewers = [people.administrator(f"bob{number}") for number in range(4)]
    for number in range(ROUNDS):
        (item,) = waiting(Dataset.objects.create(name=f"Race {number}"))
        turns = [review_turn(user=user) for user in reviewers]
        assert [turn.item for turn in turns] == [item, None, None, None]
        decide = [
            lambda item=item, user=user, word=word: review_decide(
                item_id=item.pk, user=user, decision=word
            )
            for user, word in zip(reviewers, [*Decision, Decision.ACCEPT], strict=True)
        ]
        refused = together(*decide)
        assert len(refused) == len(reviewers) - 1
        review = LabelReview.objects.get(item=item)
        item.refresh_from_db()
        assert item.label == review.label
        assert item.state == ("rejected" if review.decision == Decision.REJECT else "accepted")


def reviews_and_withdrawal() -> None:
    alice, bob = people.person("alice"), people.administrator("bob")
    for number in range(ROUNDS):
        feedback = report(judged(alice, images.image_file("PNG", (8, 8), seed=number)))
        together(
            lambda pk=feedback.item_id: review_decide(  # type: ignore[misc]
                item_id=pk, user=bob, decision=Decision.ACCEPT
            ),
            soon(lambda it=feedback: feedback_withdraw(feedback=it, user=alice)),  # type: ignore[misc]
        )
        assert not Feedback.objects.consenting().exists()
        assert not Item.objects.exists()
        require_files_of_rows()


def tags_and_deletion() -> None:
    alice = people.person("alice")
    for _ in range(ROUNDS):
        gone, kept = (work.queued(alice).image for _ in range(2))
        together(
            lambda image=gone: tags_set(image=image, user=alice, names=["a", "b"]),  # type: ignore[misc]
            lambda image=kept: tags_set(image=image, user=alice, names=["a", "c"]),  # type: ignore[misc]
            lambda both=(gone, kept): tags_change(images=both, user=alice, add=["d"], remove=["b"]),  # type: ignore[misc]
            lambda image=kept: tags_change(images=[image], user=alice, add=["e"]),  # type: ignore[misc]
            soon(lambda image=gone: intake.images_delete(images=[image])),  # type: ignore[misc]
        )
        assert not Tag.objects.unused().exists()
        assert {"a", "c"} <= set(kept.tags.values_list("name", flat=True))
        intake.images_delete(images=[kept])
        assert not Tag.objects.exists()


def tags_and_leaving() -> None:
    for number in range(ROUNDS):
        alice = people.person(f"alice{number}")
        images_of_alice = [work.queued(alice).image for _ in range(2)]
        tag = [
            lambda image=image, user=alice: tags_change(images=[image], user=user, add=["a"])
            for image in images_of_alice
        ]
        together(*tag, soon(lambda user=alice: user_purge(user)), *tag)  # type: ignore[misc]
        assert not Tag.objects.exists()


def tags_that_look_alike() -> None:
    alice = people.person("alice")
    image = work.queued(alice).image
    together(
        *(
            lambda name=name: tags_change(images=[image], user=alice, add=[name])
            for name in ("café", "cafe", "Café", "cafe")
        )
    )
    assert 1 <= image.tags.count() <= 2


def quota_at_once() -> None:
    settings.QUOTA_IMAGES_PER_DAY = {"everybody": MAX_FILES}

    def take(owner: object) -> None:
        # As intake does it: the count is locked until the rows beside it are stored.
        with transaction.atomic():
            quota_take(owner=owner, images=1, bytes=10)

    for number in range(ROUNDS):
        alice = people.person(f"alice{number}")
        refused = together(*[lambda alice=alice: take(alice)] * 12)
        assert len(refused) == 12 - MAX_FILES
        day = UsageDay.objects.get(owner=alice)
        assert (day.images, day.bytes) == (MAX_FILES, 10 * MAX_FILES)


def batches_at_once() -> None:
    for number in range(ROUNDS):
        alice = people.person(f"alice{number}")
        refused = together(
            *[lambda alice=alice: batch_open(owner=alice, name="a.zip", upload_bytes=9)] * 12
        )
        assert len(refused) == 12 - MOST_RECEIVING
        assert Batch.objects.filter(submission__owner=alice).count() == MOST_RECEIVING


def one_key_at_once() -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = False
    token = token_of(people.person("alice"))
    for number in range(ROUNDS):
        told: list[tuple[int, bool]] = []

        def send(key: str = f"key-{number}") -> None:
            files = {"images": work.upload(images.plain("red"))}
            headers = {"idempotency-key": key}
            answer = with_token(token).post("/api/v1/submissions/", files, headers=headers)
            told.append((answer.status_code, "Idempotency-Replayed" in answer))  # noqa: B023

        together(*[send] * 6)
        assert Submission.objects.count() == number + 1
        assert told.count((201, False)) == 1, told
        assert set(told) <= {(201, False), (201, True), (409, False)}, told
