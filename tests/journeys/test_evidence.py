"""The evidence page, as people use it: four images, a report to hand on, and a link to share."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from tests import credentials, metadata
from tests.data import cifake_images, drawn_image
from tests.installation import Installation
from tests.journeys.person import VERDICT_MILLISECONDS, Person
from tests.scenes import jpeg, scene

pytestmark = [pytest.mark.browser, pytest.mark.services]


@pytest.fixture
def trusting(alice: Person, embedded: Installation) -> Iterator[Person]:
    """Alice, where the tests' own authority is on the trust list."""
    path = embedded.folder / "trust" / "c2pa-trust-list.pem"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(credentials.trust_list_pem())
    yield alice
    path.unlink()


@pytest.fixture
def stranger_without_account(chromium: Browser, embedded: Installation) -> Iterator[Person]:
    """Somebody who is not signed in."""
    person = Person(chromium, embedded)
    yield person
    person.leave()


def four_images() -> dict[str, bytes]:
    """A signed AI image, a camera's photograph, one with a generator's record, and a thumbnail."""
    ((_, thumbnail),) = cifake_images("FAKE", 1, first=3).items()
    return {
        "signed.jpg": credentials.signed_ai(drawn_image((400, 300))),
        "holiday.jpg": metadata.camera_file(scene((800, 600))),
        "lighthouse.png": metadata.samples()["a1111.png"][1],
        "thumbnail.jpg": thumbnail,
    }


# File -> verdict, certainty, the first reason, and the finding that is told first.
EXPECTED = {
    "signed.jpg": ("likely_ai", "settled", "signed_ai", "signed_ai"),
    "holiday.jpg": ("inconclusive", "", "no_validated_model", "camera_record"),
    "lighthouse.png": ("likely_ai", "low", "file_says_ai", "generator_record"),
    "thumbnail.jpg": ("likely_ai", "high", "model_sure", "nothing_said"),
}


def test_four_images_get_the_right_verdict_with_the_right_first_reason(trusting: Person) -> None:
    page = trusting.page
    trusting.choose(four_images())
    trusting.hand_in()
    trusting.wait_for_verdicts(len(EXPECTED))
    submission = page.url
    for name, (verdict, certainty, reason, finding) in EXPECTED.items():
        page.goto(submission)
        trusting.open_verdict(name)
        title = page.get_by_test_id("verdict")
        expect(title).to_have_attribute("data-verdict", verdict)
        expect(title).to_have_attribute("data-code", reason)
        shown = page.get_by_test_id("certainty")
        if certainty:
            expect(shown).to_have_attribute("data-certainty", certainty)
        else:
            expect(shown).to_have_count(0)
        expect(page.get_by_test_id("finding").first).to_have_attribute("data-code", finding)
        # The pictures to look at come by themselves, after the verdict.
        views = page.get_by_test_id("views")
        expect(views.get_by_role("img").first).to_be_visible(timeout=VERDICT_MILLISECONDS)


def test_a_position_is_shown_to_the_owner_and_goes_nowhere(trusting: Person) -> None:
    open_verdict_on(trusting, "holiday.jpg")
    personal = trusting.page.locator("[data-code=personal_data]")
    personal.get_by_text("Details").click()
    expect(personal.get_by_text("Position", exact=False).last).to_be_visible()
    expect(personal.get_by_text("only you see this").first).to_be_visible()
    text = report_text(trusting.page)
    assert "personal data" in text
    for secret in ("48.137", "11.575"):
        assert secret not in text


def test_the_report_says_what_the_page_says(trusting: Person) -> None:
    open_verdict_on(trusting, "signed.jpg")
    page = trusting.page
    summary = page.locator(".verdict-summary").inner_text()
    sha256 = page.get_by_test_id("file-facts").locator("[data-copy-text]").inner_text()
    text = report_text(page)
    for told in (summary, "Likely AI-generated", "Settled by a signature", sha256, "signed.jpg"):
        assert told in text
    assert trusting.email not in text
    (code,) = set(re.findall(r"[2-9A-Z]{4}(?:-[2-9A-Z]{4}){3}", text))
    page.goto("/verify/")
    page.get_by_role("textbox").fill(code.lower().replace("-", " "))
    page.get_by_role("textbox").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("issued here")
    expect(page.get_by_text(sha256)).to_be_visible()


