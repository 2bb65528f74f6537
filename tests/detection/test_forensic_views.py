"""Views of an image are drawn once, when its page is opened, for its owner's eyes."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image

from detection import ml_gateway, tasks
from detection.ml_gateway import DrawnViews
from detection.models import Analysis, ForensicViews, State, ViewKind
from detection.services import intake
from detection.services.forensic_views import (
    DRAW_VIEWS,
    ViewsRefused,
    views_request,
    views_run,
)
from detection.views.forensic_views import READINGS, SPECTRUM_SIDE
from ml.views import NAMES
from ml.views.spectrum import TILE
from portal.models import User
from tests import work
from tests.fixtures import Committed, Queue
from tests.scenes import jpeg, scene

HTMX = {"HX-Request": "true"}
SIZE = (320, 240)


@pytest.fixture
def analysis(alice: User) -> Analysis:
    """Alice's, finished, of a JPEG that was saved twice."""
    return work.ended(work.queued(alice, jpeg(scene(SIZE), 60, 90), name="a.jpg"))


@pytest.fixture
def drawn(analysis: Analysis) -> ForensicViews:
    """Its views, drawn."""
    views_request(image=analysis.image)
    views = ForensicViews.objects.get()
    assert views_run(views_id=views.pk)
    views.refresh_from_db()
    return views


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.text


def address(analysis: Analysis, rest: str = "") -> str:
    return f"/images/{analysis.image.public_id}/views/{rest}"


def ask(client: Client, analysis: Analysis) -> str:
    """Press the button and arrive where it leads."""
    answer = client.post(address(analysis, "ask/"))
    assert answer.status_code == 302
    assert answer["Location"] == f"/analyses/{analysis.public_id}/#views"
    return page(client, f"/analyses/{analysis.public_id}/")


def test_the_page_knows_every_view_of_the_science() -> None:
    assert tuple(ViewKind.values) == NAMES
    assert set(READINGS) == set(ViewKind)
    assert SPECTRUM_SIDE == TILE


def test_a_batch_costs_nothing_until_somebody_looks(
    as_alice: Client, analysis: Analysis, pictures: Queue
) -> None:
    text = page(as_alice, f"/analyses/{analysis.public_id}/")
    assert f'hx-post="{address(analysis, "ask/")}"' in text
    assert 'hx-trigger="load, submit"' in text
    assert pictures() == []
    assert not ForensicViews.objects.exists()


def test_opening_the_page_asks_and_polls_until_they_are_drawn(
    as_alice: Client, analysis: Analysis, committed: Committed, pictures: Queue
) -> None:
    with committed():
        answer = as_alice.post(address(analysis, "ask/"), headers=HTMX)
    assert "<html" not in answer.text
    fragment = f"{address(analysis)}?view=error_levels"
    assert f'hx-get="{fragment}" hx-trigger="every 1s"' in answer.text
    (views,) = ForensicViews.objects.all()
    assert pictures() == [views.pk]
    assert "every 1s" in page(as_alice, fragment)
    tasks.draw_views(views.pk)
    text = page(as_alice, fragment)
    assert "hx-trigger" not in text
    assert address(analysis, "error_levels/") in text
    assert text.count('data-testid="view"') == len(ViewKind)


def test_without_scripts_a_button_asks_and_buttons_switch(
    as_alice: Client, analysis: Analysis, committed: Committed, pictures: Queue
) -> None:
    with committed():
        text = ask(as_alice, analysis)
    assert "are being drawn" in text
    (views,) = pictures()
    tasks.draw_views(views)
    text = page(as_alice, f"/analyses/{analysis.public_id}/?view=noise")
    assert address(analysis, "noise/") in text
    assert 'value="noise" aria-pressed="true"' in text


@pytest.mark.parametrize("kind", list(ViewKind))
def test_each_view_tells_how_to_read_it_and_how_not(
    as_alice: Client, analysis: Analysis, drawn: ForensicViews, kind: ViewKind
) -> None:
    text = page(as_alice, f"{address(analysis)}?view={kind}")
    reading = READINGS[kind]
    for sentence in (reading.shows, reading.how, reading.not_):
        assert sentence in text
    answer = as_alice.get(address(analysis, f"{kind}/"))
    assert answer["Content-Type"] == "image/webp"
    with Image.open(io.BytesIO(answer.getvalue())) as picture:
        assert picture.size == ((320, 320) if kind == ViewKind.SPECTRUM else SIZE)
        assert f'width="{picture.width}" height="{picture.height}" alt="{kind.label} of' in text


