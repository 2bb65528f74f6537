"""On the verdict page a person chooses how the heatmap is drawn, with scripts or without."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.data import drawn_image
from tests.installation import Installation
from tests.journeys.person import VERDICT_MILLISECONDS, Person
from tests.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.services]


@pytest.fixture
def looking(alice: Person) -> Person:
    """Alice, on a verdict page."""
    alice.choose({"frog.jpg": drawn_image((32, 32))})
    alice.hand_in()
    alice.wait_for_verdicts(1)
    alice.open_verdict("frog.jpg")
    return alice


@pytest.fixture
def without_scripts(looking: Person, chromium: Browser, embedded: Installation) -> Iterator[Person]:
    """The same, in a browser that runs no scripts."""
    state = looking.context.storage_state()
    person = Person(chromium, embedded, storage_state=state, java_script_enabled=False)
    person.page.goto(looking.page.url)
    yield person
    person.leave()


def test_another_method_is_drawn_in_its_place(looking: Person) -> None:
    page = looking.page
    evidence = page.get_by_test_id("evidence")
    expect(evidence).to_have_attribute("data-method", "grad-cam")
    button = page.get_by_role("button", name="Grad-CAM++")
    button.click()
    picture = page.get_by_role("img", name="Grad-CAM++ heatmap")
    expect(picture).to_be_visible(timeout=VERDICT_MILLISECONDS)
    expect(evidence).to_have_attribute("data-method", "grad-cam++")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_be_focused()
    expect(page.locator("[data-announcer]")).to_have_text("The Grad-CAM++ heatmap is shown")
    expect(page.get_by_test_id("method-sentence")).to_contain_text("only patterns that support")
    assert picture.evaluate("image => image.naturalWidth") == 256
    page.reload()
    expect(picture).to_be_visible()
    page.get_by_role("button", name="Grad-CAM", exact=True).click()
    expect(page.get_by_role("img", name="Grad-CAM heatmap")).to_be_visible()


def test_it_works_without_scripts(without_scripts: Person) -> None:
    page = without_scripts.page
    # Whoever reloads before the answer takes the request back.
    with page.expect_navigation():
        page.get_by_role("button", name="LayerCAM").click()
    picture = page.get_by_role("img", name="LayerCAM heatmap")

    def is_drawn() -> bool:
        page.reload()
        return picture.is_visible()

    wait_for(is_drawn, "the LayerCAM heatmap", timeout=60)
    expect(page.get_by_role("button", name="LayerCAM")).to_have_attribute("aria-pressed", "true")