def test_a_link_shows_the_verdict_signed_out_until_it_is_taken_back(
    trusting: Person, stranger_without_account: Person
) -> None:
    open_verdict_on(trusting, "signed.jpg")
    page = trusting.page
    page.get_by_test_id("share-make").click()
    address = page.get_by_test_id("share-link").locator("[data-copy-text]").inner_text()
    other = stranger_without_account.page
    other.goto(address)
    expect(other.get_by_text("Likely AI-generated").first).to_be_visible()
    picture = other.get_by_role("main").get_by_role("img").first
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    content = other.content()
    assert trusting.email not in content
    assert "signed.jpg" not in content
    page.reload()
    expect(page.get_by_test_id("share-link")).to_contain_text("opened 1 time")
    page.get_by_test_id("share-end").click()
    expect(page.get_by_test_id("share-link")).to_have_count(0)
    answer = other.goto(address)
    assert answer
    assert answer.status == 404


def test_the_image_is_enlarged_and_moved_by_keyboard(trusting: Person) -> None:
    open_verdict_on(trusting, "thumbnail.jpg")
    page = trusting.page
    evidence = page.locator("[data-evidence]")
    scale, stage = evidence.get_by_test_id("zoom"), evidence.locator("[data-stage-window]")
    layers = evidence.locator("[data-stage-layers]")
    shown = layers.evaluate("layers => layers.offsetWidth")  # of an image of 32 pixels
    fits, larger = f"{shown / 0.32:.0f} %", f"{1.5 * shown / 0.32:.0f} %"
    expect(scale).to_have_text(fits)
    stage.focus()
    page.keyboard.press("+")
    expect(scale).to_have_text(larger)
    expect(evidence.get_by_test_id("zoom-note")).to_contain_text("there is no more detail")
    page.keyboard.press("+")  # now it is wider than its window
    before = layers.evaluate("layers => layers.style.transform")
    page.keyboard.press("ArrowLeft")
    assert layers.evaluate("layers => layers.style.transform") != before
    page.keyboard.press("0")
    expect(scale).to_have_text(fits)
    expect(evidence.get_by_test_id("zoom-note")).to_be_empty()
    evidence.get_by_test_id("zoom-in").click()
    expect(scale).to_have_text(larger)


def test_a_large_photograph_is_enlarged_to_its_own_pixels_and_its_views_for_themselves(
    trusting: Person,
) -> None:
    page = trusting.page
    trusting.choose({"large.jpg": jpeg(scene((2400, 500)), 90)})
    trusting.hand_in()
    trusting.wait_for_verdicts(1)
    trusting.open_verdict("large.jpg")
    views, evidence = page.get_by_test_id("views"), page.locator("[data-evidence]")
    expect(views.get_by_test_id("view-picture")).to_be_visible(timeout=VERDICT_MILLISECONDS)
    expect(views.get_by_test_id("zoom")).not_to_be_empty()
    view_fits = views.get_by_test_id("zoom").inner_text()
    evidence.locator("[data-stage-window]").focus()
    page.keyboard.press("1")
    expect(evidence.get_by_test_id("zoom")).to_have_text("100 %")
    sharp = evidence.locator(".stage-sharp")
    expect(sharp).to_have_count(1)
    assert sharp.evaluate("picture => picture.naturalWidth") == 2400
    expect(evidence.get_by_test_id("zoom-note")).to_be_empty()
    page.keyboard.press("+")
    expect(evidence.get_by_test_id("zoom-note")).to_contain_text("there is no more detail")
    # The other stage stands as it stood, and has its own keys.
    expect(views.get_by_test_id("zoom")).to_have_text(view_fits)
    views.locator("[data-stage-window]").focus()
    page.keyboard.press("1")
    expect(views.get_by_test_id("zoom")).to_have_text("100 %")
    expect(views.get_by_test_id("zoom-note")).to_contain_text("picture shown has 1280")
    expect(evidence.get_by_test_id("zoom")).to_have_text("150 %")


def test_a_long_table_of_a_finding_is_shown_whole(trusting: Person) -> None:
    open_verdict_on(trusting, "lighthouse.png")
    finding = trusting.page.locator("[data-code=generator_record]")
    finding.get_by_text("Details").first.click()
    facts = finding.locator(".facts")
    expect(facts).to_be_visible()
    assert facts.evaluate("facts => facts.scrollHeight <= facts.clientHeight")


def open_verdict_on(person: Person, name: str) -> None:
    """Hand one of the images in and open its page."""
    person.page.goto("/submit/")
    person.choose({name: four_images()[name]})
    person.hand_in()
    person.wait_for_verdicts(1)
    person.open_verdict(name)


def report_text(page: Page) -> str:
    """The words of the PDF that the page offers, each line break and run of spaces as one space."""
    with page.expect_download() as download:
        page.get_by_test_id("report-pdf").click()
    reader = PdfReader(download.value.path())
    text = " ".join(sheet.extract_text() for sheet in reader.pages)
    return " ".join(text.split())