def test_an_unknown_view_shows_the_first(
    as_alice: Client, analysis: Analysis, drawn: ForensicViews
) -> None:
    text = page(as_alice, f"{address(analysis)}?view=tea-leaves")
    assert address(analysis, "error_levels/") in text
    assert as_alice.get(address(analysis, "tea-leaves/")).status_code == 404
    assert as_alice.get(address(analysis, "state/")).status_code == 404


def test_a_picture_that_was_saved_twice_is_hinted_at_and_weighs_nothing(
    as_alice: Client, analysis: Analysis, drawn: ForensicViews
) -> None:
    (finding,) = drawn.findings
    assert (finding["code"], finding["strength"]) == ("compressed_twice", "weak")
    assert (finding["kind"], finding["leaning"]) == ("compression", "neutral")
    assert finding["sentence"] in page(as_alice, address(analysis))
    assert drawn.milliseconds is not None
    before = analysis.verdict
    analysis.refresh_from_db()
    assert analysis.verdict == before


def test_once_the_views_are_drawn_what_they_told_stands_among_the_findings(
    as_alice: Client, alice: User, analysis: Analysis, drawn: ForensicViews
) -> None:
    told, verdict_page = 'data-code="compressed_twice"', f"/analyses/{analysis.public_id}/"
    assert told in page(as_alice, verdict_page)
    report = as_alice.get(f"{verdict_page}report.json").json()
    assert [one["code"] for one in report["findings"]] == ["compressed_twice"]
    other = work.ended(work.queued(alice))
    assert told in page(as_alice, f"/compare/?a={analysis.public_id}&b={other.public_id}")
    ForensicViews.objects.update(state=State.QUEUED)
    assert told not in page(as_alice, verdict_page)


def test_a_picture_that_was_saved_once_has_no_hint(as_alice: Client, alice: User) -> None:
    analysis = work.ended(work.queued(alice, jpeg(scene(SIZE), 90), name="a.jpg"))
    views_request(image=analysis.image)
    assert views_run(views_id=ForensicViews.objects.get().pk)
    assert ForensicViews.objects.get().findings == []
    assert 'data-testid="view-finding"' not in page(as_alice, address(analysis))


def test_asking_twice_draws_once(
    as_alice: Client, analysis: Analysis, committed: Committed, pictures: Queue
) -> None:
    for _ in range(2):
        with committed():
            ask(as_alice, analysis)
    (views,) = pictures()
    assert views_run(views_id=views)
    before = work.media_files()
    assert not views_run(views_id=views)
    with committed():
        ask(as_alice, analysis)
    assert pictures() == []
    assert work.media_files() == before


def test_a_failure_tells_its_reason_and_can_be_asked_for_again(
    as_alice: Client, analysis: Analysis, committed: Committed, pictures: Queue
) -> None:
    original = analysis.image.original
    content = original.read()
    Path(original.path).unlink()
    with committed():
        ask(as_alice, analysis)
    (views,) = pictures()
    tasks.draw_views(views)
    text = page(as_alice, f"/analyses/{analysis.public_id}/")
    assert "<code>file_missing</code>" in text
    assert "Draw again" in text
    # It is not asked for by itself: what failed once would fail at every look.
    assert "load, submit" not in text
    Path(original.path).write_bytes(content)
    with committed():
        ask(as_alice, analysis)
    assert pictures() == [views]
    assert views_run(views_id=views)
    assert "file_missing" not in page(as_alice, address(analysis))


def test_a_file_that_cannot_be_decoded_fails_with_its_reason(analysis: Analysis) -> None:
    original = Path(analysis.image.original.path)
    original.write_bytes(bytes(original.stat().st_size))
    views_request(image=analysis.image)
    assert views_run(views_id=ForensicViews.objects.get().pk)
    views = ForensicViews.objects.get()
    assert (views.state, views.error_code) == (State.FAILED, "not_an_image")


