"""Deleting takes rows and files together, and nothing of anybody else's."""

from pathlib import Path

import pytest
from django.db import transaction

from detection.models import Analysis, Refusal, Submission, SubmittedImage
from detection.services import intake
from portal.leaving import user_purge
from portal.models import User
from tests import images, work
from tests.fixtures import Committed


def with_heatmap(analysis: Analysis) -> Analysis:
    """The analysis with a stored heatmap."""
    analysis.heatmap.save("", work.upload(images.plain("red")))
    return analysis


@pytest.fixture
def others(charlie: User) -> set[str]:
    """Paths of files that have to stay."""
    with_heatmap(work.ended(work.queued(charlie)))
    return {str(path) for path in work.media_files()}


def files() -> set[str]:
    return {str(path) for path in work.media_files()}


def test_an_image_goes_with_its_analyses_files_and_empty_submission(
    alice: User, others: set[str], committed: Committed
) -> None:
    analysis = with_heatmap(work.ended(work.queued(alice, images.image_file("JPEG", (300, 300)))))
    assert len(files()) == len(others) + 4  # original, preview, thumbnail, heatmap
    with committed():
        assert intake.images_delete(images=[analysis.image]) == 1
    assert files() == others
    assert not Submission.objects.filter(owner=alice).exists()
    assert Analysis.objects.count() == 1


def test_the_other_images_of_a_submission_stay(alice: User, committed: Committed) -> None:
    submission = work.hand_in(alice, images.plain("red"), images.plain("blue"))
    first, second = submission.images.all()
    with committed():
        intake.images_delete(images=[first])
    assert list(submission.images.all()) == [second]
    assert len(files()) == 2


def test_files_stay_when_the_deletion_is_rolled_back(alice: User, committed: Committed) -> None:
    analysis = with_heatmap(work.queued(alice))
    before = files()
    with committed(), transaction.atomic():
        intake.images_delete(images=[analysis.image])
        transaction.set_rollback(True)
    assert files() == before
    assert SubmittedImage.objects.count() == 1


def test_a_file_that_is_gone_already_is_no_error(alice: User, committed: Committed) -> None:
    image = work.queued(alice).image
    Path(image.original.path).unlink()
    with committed():
        intake.images_delete(images=[image])
    assert files() == set()


def test_a_user_goes_with_everything(alice: User, others: set[str], committed: Committed) -> None:
    with_heatmap(work.ended(work.queued(alice)))
    work.hand_in(alice, b"refused")
    intake.submission_open(owner=alice)
    with committed():
        user_purge(alice)
    assert files() == others
    assert not Submission.objects.filter(owner_id=alice.pk).exists()
    assert not Refusal.objects.exists()
    assert not User.objects.filter(email="alice@example.org").exists()
