"""Faces appear on the verdict page by themselves, framed, and readable for everybody."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ViewportSize, expect

from tests.installation import Installation
from tests.journeys.person import Person
from tests.portraits import as_file, beside_each_other, portraits

pytestmark = [pytest.mark.browser, pytest.mark.services]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1440, "height": 900}
# The first image with faces waits for TensorFlow to load.
FACES_MILLISECONDS = 200_000
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture
def faces_worker(embedded: Installation) -> Iterator[None]:
    """The worker for faces, which no other test needs."""
    embedded.start("faces")
    yield
    embedded.stop("faces")


@pytest.mark.usefixtures("faces_worker")
def test_two_faces_are_framed_and_judged(alice: Person) -> None:
    couple = [portraits(1, "REAL")[0], portraits(1, "FAKE")[0]]
    alice.choose({"couple.jpg": as_file(beside_each_other(couple, columns=2))})
    alice.hand_in()
    alice.wait_for_verdicts(1)
    alice.open_verdict("couple.jpg")
    assert alice.verdict() == "inconclusive"

    page = alice.page
    expect(page.get_by_test_id("face")).to_have_count(2, timeout=FACES_MILLISECONDS)
    expect(page.locator("[data-announcer]")).to_have_text("2 faces found")
    assert alice.verdict() == "inconclusive"
    expect(page.get_by_test_id("face-numbers")).to_have_count(0)

    left, right = (box.bounding_box() for box in page.locator(".face-box").all())
    picture = page.locator(".faces-picture").bounding_box()
    assert left
    assert right
    assert picture
    assert left["x"] + left["width"] / 2 < picture["x"] + picture["width"] / 2 < right["x"]

    heat = page.locator(".face-heat")
    expect(heat).to_have_count(2)
    expect(heat.first).to_be_hidden()
    page.get_by_test_id("faces-heat").press("Space")
    expect(heat.first).to_be_visible()

    for size in (PHONE, DESK):
        for theme in ("light", "dark"):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            assert not page.evaluate(WIDER)
            found = Axe().run(page).response["violations"]
            assert [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")] == []