def test_what_was_not_foreseen_ends_with_a_reference(
    analysis: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    views_request(image=analysis.image)

    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ml_gateway, "draw_views", breaks)
    views = ForensicViews.objects.get()
    tasks.draw_views(views.pk)
    views.refresh_from_db()
    assert (views.state, views.error_code) == (State.FAILED, "internal")
    assert "reference" in views.error_sentence
    assert len(work.media_files()) == 3  # original, preview, thumbnail


@pytest.mark.usefixtures("broker_is_away")
def test_a_queue_that_is_away_is_told(
    as_alice: Client, analysis: Analysis, committed: Committed
) -> None:
    with committed():
        ask(as_alice, analysis)
    text = page(as_alice, address(analysis))
    assert "<code>queue_away</code>" in text
    assert "Draw again" in text


def test_views_that_a_killed_worker_lost_can_be_asked_for_again(
    as_alice: Client, analysis: Analysis, committed: Committed, pictures: Queue
) -> None:
    with committed():
        assert "Draw again" not in ask(as_alice, analysis)
    assert len(pictures()) == 1  # taken by a worker that dies
    ForensicViews.objects.update(asked_at=timezone.now() - timedelta(minutes=5))
    text = page(as_alice, address(analysis))
    assert "Nobody has drawn the views yet" in text
    assert "Draw again" in text
    assert "every 1s" in text
    with committed():
        ask(as_alice, analysis)
    (views,) = pictures()
    assert views_run(views_id=views)


@pytest.mark.parametrize("state", [State.QUEUED, State.FAILED])
def test_a_page_without_a_verdict_has_no_views(as_alice: Client, alice: User, state: State) -> None:
    analysis = work.ended(work.queued(alice), state=state, verdict="")
    assert 'data-testid="views"' not in page(as_alice, f"/analyses/{analysis.public_id}/")


def test_it_is_nobody_elses_business(
    client: Client,
    as_charlie: Client,
    as_admin: Client,
    as_alice: Client,
    analysis: Analysis,
    drawn: ForensicViews,
) -> None:
    ask_path, card, picture = (address(analysis, rest) for rest in ("ask/", "", "noise/"))
    assert as_charlie.post(ask_path).status_code == 404
    assert client.post(ask_path).status_code == 302
    for path in (card, picture):
        assert as_charlie.get(path).status_code == 404
        assert client.get(path).status_code == 302
        assert as_alice.get(path).status_code == 200
    assert as_alice.get(ask_path).status_code == 405
    assert as_admin.get(picture).status_code == 200


def test_the_files_are_private(as_alice: Client, analysis: Analysis, drawn: ForensicViews) -> None:
    for kind in ViewKind:
        answer = as_alice.get(address(analysis, f"{kind}/"))
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "private" in answer["Cache-Control"]
    for file in work.media_files():
        file.unlink()
    assert as_alice.get(address(analysis, "noise/")).status_code == 404


def test_views_that_wait_have_no_files_yet(as_alice: Client, analysis: Analysis) -> None:
    views_request(image=analysis.image)
    assert as_alice.get(address(analysis, "noise/")).status_code == 404


def test_they_go_with_their_image(
    analysis: Analysis, drawn: ForensicViews, committed: Committed
) -> None:
    assert len(work.media_files()) == 3 + len(ViewKind)
    with committed():
        intake.images_delete(images=[analysis.image])
    assert work.media_files() == set()
    assert not ForensicViews.objects.exists()


def test_views_that_come_after_the_deletion_leave_no_file(
    analysis: Analysis, committed: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    views_request(image=analysis.image)
    draw = ml_gateway.draw_views

    def deleted_meanwhile(*args: Any, **options: Any) -> DrawnViews:
        with committed():
            intake.images_delete(images=[analysis.image])
        return draw(*args, **options)

    monkeypatch.setattr(ml_gateway, "draw_views", deleted_meanwhile)
    assert not views_run(views_id=ForensicViews.objects.get().pk)
    assert work.media_files() == set()


def test_no_views_are_drawn_of_what_is_gone(analysis: Analysis) -> None:
    image = analysis.image
    intake.images_delete(images=[image])
    image.pk = image.pk or 1
    with pytest.raises(ViewsRefused):
        views_request(image=image)


def test_the_task_has_the_name_by_which_it_is_sent() -> None:
    assert tasks.draw_views.name == DRAW_VIEWS
