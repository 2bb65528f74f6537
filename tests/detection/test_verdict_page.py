"""The verdict page says what was found, how sure that is, by which model, and where it looked."""

import pytest
from django.test import Client

from detection.models import Analysis, ModelVersion
from portal.models import User
from tests import colours, images, work
from tests.fixtures import Committed, Queue


def page_of(client: Client, analysis: Analysis) -> str:
    answer = client.get(f"/analyses/{analysis.public_id}/")
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize(
    ("colour", "title"),
    [
        (work.RED, "Likely AI-generated"),
        (work.BLUE, "Likely real"),
        (work.GREY, "Inconclusive"),
    ],
)
def test_it_shows_the_verdict(
    as_alice: Client, alice: User, model: ModelVersion, colour: str, title: str
) -> None:
    analysis = work.analysed(alice, images.plain(colour), name="sunset.png")
    page = page_of(as_alice, analysis)
    for text in (title, analysis.summary, f"{analysis.percent_fake:.1f}", "sunset.png"):
        assert text in page
    for text in (model.label, colours.SENTENCE, analysis.image.sha256, "PNG", "8 \xd7 8"):
        assert text in page
    assert f"/analyses/{analysis.public_id}/heatmap/" in page
    assert f"/images/{analysis.image.public_id}/preview/" in page
    assert "Not validated for this kind of image" not in page
    assert "every 1s" not in page


def test_it_warns_of_images_that_the_model_does_not_know(
    as_alice: Client, alice: User, model: ModelVersion
) -> None:
    page = page_of(as_alice, work.analysed(alice, images.image_file("JPEG", (64, 48))))
    assert "Not validated for this kind of image" in page
    assert "64 \xd7 48" in page
    assert "Inconclusive" in page
    assert "Likely AI-generated</" not in page
    assert "Likely real</" not in page


@pytest.mark.parametrize("state", ["queued", "running"])
def test_it_polls_until_there_is_a_verdict(as_alice: Client, alice: User, state: str) -> None:
    analysis = work.ended(work.queued(alice), state=state, verdict="", p_fake=None, reasons=[])
    fragment = f"/analyses/{analysis.public_id}/status/"
    assert f'hx-get="{fragment}" hx-trigger="every 1s"' in page_of(as_alice, analysis)
    assert "every 1s" in as_alice.get(fragment).text
    work.ended(analysis)
    text = as_alice.get(fragment).text
    assert "every 1s" not in text
    assert "<html" not in text
    assert "Likely AI-generated" in text


def test_a_failure_tells_its_reason_and_offers_another_try(
    as_alice: Client, alice: User, committed: Committed, queue: Queue
) -> None:
    analysis = work.analysed(alice)
    assert analysis.error_code == "no_champion"
    page = page_of(as_alice, analysis)
    retry = f"/analyses/{analysis.public_id}/retry/"
    assert analysis.error_sentence in page
    assert f'action="{retry}"' in page
    with committed():
        answer = as_alice.post(retry)
    assert answer["Location"] == f"/analyses/{analysis.public_id}/"
    assert queue() == [analysis.pk]
    assert "every 1s" in page_of(as_alice, analysis)


def test_reasons_are_shown_as_text(as_alice: Client, alice: User) -> None:
    reasons = [{"code": "x", "sentence": "First."}, {"code": "y", "sentence": "<b>Second</b>"}]
    page = page_of(as_alice, work.ended(work.queued(alice), reasons=reasons))
    assert "First." in page
    assert "&lt;b&gt;Second" in page
