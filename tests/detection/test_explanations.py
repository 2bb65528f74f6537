"""A person chooses how the heatmap is drawn: each method is drawn once, for its owner's eyes."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image

from detection import ml_gateway, tasks
from detection.models import Analysis, Explanation, Method, ModelVersion, State
from detection.services import intake
from detection.services.explanations import EXPLAIN_ANALYSIS, explanation_run
from ml.explanation import METHODS
from ml.heatmaps import colourise
from portal.models import User
from tests import images, work
from tests.fixtures import Committed, Queue

HTMX = {"HX-Request": "true"}


@pytest.fixture
def analysis(alice: User, model: ModelVersion, pictures: Queue) -> Analysis:
    """Alice's, finished, with its Grad-CAM; nothing is waiting."""
    return work.analysed(alice, images.image_file("PNG", (8, 8)))


def ask(client: Client, analysis: Analysis, method: str = "layer-cam") -> str:
    """Press the button of a method and arrive where it leads."""
    answer = client.post(f"/analyses/{analysis.public_id}/explain/", {"method": method})
    assert answer.status_code == 302
    location: str = answer["Location"]
    return location


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.text


def test_the_page_offers_every_method_of_the_science() -> None:
    assert tuple(Method.values) == METHODS
    assert all(method.sentence.endswith(".") for method in Method)


def test_the_verdict_comes_with_grad_cam(as_alice: Client, analysis: Analysis) -> None:
    text = page(as_alice, f"/analyses/{analysis.public_id}/")
    assert 'id="evidence"' in text
    assert 'data-method="grad-cam"' in text
    assert text.count('data-testid="method"') == len(METHODS)
    for method in Method:
        assert method.sentence in text.replace("&#x27;", "'")
    assert not Explanation.objects.exists()


@pytest.mark.parametrize("method", [method for method in METHODS if method != "grad-cam"])
def test_a_method_is_drawn_when_somebody_asks(
    as_alice: Client, analysis: Analysis, committed: Committed, pictures: Queue, method: str
) -> None:
    with committed():
        target = ask(as_alice, analysis, method)
    (waiting,) = Explanation.objects.all()
    assert pictures() == [waiting.pk]
    text = page(as_alice, target)
    assert f'data-method="{method}"' in text
    assert "hx-trigger" in text
    tasks.explain_analysis(waiting.pk)
    text = page(as_alice, target)
    assert "every 1s" not in text
    heatmap = f"/explanations/{waiting.public_id}/heatmap/"
    assert heatmap in text
    with Image.open(io.BytesIO(as_alice.get(heatmap).getvalue())) as picture:
        assert (picture.format, picture.size) == ("PNG", (256, 256))


def test_it_asks_for_the_part_of_the_page_that_moves(
    as_alice: Client, analysis: Analysis, committed: Committed
) -> None:
    with committed():
        answer = as_alice.post(
            f"/analyses/{analysis.public_id}/explain/", {"method": "grad-cam++"}, headers=HTMX
        )
    assert answer.status_code == 200
    assert "<html" not in answer.text
    # A plus sign in an address would be read as a space.
    fragment = f"/analyses/{analysis.public_id}/evidence/?method=grad-cam%2B%2B"
    assert f'hx-get="{fragment}" hx-trigger="every 1s"' in answer.text
    assert answer["HX-Replace-Url"] == f"/analyses/{analysis.public_id}/?method=grad-cam%2B%2B"
    assert "hx-trigger" in page(as_alice, fragment)
    (waiting,) = Explanation.objects.all()
    assert explanation_run(explanation_id=waiting.pk)
    text = page(as_alice, fragment)
    assert "every 1s" not in text
    assert 'data-method="grad-cam++"' in text


def test_asking_twice_draws_once(
    as_alice: Client, analysis: Analysis, committed: Committed, pictures: Queue
) -> None:
    for _ in range(2):
        with committed():
            ask(as_alice, analysis)
    (waiting,) = Explanation.objects.all()
    assert pictures() == [waiting.pk]
    assert explanation_run(explanation_id=waiting.pk)
    before = work.media_files()
    assert not explanation_run(explanation_id=waiting.pk)
    with committed():
        ask(as_alice, analysis)
    assert pictures() == []
    assert work.media_files() == before


def test_grad_cam_is_there_already(
    as_alice: Client, analysis: Analysis, committed: Committed, pictures: Queue
) -> None:
    with committed():
        target = ask(as_alice, analysis, "grad-cam")
    assert pictures() == []
    assert f"/analyses/{analysis.public_id}/heatmap/" in page(as_alice, target)


