"""Consent is kept with its words and its moment, and the next snapshot honours its withdrawal."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from detection.models import (
    Analysis,
    Dataset,
    Feedback,
    Item,
    ItemState,
    Label,
    Snapshot,
    Split,
    SubmittedImage,
)
from detection.models.datasets import CONSENT_WORDS, NEWEST_WORDS
from detection.services.datasets import item_add, items_add_from_analyses
from detection.services.feedback import feedback_withdraw
from detection.services.intake import images_delete
from detection.services.retention import retention_sweep
from detection.services.snapshots import snapshot_freeze
from detection.services.training.lines import training_items, withdrawn_count
from portal.leaving import user_purge
from portal.models import User
from tests import images, labelled, people
from tests.fixtures import Committed, signed_in
from tests.reports import TRAINING, judged, picture_for, report, settle

WORDS = "You may use this image to train and test the model"


def accepted(analysis: Analysis) -> Item:
    """Alice's report, as reviewers have settled it."""
    item = report(analysis).item
    assert item is not None
    settle(item, ItemState.ACCEPTED)
    return item


def freeze() -> Snapshot:
    return snapshot_freeze(datasets=Dataset.objects.all(), user=None)


def withdrawn(analysis: Analysis) -> None:
    feedback_withdraw(feedback=Feedback.objects.get(), user=analysis.owner)


def deleted(analysis: Analysis) -> None:
    images_delete(images=[analysis.image])


def left(analysis: Analysis) -> None:
    user_purge(User.objects.get(pk=analysis.owner_id))


def forgotten(analysis: Analysis) -> None:
    then = timezone.now() - timedelta(days=31)
    SubmittedImage.objects.filter(pk=analysis.image_id).update(created_at=then)
    assert retention_sweep() == 1


@pytest.mark.parametrize("withdraw", [withdrawn, deleted, left, forgotten])
def test_the_next_snapshot_is_without_it_and_the_old_one_shows_nothing(
    alice: User,
    settings: Settings,
    committed: Committed,
    withdraw: Callable[[Analysis], None],
) -> None:
    settings.RETENTION_DAYS, settings.RETENTION_KEEPS_VERDICTS = 30, False
    labelled.filled(50)
    analysis = judged(alice)
    item = accepted(analysis)
    before = freeze()
    line = before.lines.get(sha256=item.sha256)
    with committed():
        withdraw(analysis)
    assert not item.file.storage.exists(str(item.file.name))
    after = freeze()
    assert not after.lines.filter(sha256=item.sha256).exists()
    assert after.lines.count() == before.lines.count() - 1
    # What is left of it: hash and label. A run on the old one goes without it, and says so.
    line.refresh_from_db()
    assert (line.item, line.label) == (None, "real")
    assert withdrawn_count(before) == 1
    assert (
        len(training_items(before, Split(line.split)))
        == before.lines.filter(split=line.split).count() - 1
    )


def test_who_agreed_when_and_to_which_words_is_kept(alice: User) -> None:
    began = timezone.now()
    feedback = report(judged(alice))
    feedback.refresh_from_db()
    assert feedback.user == alice
    assert feedback.agreed_words == CONSENT_WORDS[NEWEST_WORDS] == WORDS
    assert feedback.consented_at is not None
    assert began <= feedback.consented_at <= timezone.now()


def test_changing_the_report_makes_no_new_consent_and_withdrawing_ends_it(alice: User) -> None:
    analysis = judged(alice, verdict="inconclusive")
    first = Feedback.objects.get(pk=report(analysis, Label.REAL).pk)
    again = Feedback.objects.get(pk=report(analysis, Label.FAKE).pk)
    assert again.consented_at == first.consented_at
    ended = Feedback.objects.get(pk=report(analysis, Label.FAKE, has_consent=False).pk)
    assert (ended.has_consent, ended.consent_words, ended.consented_at) == (False, "", None)


def test_reviewers_see_it(alice: User, as_admin: Client) -> None:
    item = report(judged(alice)).item
    assert item is not None
    for address in (
        "/admin/detection/labelreview/queue/",
        f"/admin/detection/item/{item.pk}/change/",
    ):
        page = as_admin.get(address).content.decode()
        assert WORDS in page
        # Whose it was is no business of whoever settles labels.
        assert (alice.email in page) is ("/item/" in address)
        assert NEWEST_WORDS in page


def test_the_form_shows_the_words_that_are_kept(alice: User, as_alice: Client) -> None:
    analysis = judged(alice)
    assert WORDS in as_alice.get(f"/analyses/{analysis.public_id}/").content.decode()


def test_what_staff_took_in_on_the_strength_of_it_goes_too(
    alice: User, admin: User, committed: Committed
) -> None:
    analysis = judged(alice)
    report(analysis)
    own = Dataset.objects.create(name="Night desk")
    items_add_from_analyses(
        analyses=Analysis.objects.filter(pk=analysis.pk), user=admin, dataset=own, label="real",
        source="a desk",
    )  # fmt: skip
    assert Item.objects.count() == 2
    with committed():
        withdrawn(analysis)
    assert not Item.objects.exists()


def test_what_an_owner_took_in_themselves_hangs_on_no_report(alice: User) -> None:
    analysis = judged(alice)
    report(analysis)
    own = Dataset.objects.create(name="Mine")
    item_add(
        dataset=own, content=images.plain("grey"), file_name="x.png", label=Label.REAL,
        state=ItemState.ACCEPTED, analysis=analysis, user=alice,
    )  # fmt: skip
    withdrawn(analysis)
    assert Item.objects.get().dataset == own


def test_a_copy_that_somebody_else_agrees_to_is_called_as_theirs(
    alice: User, charlie: User, committed: Committed
) -> None:
    content = picture_for(TRAINING)
    report(judged(alice, content))
    theirs = judged(charlie, content)
    SubmittedImage.objects.filter(pk=theirs.image_id).update(file_name="charlies.png")
    report(theirs)
    with committed():
        user_purge(alice)
    item = Item.objects.get()
    assert (item.file_name, item.added_by) == ("charlies.png", charlie)
    assert signed_in(people.administrator()).get("/admin/detection/item/").status_code == 200
