""" "This is wrong": what a person says is kept, used only with consent, and answered."""

from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client

from detection.models import (
    Analysis,
    AuditEvent,
    Dataset,
    Feedback,
    FeedbackState,
    Item,
    ItemState,
    Label,
    Role,
    Snapshot,
    SnapshotItem,
    Split,
)
from detection.services.datasets import item_add
from detection.services.feedback import (
    FeedbackRefused,
    feedback_close,
    feedback_give,
    feedback_settle,
    feedback_withdraw,
    role_of,
)
from detection.services.intake import images_delete
from portal.accounts import user_purge
from portal.models import User
from tests import work
from tests.fixtures import Committed
from tests.reports import REGRESSION, TRAINING, judged, picture_for, report


def path(analysis: Analysis, act: str = "") -> str:
    return f"/analyses/{analysis.public_id}/feedback/{act}"


def settle(item: Item, state: ItemState, label: Label = Label.REAL) -> None:
    """What a review does in the end."""
    item.state, item.label = state, label
    item.save()
    feedback_settle(item=item)


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


# -- what becomes of the image ----------------------------------------------------------------


@pytest.mark.parametrize(("role", "name"), [(TRAINING, "Feedback"), (REGRESSION, "Reported")])
def test_with_consent_a_copy_waits_in_the_dataset_that_its_hash_decides_on(
    alice: User, role: Role, name: str
) -> None:
    content = picture_for(role)
    analysis = judged(alice, content)
    feedback = report(analysis)
    item = Item.objects.get()
    assert feedback.item == item
    assert (item.dataset.name, item.dataset.role) == (name, role)
    assert (item.label, item.state, item.source) == ("real", "pending", "feedback")
    assert (item.analysis, item.added_by) == (analysis, alice)
    assert item.file.read() == content
    assert item.file.name != analysis.image.original.name


def test_one_image_in_three_is_kept_for_comparing_versions() -> None:
    roles = [role_of(f"{n:064x}") for n in range(300)]
    assert roles.count(Role.REGRESSION) == 100
    assert roles.count(Role.TRAINING) == 200


def test_without_consent_only_the_disagreement_is_kept(alice: User) -> None:
    feedback = report(judged(alice), has_consent=False)
    assert (feedback.label, feedback.note, feedback.state) == ("real", "I took it.", "open")
    assert not Item.objects.exists()
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("label", list(Label))
def test_a_copy_in_a_sealed_test_is_told_and_not_added(alice: User, label: Label) -> None:
    for role in (TRAINING, REGRESSION):
        sealed = Dataset.objects.create(name=f"Test {role}", role=Role.TEST)
        content = picture_for(role)
        state = ItemState.ACCEPTED
        item_add(dataset=sealed, content=content, file_name="x.png", label=label, state=state)
        feedback = report(judged(alice, content))
        feedback.refresh_from_db()
        assert feedback.item is None
        assert feedback.refusal_code == "sealed_copy"
        assert "sealed test" in feedback.refusal_sentence
    assert Item.objects.exclude(dataset__role=Role.TEST).count() == 0


def test_a_file_that_two_people_report_is_one_item(alice: User, charlie: User) -> None:
    first = report(judged(alice), Label.REAL)
    second = report(judged(charlie, verdict="likely_real"), Label.FAKE)
    item = Item.objects.get()
    assert first.item == second.item == item
    settle(item, ItemState.ACCEPTED, Label.REAL)
    assert set(Feedback.objects.values_list("user", "state")) == {
        (alice.pk, "settled"),
        (charlie.pk, "dismissed"),
    }


def test_a_report_on_what_reviewers_have_settled_is_answered_at_once(
    alice: User, charlie: User
) -> None:
    report(judged(alice))
    settle(Item.objects.get(), ItemState.ACCEPTED, Label.REAL)
    assert Feedback.objects.get(pk=report(judged(charlie)).pk).state == FeedbackState.SETTLED


def test_a_missing_original_is_told_with_the_report(alice: User) -> None:
    analysis = judged(alice)
    Path(analysis.image.original.path).unlink()
    feedback = report(analysis)
    assert Feedback.objects.get().refusal_code == "file_missing"
    assert feedback.item is None


def test_a_dataset_of_that_name_with_another_role_is_left_alone(alice: User) -> None:
    Dataset.objects.create(name="Feedback", role=Role.REGRESSION)
    assert report(judged(alice)).refusal_code == "dataset_role"
    assert not Item.objects.exists()


# -- what is refused --------------------------------------------------------------------------


def test_what_the_verdict_says_already_is_no_report(alice: User) -> None:
    with pytest.raises(FeedbackRefused) as refused:
        report(judged(alice, verdict="likely_real"), Label.REAL)
    assert refused.value.code == "same_as_verdict"
    assert report(judged(alice, verdict="inconclusive"), Label.REAL).label == "real"


@pytest.mark.parametrize("fields", [{"state": "failed", "verdict": ""}, {"track": "face"}])
def test_only_a_verdict_on_an_image_can_be_wrong(alice: User, fields: dict[str, str]) -> None:
    with pytest.raises(FeedbackRefused) as refused:
        report(work.ended(work.queued(alice), **fields))
    assert refused.value.code == "no_verdict"


def test_a_deleted_image_is_told(alice: User) -> None:
    analysis = judged(alice)
    images_delete(images=[analysis.image])
    with pytest.raises(FeedbackRefused) as refused:
        feedback_give(analysis=analysis, user=alice, label=Label.REAL)
    assert refused.value.code == "gone"


# -- changing and withdrawing -----------------------------------------------------------------


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


