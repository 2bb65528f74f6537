"""On the verdict page a person looks closer at the picture, with scripts or without."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.installation import Installation
from tests.journeys.person import VERDICT_MILLISECONDS, Person
from tests.scenes import jpeg, scene
from tests.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.services]


@pytest.fixture
def handed_in(alice: Person) -> Person:
    """Alice, on the list of her verdicts."""
    alice.choose({"clouds.jpg": jpeg(scene((800, 600)), 60, 92)})
    alice.hand_in()
    alice.wait_for_verdicts(1)
    return alice


@pytest.fixture
def without_scripts(
    handed_in: Person, chromium: Browser, embedded: Installation
) -> Iterator[Person]:
    """Alice in a browser that runs no scripts, on the verdict page that nobody opened before."""
    link = handed_in.page.get_by_role("link", name="clouds.jpg").first.get_attribute("href")
    assert link
    state = handed_in.context.storage_state()
    person = Person(chromium, embedded, storage_state=state, java_script_enabled=False)
    person.page.goto(link)
    yield person
    person.leave()


def test_the_views_come_by_themselves_and_switch_in_place(handed_in: Person) -> None:
    page = handed_in.page
    handed_in.open_verdict("clouds.jpg")
    picture = page.get_by_test_id("view-picture")
    expect(picture).to_be_visible(timeout=VERDICT_MILLISECONDS)
    expect(picture).to_have_attribute(
        "alt",
        "Error levels of clouds.jpg: bright where saving it as a JPEG once more changes it most",
    )
    expect(page.locator("[data-announcer]")).to_have_text("Error levels is shown")
    assert picture.evaluate("image => image.naturalWidth") == 800
    expect(page.get_by_test_id("view-finding")).to_contain_text("probably saved as a JPEG before")
    button = page.get_by_role("button", name="Spectrum")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_be_focused()
    expect(page.get_by_role("img", name="Spectrum of clouds.jpg")).to_be_visible()
    expect(page.get_by_test_id("views")).to_contain_text("Points are no proof of AI")


def test_it_works_without_scripts(without_scripts: Person) -> None:
    page = without_scripts.page
    with page.expect_navigation():
        page.get_by_role("button", name="Draw the views").click()
    picture = page.get_by_test_id("view-picture")

    def is_drawn() -> bool:
        page.reload()
        return picture.is_visible()

    wait_for(is_drawn, "the views", timeout=60)
    with page.expect_navigation():
        page.get_by_role("button", name="Gradient").click()
    expect(page.get_by_role("img", name="Gradient of clouds.jpg")).to_be_visible()
    expect(page.get_by_role("button", name="Gradient")).to_have_attribute("aria-pressed", "true")
