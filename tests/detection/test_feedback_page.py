"""The verdict page takes a report in place, with a script or without, and answers it."""

import re

import pytest
from django.test import Client

from detection.models import (
    Analysis,
    Dataset,
    Feedback,
    Item,
    ItemState,
    Label,
    Role,
)
from detection.services.datasets import item_add
from portal.models import User
from tests import work
from tests.reports import REGRESSION, TRAINING, judged, picture_for, report, settle


def path(analysis: Analysis, act: str = "") -> str:
    return f"/analyses/{analysis.public_id}/feedback/{act}"


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


def test_the_page_does_not_tell_what_versions_are_judged_on(as_alice: Client, alice: User) -> None:
    content, state = picture_for(TRAINING), ItemState.ACCEPTED
    sealed = Dataset.objects.create(name="Judged on", role=Role.TEST)
    item_add(dataset=sealed, content=content, file_name="x.png", label=Label.REAL, state=state)
    report(analysis := judged(alice, content))
    page = as_alice.get(f"/analyses/{analysis.public_id}/").text
    assert "Your report is kept and counted; the image itself is not used." in page
    assert "sealed" not in page
    assert "Judged on" not in page


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
    assert re.search(r"<input[^>]*\bchecked", page) is None


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
