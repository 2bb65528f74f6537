"""Consent can be changed and taken back, and goes with the image and with the account."""

import pytest
from django.db import transaction

from detection.models import (
    Analysis,
    AuditEvent,
    Dataset,
    Feedback,
    FeedbackState,
    Item,
    ItemState,
    Label,
    Snapshot,
    SnapshotItem,
    Split,
)
from detection.services.datasets import item_add
from detection.services.feedback import (
    FeedbackRefused,
    feedback_withdraw,
)
from detection.services.intake import images_delete
from portal.leaving import user_purge
from portal.models import User
from tests import work
from tests.fixtures import Committed
from tests.reports import REGRESSION, TRAINING, judged, picture_for, report, settle


def frozen(item: Item) -> SnapshotItem:
    """A snapshot's line on this item."""
    snapshot = Snapshot.objects.create(number=1, sha256="0" * 64)
    return SnapshotItem.objects.create(
        snapshot=snapshot,
        item=item,
        sha256=item.sha256,
        label=item.label,
        split=Split.TRAIN,
        group=1,
    )


def test_an_open_report_can_be_changed(alice: User) -> None:
    analysis = judged(alice, verdict="inconclusive")
    report(analysis, Label.REAL)
    changed = report(analysis, Label.FAKE)
    assert Feedback.objects.get() == changed
    assert changed.item == Item.objects.get()
    assert Item.objects.get().label == "fake"


def test_consent_given_later_adds_the_image_and_taken_back_removes_it(
    alice: User, committed: Committed
) -> None:
    analysis = judged(alice)
    before = work.media_files()
    report(analysis, has_consent=False)
    report(analysis, has_consent=True)
    assert len(work.media_files()) == len(before) + 1
    with committed():
        report(analysis, has_consent=False)
    assert not Item.objects.exists()
    assert work.media_files() == before
    assert Feedback.objects.get().item is None


def test_a_withdrawn_report_goes_with_its_image(alice: User, committed: Committed) -> None:
    analysis = judged(alice)
    before = work.media_files()
    feedback = report(analysis)
    with committed():
        feedback_withdraw(feedback=feedback, user=alice)
    assert not Feedback.objects.exists()
    assert not Item.objects.exists()
    assert work.media_files() == before
    audit = AuditEvent.objects.get(action="consent_withdraw")
    assert (audit.user, audit.subject, audit.details) == (alice, "Feedback", {"items": 1})


def test_what_is_settled_stays_said_but_its_image_goes_on_demand(
    alice: User, committed: Committed
) -> None:
    analysis = judged(alice)
    before = work.media_files()
    feedback = report(analysis)
    settle(Item.objects.get(), ItemState.ACCEPTED)
    with pytest.raises(FeedbackRefused) as refused:
        report(analysis, Label.REAL, has_consent=False)
    assert refused.value.code == "settled"
    with committed():
        feedback_withdraw(feedback=feedback, user=alice)
    feedback.refresh_from_db()
    assert (feedback.state, feedback.has_consent, feedback.item) == ("settled", False, None)
    assert not Item.objects.exists()
    assert work.media_files() == before


def test_an_item_stays_while_another_person_agrees(
    alice: User, charlie: User, committed: Committed
) -> None:
    first, other = report(judged(alice)), judged(charlie)
    report(other)
    with committed():
        feedback_withdraw(feedback=first, user=alice)
    item = Item.objects.get()
    assert item.analysis == other
    assert item.file.read() == other.image.original.read()
    with committed():
        feedback_withdraw(feedback=Feedback.objects.get(), user=charlie)
    assert not Item.objects.exists()


def test_what_staff_have_added_themselves_does_not_hang_on_a_report(alice: User) -> None:
    own = Dataset.objects.create(name="Feedback")
    item_add(
        dataset=own,
        content=picture_for(TRAINING),
        file_name="x.png",
        label=Label.REAL,
        state=ItemState.ACCEPTED,
        source="our own archive",
    )
    feedback = report(judged(alice))
    feedback.refresh_from_db()
    assert feedback.state == FeedbackState.SETTLED
    feedback_withdraw(feedback=feedback, user=alice)
    assert Item.objects.get().source == "our own archive"


def test_deleting_the_image_takes_its_copies_along(
    alice: User, charlie: User, committed: Committed
) -> None:
    report(judged(charlie, picture_for(TRAINING, first=50)))
    theirs = work.media_files()
    analysis = judged(alice)
    report(analysis)
    with committed():
        images_delete(images=[analysis.image])
    assert work.media_files() == theirs
    assert Item.objects.get().added_by == charlie
    assert Feedback.objects.get().user == charlie


def test_a_snapshot_keeps_the_hash_and_nothing_else(alice: User, committed: Committed) -> None:
    analysis = judged(alice)
    item = report(analysis).item
    assert item is not None
    settle(item, ItemState.ACCEPTED)
    line = frozen(item)
    with committed():
        images_delete(images=[analysis.image])
    line.refresh_from_db()
    assert (line.item, line.sha256, line.label) == (None, item.sha256, "real")
    assert not Item.objects.exists()
    assert work.media_files() == set()


def test_deleting_the_account_withdraws_every_consent(
    alice: User, charlie: User, committed: Committed
) -> None:
    shared = report(judged(alice)).item
    report(judged(alice, picture_for(REGRESSION)))
    other = judged(charlie)
    report(other)
    assert Item.objects.count() == 2
    with committed():
        user_purge(alice)
    item = Item.objects.get()
    assert (item, item.analysis) == (shared, other)
    assert len(work.media_files()) == len(other.image.stored_names) + 1


def test_files_stay_when_the_deletion_is_rolled_back(alice: User, committed: Committed) -> None:
    analysis = judged(alice)
    report(analysis)
    before = work.media_files()
    with committed(), pytest.raises(ZeroDivisionError):
        delete_and_fail(analysis)
    assert work.media_files() == before
    assert Item.objects.exists()


def delete_and_fail(analysis: Analysis) -> None:
    with transaction.atomic():
        images_delete(images=[analysis.image])
        raise ZeroDivisionError