# -- deleting the image, or the account -------------------------------------------------------


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


# -- closing by hand --------------------------------------------------------------------------


@pytest.mark.parametrize(("agrees", "state"), [(True, "settled"), (False, "dismissed")])
def test_a_report_without_an_image_is_closed_by_hand(
    alice: User, admin: User, agrees: bool, state: str
) -> None:
    feedback = report(judged(alice), has_consent=False)
    feedback_close(feedback=feedback, user=admin, agrees=agrees)
    feedback.refresh_from_db()
    assert feedback.state == state
    assert feedback.settled_at is not None
    with pytest.raises(FeedbackRefused) as refused:
        feedback_close(feedback=feedback, user=admin, agrees=agrees)
    assert refused.value.code == "settled"


def test_a_report_whose_image_waits_is_decided_in_the_review(alice: User, admin: User) -> None:
    with pytest.raises(FeedbackRefused) as refused:
        feedback_close(feedback=report(judged(alice)), user=admin, agrees=True)
    assert refused.value.code == "in_review"


# -- the verdict page -------------------------------------------------------------------------


def test_the_page_offers_to_tell_and_then_shows_what_was_told(
    as_alice: Client, alice: User
) -> None:
    analysis = judged(alice)
    page = as_alice.get(f"/analyses/{analysis.public_id}/").text
    assert "This is wrong" in page
    assert "feedback/withdraw" not in page
    form = {"label": "real", "note": "My <own> photo", "has_consent": "on"}
    answer = as_alice.post(path(analysis), form)
    assert answer["Location"] == f"/analyses/{analysis.public_id}/#feedback"
    page = as_alice.get(f"/analyses/{analysis.public_id}/").text
    for text in ("You said: it is a real photograph", "My &lt;own&gt; photo", "allowed", "Change"):
        assert text in page
    assert "A reviewer will look at the image." in page
    assert as_alice.post(path(analysis, "withdraw/")).status_code == 302
    assert not Feedback.objects.exists()


def test_a_script_gets_the_part_alone(as_alice: Client, alice: User) -> None:
    analysis = judged(alice)
    answer = as_alice.post(path(analysis), {"label": "real"}, headers={"HX-Request": "true"})
    assert "<html" not in answer.text
    assert "You said: it is a real photograph" in answer.text
    assert "you have not allowed it" in answer.text
    assert not Item.objects.exists()


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({}, "Say what the image is."),
        ({"label": "painting"}, "Say what the image is."),
        ({"label": "fake"}, "That is what the verdict says already."),
    ],
)
def test_what_cannot_be_taken_is_told_in_place(
    as_alice: Client, alice: User, form: dict[str, str], sentence: str
) -> None:
    analysis = judged(alice)
    answer = as_alice.post(path(analysis), form, headers={"HX-Request": "true"})
    assert sentence in answer.text
    assert sentence in as_alice.post(path(analysis), form, follow=True).text
    assert not Feedback.objects.exists()


def test_a_note_that_is_too_long_is_told_as_such(as_alice: Client, alice: User) -> None:
    analysis = judged(alice)
    form = {"label": "real", "note": "x" * 1001}
    answer = as_alice.post(path(analysis), form, headers={"HX-Request": "true"})
    assert "at most 1000 characters" in answer.text
    assert "Say what the image is." not in answer.text
    assert not Feedback.objects.exists()


def test_an_inconclusive_verdict_is_told_without_a_guess(as_alice: Client, alice: User) -> None:
    page = as_alice.get(f"/analyses/{judged(alice, verdict='inconclusive').public_id}/").text
    assert "I know what it is" in page
    assert "checked" not in page


@pytest.mark.parametrize(
    ("state", "label", "sentence"),
    [
        (ItemState.ACCEPTED, Label.REAL, "A reviewer agreed; thank you"),
        (ItemState.ACCEPTED, Label.FAKE, "They came to another result: AI-generated."),
        (ItemState.REJECTED, Label.REAL, "They could not confirm it"),
    ],
)
def test_the_page_says_what_became_of_it(
    as_alice: Client, alice: User, state: ItemState, label: Label, sentence: str
) -> None:
    analysis = judged(alice)
    report(analysis)
    settle(Item.objects.get(), state, label)
    page = as_alice.get(f"/analyses/{analysis.public_id}/").text
    assert sentence in page
    assert "Take back my consent" in page
    assert "feedback-open" not in page


@pytest.mark.parametrize(
    ("role", "sentence"),
    [
        (TRAINING, "The next version of the model can learn from your image."),
        (REGRESSION, "Every new version of the model is tested on your image."),
    ],
)
def test_the_page_says_what_the_image_is_used_for(
    as_alice: Client, alice: User, role: Role, sentence: str
) -> None:
    analysis = judged(alice, picture_for(role))
    report(analysis)
    settle(Item.objects.get(), ItemState.ACCEPTED)
    assert sentence in as_alice.get(f"/analyses/{analysis.public_id}/").text


def test_nobody_else_can_tell_or_withdraw(
    as_charlie: Client, as_admin: Client, alice: User
) -> None:
    analysis = judged(alice)
    feedback = report(analysis)
    for client in (as_charlie, as_admin):
        assert client.post(path(analysis), {"label": "real"}).status_code == 404
        assert client.post(path(analysis, "withdraw/")).status_code == 404
    assert Feedback.objects.get() == feedback


def test_there_is_nothing_to_tell_before_the_verdict(as_alice: Client, alice: User) -> None:
    page = as_alice.get(f"/analyses/{work.queued(alice).public_id}/").text
    assert "This is wrong" not in page
    assert 'id="feedback"' not in page
