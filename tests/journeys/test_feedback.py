"""From "this is wrong" to a reviewed label, and back to the person who said so."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests.data import cifake_images, drawn_image
from tests.installation import Installation
from tests.journeys.person import Person

pytestmark = [pytest.mark.browser, pytest.mark.services]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
REPORTS = "/admin/detection/feedback/"
DECISIONS = "/admin/detection/labelreview/"
QUEUE = "/admin/detection/labelreview/queue/"


@pytest.fixture
def reviewer(chromium: Browser, embedded: Installation) -> Iterator[Person]:
    """An administrator, signed in; the queue holds nothing of other tests."""
    embedded.manage(
        "shell",
        "-c",
        "from detection.models import Dataset; from tests import people, reports;"
        "Dataset.objects.all().delete();"
        "people.User.objects.filter(email='reviewer@example.org').delete();"
        "people.administrator('reviewer');"
        "reports.waiting(Dataset.objects.create(name='Archive'), 2)",
    )
    person = Person(chromium, embedded)
    person.email = "reviewer@example.org"
    person.sign_in()
    expect(person.page.get_by_role("heading", name="Check images")).to_be_visible()
    yield person
    person.leave()


def tell(page: Page, *, is_real: bool, note: str, has_consent: bool) -> None:
    """Say what the image on a verdict page really is."""
    page.get_by_test_id("feedback-open").click()
    page.get_by_label("A real photograph" if is_real else "AI-generated", exact=True).check()
    page.get_by_label("How do you know?", exact=False).fill(note)
    consent = page.get_by_label("You may use this image", exact=False)
    expect(consent).not_to_be_checked()
    consent.set_checked(has_consent)
    page.get_by_test_id("feedback-send").click()


def status(page: Page) -> Locator:
    """What a verdict page says became of the report."""
    return page.get_by_test_id("feedback-status")


def look_everywhere(page: Page, name: str) -> None:
    """On a phone and on a desk, in both themes: nothing is too wide, and axe finds nothing."""
    for size in (PHONE, DESK):
        for theme in ("light", "dark"):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            # The panel looks at the system's choice only when it loads.
            page.evaluate(
                "dark => document.documentElement.classList.toggle('dark', dark)", theme == "dark"
            )
            assert not page.evaluate(WIDER), (name, size, theme)
            # The panel's frame is django-unfold's; what is ours lies in the content.
            found = Axe().run(page, context=CONTENT).response["violations"]
            assert [
                (rule["id"], node["html"][:200])
                for rule in found
                if rule["impact"] in ("serious", "critical")
                for node in rule["nodes"]
            ] == [], (name, size, theme)
    page.set_viewport_size(DESK)


CONTENT = "main, #content"


def handed_in(person: Person, name: str, content: bytes) -> str:
    """The address of the verdict page of a new image."""
    person.choose({name: content})
    person.hand_in()
    person.wait_for_verdicts(1)
    person.open_verdict(name)
    return person.page.url


def test_a_report_is_reviewed_by_keyboard_and_answered(alice: Person, reviewer: Person) -> None:
    fake = cifake_images("FAKE", 1, first=41)
    verdict = handed_in(alice, *next(iter(fake.items())))
    is_real = alice.verdict() != "likely_real"
    look_everywhere(alice.page, "untold")
    alice.page.get_by_test_id("feedback-open").click()
    look_everywhere(alice.page, "telling")
    alice.page.get_by_test_id("feedback-open").click()
    tell(alice.page, is_real=is_real, note="I was there.", has_consent=True)
    expect(status(alice.page)).to_have_text("A reviewer will look at the image.")
    expect(alice.page.locator("[data-announcer]")).to_have_text("Your report is kept")
    expect(alice.page.locator("#feedback-title")).to_be_focused()
    look_everywhere(alice.page, "told")

    page = reviewer.page
    page.goto(REPORTS)
    look_everywhere(page, "reports")
    page.get_by_role("link", name="review it").click()
    expect(page.get_by_test_id("review-report")).to_contain_text("I was there.")
    page.goto(QUEUE)
    review = page.get_by_test_id("review")
    progress = page.get_by_test_id("review-progress")
    expect(progress).to_have_text("3 of 3 left")
    look_everywhere(page, "queue")
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    first = review.get_attribute("data-item")
    page.keyboard.press("a")
    expect(progress).to_have_text("2 of 3 left")
    page.keyboard.press("u")
    expect(progress).to_have_text("3 of 3 left")
    expect(review).to_have_attribute("data-item", first or "")
    page.keyboard.press("r")
    expect(progress).to_have_text("2 of 3 left")
    page.keyboard.press("s")
    expect(page.get_by_test_id("review-report")).to_contain_text("I was there.")
    label = page.get_by_test_id("review-label")
    expect(label).to_have_text("Real" if is_real else "AI-generated")
    picture = page.get_by_test_id("review-image")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 32
    heat = page.locator(".review-heat")
    expect(heat).to_be_hidden()
    page.keyboard.press("h")
    expect(heat).to_be_visible()
    look_everywhere(page, "report")
    page.get_by_label("Note, kept", exact=False).press_sequentially("a clear case")
    expect(progress).to_have_text("2 of 3 left")
    page.get_by_role("button", name="Accept").press("a")
    expect(progress).to_have_text("1 of 3 left")
    expect(page.locator("[data-review-announcer]")).to_contain_text("1 of 3 left")
    expect(page.get_by_role("button", name="Accept")).to_be_focused()
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Nothing waits for review")).to_be_visible()
    look_everywhere(page, "empty")

    assert loads == [], "a key loaded the whole page"
    page.goto(DECISIONS)
    expect(page.get_by_role("link", name="0.png")).to_be_visible()
    look_everywhere(page, "decisions")
    rows = reviewer.portal.rows(  # type: ignore[attr-defined]
        "SELECT d.name, i.state, i.label, r.decision, r.note FROM detection_item i"
        " JOIN detection_dataset d ON d.id = i.dataset_id"
        " JOIN detection_labelreview r ON r.item_id = i.id WHERE i.source = 'feedback'"
    )
    (row,) = rows
    assert row[0] in ("Feedback", "Reported")
    assert row[1:] == ("accepted", "real" if is_real else "fake", "accept", "a clear case")

    alice.page.goto(verdict)
    expect(alice.page.get_by_role("heading", name="A reviewer agreed; thank you")).to_be_visible()
    expect(status(alice.page)).to_contain_text("your image.")
    look_everywhere(alice.page, "settled")
    alice.page.get_by_test_id("feedback-withdraw").click()
    expect(alice.page.get_by_test_id("feedback-consent")).to_have_text("not allowed")
    assert not reviewer.portal.rows(  # type: ignore[attr-defined]
        "SELECT id FROM detection_item WHERE source = 'feedback'"
    )


def test_single_keys_can_be_turned_off(reviewer: Person) -> None:
    page = reviewer.page
    page.goto(QUEUE)
    page.get_by_label("Single keys decide").uncheck()
    page.reload()
    expect(page.get_by_label("Single keys decide")).not_to_be_checked()
    page.keyboard.press("a")
    page.get_by_role("button", name="Correct").click()
    expect(page.get_by_test_id("review-progress")).to_have_text("1 of 2 left")


def test_a_report_can_be_changed_and_taken_back(alice: Person) -> None:
    handed_in(alice, "mine.jpg", drawn_image((64, 48)))
    page = alice.page
    tell(page, is_real=True, note="", has_consent=False)
    expect(status(page)).to_contain_text("The image itself is not used")
    tell_again = page.get_by_test_id("feedback-open")
    expect(tell_again).to_have_text("Change")
    tell(page, is_real=False, note="By a generator of mine.", has_consent=False)
    expect(page.locator("#feedback-title")).to_have_text("You said: it is AI-generated")
    expect(page.get_by_test_id("feedback-note")).to_have_text("By a generator of mine.")
    page.get_by_test_id("feedback-withdraw").click()
    expect(page.get_by_test_id("feedback-open")).to_have_text("I know what it is")


def test_it_works_without_scripts(alice: Person, chromium: Browser, embedded: Installation) -> None:
    verdict = handed_in(alice, "plain.jpg", drawn_image((64, 48), seed=3))
    state = alice.context.storage_state()
    plain = Person(chromium, embedded, storage_state=state, java_script_enabled=False)
    plain.page.goto(verdict)
    tell(plain.page, is_real=True, note="", has_consent=True)
    expect(status(plain.page)).to_have_text("A reviewer will look at the image.")
    plain.page.get_by_test_id("feedback-withdraw").click()
    expect(plain.page.get_by_test_id("feedback-open")).to_have_text("I know what it is")
    plain.leave()
