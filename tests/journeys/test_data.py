"""From a folder on one's own machine to a frozen snapshot, in the administration."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FilePayload, Page, ViewportSize, expect

from tests import labelled
from tests.installation import Installation
from tests.journeys.person import Person

pytestmark = [pytest.mark.browser, pytest.mark.services]
PHONE: ViewportSize = {"width": 390, "height": 844}
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
DATASETS = "/admin/detection/dataset/"


@pytest.fixture
def curator(chromium: Browser, embedded: Installation) -> Iterator[Person]:
    """An administrator, signed in, while the background worker runs."""
    embedded.manage(
        "shell",
        "-c",
        "from tests import people;"
        "people.User.objects.filter(email='curator@example.org').delete();"
        "people.administrator('curator')",
    )
    person = Person(chromium, embedded)
    person.email = "curator@example.org"
    person.sign_in()
    expect(person.page.get_by_role("heading", name="Check images")).to_be_visible()
    embedded.start("background")
    try:
        yield person
    finally:
        embedded.stop("background")
    person.leave()


def violations(page: Page) -> list[str]:
    """What keeps somebody from using the page's own part; the panel around it is Unfold's."""
    found = Axe().run(page, context=".data-page").response["violations"]
    return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]


def test_a_folder_is_uploaded_browsed_and_frozen(curator: Person, tmp_path: Path) -> None:
    page = curator.page
    page.goto(f"{DATASETS}add/")
    page.get_by_label("Name").fill("From my desk")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/imports/")

    # More files than one request may hold, so the page packs them.
    files = labelled.class_folders(70) | {"REAL/broken.png": b"no image"}
    folder = labelled.write_folder(tmp_path / "desk", files)
    page.get_by_label("A folder").set_input_files(folder)
    page.get_by_text("I vouch for the labels").first.click()
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/datasetimport/*/change/")
    done = page.locator("#import[data-state=finished]")
    expect(done).to_be_visible(timeout=30_000)
    expect(done).to_contain_text("141 of 141 files")
    expect(done).to_contain_text("unsupported_format")
    assert violations(page) == []

    page.get_by_role("link", name="Images", exact=True).click()
    expect(page.get_by_text("140 images")).to_be_visible()
    assert violations(page) == []
    first = page.locator(".data-thumb img").first
    expect(first).to_have_js_property("complete", True)
    assert first.evaluate("image => image.naturalWidth") == 32
    page.set_viewport_size(PHONE)
    assert not page.evaluate(WIDER)

    page.locator("input[name=item]").first.check()
    page.get_by_role("button", name="Delete the ticked images").click()
    expect(page.get_by_text("Delete 1 image of From my desk")).to_be_visible()
    assert violations(page) == []
    assert not page.evaluate(WIDER)
    page.get_by_role("button", name="Yes, delete").click()
    expect(page.get_by_text("1 image deleted")).to_be_visible()

    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="Freeze a snapshot").click()
    assert violations(page) == []
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_text("is frozen")).to_be_visible()
    assert violations(page) == []
    assert not page.evaluate(WIDER)


def test_images_without_a_label_are_not_sent(curator: Person) -> None:
    page = curator.page
    curator.portal.manage(  # type: ignore[attr-defined]
        "shell", "-c", "from tests import labelled; labelled.dataset('Unlabelled')"
    )
    page.goto(DATASETS)
    page.get_by_role("link", name="Unlabelled").click()
    page.get_by_role("link", name="Add images").first.click()
    page.get_by_label("Images or zips").set_input_files(
        [FilePayload(name="a.png", mimeType="image/png", buffer=labelled.file(1))]
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("[data-upload-status]")).to_have_text(
        "Say what the images are, or choose a folder with folders REAL and FAKE."
    )
    page.get_by_label("Every image is").first.select_option("fake")
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/datasetimport/*/change/")
    expect(page.locator("#import[data-state=finished]")).to_be_visible(timeout=30_000)
    expect(page.locator("#import")).to_contain_text("1 of 1 files")