def test_a_map_without_any_evidence_is_told_and_not_drawn(
    as_alice: Client, analysis: Analysis, committed: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    with committed():
        target = ask(as_alice, analysis, "score-cam")
    blank = colourise(np.zeros((8, 8), np.float32), (256, 256))
    nothing = ml_gateway.Answer(0.97, blank, "Score-CAM")
    monkeypatch.setattr(ml_gateway, "answer", lambda *args, **options: nothing)
    tasks.explain_analysis(Explanation.objects.get().pk)
    text = page(as_alice, target)
    assert "<code>no_evidence</code>" in text
    assert "no place speaks for the verdict" in text


def test_a_failure_tells_its_reason_and_can_be_asked_for_again(
    as_alice: Client, analysis: Analysis, committed: Committed, pictures: Queue
) -> None:
    original = analysis.image.original
    content = original.read()
    Path(original.path).unlink()
    with committed():
        target = ask(as_alice, analysis)
    (failed,) = Explanation.objects.all()
    tasks.explain_analysis(failed.pk)
    text = page(as_alice, target)
    assert "<code>file_missing</code>" in text
    assert "The stored image cannot be read" in text
    assert "every 1s" not in text
    assert pictures() == [failed.pk]
    Path(original.path).write_bytes(content)
    with committed():
        ask(as_alice, analysis)
    assert pictures() == [failed.pk]
    assert explanation_run(explanation_id=failed.pk)
    assert "file_missing" not in page(as_alice, target)


def test_what_was_not_foreseen_ends_with_a_reference(
    as_alice: Client, analysis: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(as_alice, analysis)
    (waiting,) = Explanation.objects.all()

    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("detection.ml_gateway.answer", breaks)
    tasks.explain_analysis(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.error_code) == (State.FAILED, "internal")
    assert "reference" in waiting.error_sentence


@pytest.mark.usefixtures("broker_is_away")
def test_a_queue_that_is_away_is_told(
    as_alice: Client, analysis: Analysis, committed: Committed
) -> None:
    with committed():
        target = ask(as_alice, analysis)
    text = page(as_alice, target)
    assert "<code>queue_away</code>" in text
    assert 'data-testid="method-again"' in text


def test_one_that_nobody_takes_up_can_be_asked_for_again(
    as_alice: Client, analysis: Analysis, committed: Committed, pictures: Queue
) -> None:
    target = ask(as_alice, analysis)
    assert 'data-testid="method-again"' not in page(as_alice, target)
    Explanation.objects.update(asked_at=timezone.now() - timedelta(minutes=5))
    assert 'data-testid="method-again"' in page(as_alice, target)
    with committed():
        ask(as_alice, analysis)
    assert len(pictures()) == 1


@pytest.mark.parametrize("state", [State.QUEUED, State.FAILED])
def test_an_analysis_without_a_verdict_has_nothing_to_explain(
    as_alice: Client, alice: User, state: State
) -> None:
    analysis = work.ended(work.queued(alice), state=state, verdict="")
    target = ask(as_alice, analysis)
    assert not Explanation.objects.exists()
    text = page(as_alice, target)
    assert "Only a finished analysis" in text
    assert 'data-testid="method"' not in text


def test_an_unknown_method_is_refused(as_alice: Client, analysis: Analysis) -> None:
    path = f"/analyses/{analysis.public_id}/explain/"
    assert as_alice.post(path, {"method": "tea-leaves"}).status_code == 400
    text = page(as_alice, f"/analyses/{analysis.public_id}/?method=tea-leaves")
    assert 'data-method="grad-cam"' in text


def test_it_is_nobody_elses_business(
    client: Client, as_charlie: Client, as_admin: Client, as_alice: Client, analysis: Analysis
) -> None:
    ask(as_alice, analysis)
    (explanation,) = Explanation.objects.all()
    assert explanation_run(explanation_id=explanation.pk)
    explain = f"/analyses/{analysis.public_id}/explain/"
    evidence = f"/analyses/{analysis.public_id}/evidence/"
    heatmap = f"/explanations/{explanation.public_id}/heatmap/"
    assert as_charlie.post(explain, {"method": "score-cam"}).status_code == 404
    for path in (evidence, heatmap):
        assert as_charlie.get(path).status_code == 404
        assert client.get(path).status_code == 302
    assert client.post(explain, {"method": "score-cam"}).status_code == 302
    assert as_alice.get(explain).status_code == 405
    assert as_admin.get(heatmap).status_code == 200
    assert Explanation.objects.count() == 1


def test_it_goes_with_its_image(as_alice: Client, analysis: Analysis, committed: Committed) -> None:
    ask(as_alice, analysis)
    (explanation,) = Explanation.objects.all()
    assert explanation_run(explanation_id=explanation.pk)
    assert len(work.media_files()) == 4  # original, preview, two heatmaps
    with committed():
        intake.images_delete(images=[analysis.image])
    assert work.media_files() == set()
    assert not Explanation.objects.exists()


def test_a_heatmap_that_comes_after_the_deletion_leaves_no_file(
    as_alice: Client, analysis: Analysis, committed: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(as_alice, analysis)
    (explanation,) = Explanation.objects.all()
    answer = ml_gateway.answer

    def deleted_meanwhile(*args: Any, **options: Any) -> ml_gateway.Answer:
        with committed():
            intake.images_delete(images=[analysis.image])
        return answer(*args, **options)

    monkeypatch.setattr("detection.ml_gateway.answer", deleted_meanwhile)
    assert not explanation_run(explanation_id=explanation.pk)
    assert work.media_files() == set()


def test_the_task_has_the_name_by_which_it_is_sent() -> None:
    assert tasks.explain_analysis.name == EXPLAIN_ANALYSIS
