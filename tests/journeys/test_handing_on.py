"""A finding is handed on: the PDF says what the page says, its code is genuine, a link ends."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Download, expect
from pypdf import PdfReader

from tests.data import drawn_image
from tests.installation import Installation
from tests.journeys.person import Person

pytestmark = [pytest.mark.browser, pytest.mark.services]
NAME = "from-alices-phone.jpg"


@pytest.fixture
def bob(chromium: Browser, embedded: Installation) -> Iterator[Person]:
    """Somebody with another browser, who is not signed in."""
    person = Person(chromium, embedded)
    yield person
    person.leave()


def judged(person: Person, content: bytes) -> None:
    """Hand in an image and open its verdict page."""
    person.page.goto("/submit/")
    person.choose({NAME: content})
    person.hand_in()
    person.wait_for_verdicts(1)
    person.open_verdict(NAME)


def download(person: Person, test_id: str) -> Download:
    """Press a button that gives a file."""
    with person.page.expect_download() as caught:
        person.page.get_by_test_id(test_id).click()
    return caught.value


def content_of(loaded: Download) -> bytes:
    return Path(loaded.path()).read_bytes()


def test_the_sheet_says_what_the_page_says_and_is_genuine(
    alice: Person, bob: Person, tmp_path: Path
) -> None:
    image = drawn_image((32, 32), seed=31)
    judged(alice, image)
    verdict = alice.page.get_by_test_id("verdict").inner_text().strip()
    pdf = PdfReader(io.BytesIO(content_of(download(alice, "report-pdf"))))
    text = " ".join(" ".join(page.extract_text() for page in pdf.pages).split())
    report = json.loads(content_of(download(alice, "report-json")))
    assert verdict == report["verdict"]["label"]
    assert verdict in text
    assert NAME in text
    code = report["issued"]["code"]
    assert code in text

    # Somebody who was given the sheet reads the code off it, in their own way of writing.
    bob.page.goto("/")
    bob.page.get_by_role("link", name="Check a report").click()
    bob.page.get_by_test_id("verify-input").fill(code.lower().replace("-", " "))
    bob.page.get_by_test_id("verify-submit").click()
    expect(bob.page.get_by_role("heading", name="This report was issued here")).to_be_visible()
    expect(bob.page.get_by_test_id("verified-verdict")).to_have_text(verdict)
    assert NAME not in bob.page.content()
    same, other = tmp_path / "same.jpg", tmp_path / "other.jpg"
    same.write_bytes(image)
    other.write_bytes(image + b"\0")
    result = bob.page.get_by_test_id("compare-result")
    bob.page.get_by_test_id("compare-file").set_input_files(same)
    expect(result).to_have_text("Yes: same.jpg is the very file that was examined.")
    bob.page.get_by_test_id("compare-file").set_input_files(other)
    expect(result).to_contain_text("No: other.jpg is another file")


def test_a_link_shows_the_verdict_until_it_is_taken_back(alice: Person, bob: Person) -> None:
    judged(alice, drawn_image((32, 32), seed=32))
    verdict = alice.page.get_by_test_id("verdict").inner_text().strip()
    alice.page.get_by_label("Ends after").select_option("1 day")
    alice.page.get_by_test_id("share-make").click()
    address = alice.page.get_by_test_id("share-link").get_by_role("link").inner_text()
    assert re.search(r"/shared/[\w-]{32}/$", address)

    bob.page.goto(address)
    expect(bob.page.get_by_test_id("shared-verdict")).to_have_text(verdict)
    assert NAME not in bob.page.content()
    assert alice.email not in bob.page.content()
    bob.page.get_by_label("Overlay strength").fill("20")
    expect(bob.page.locator("output")).to_have_text("20 %")
    pdf = PdfReader(io.BytesIO(content_of(download(bob, "shared-pdf"))))
    text = "".join(page.extract_text() for page in pdf.pages)
    assert verdict in text
    assert NAME not in text

    alice.page.reload()
    expect(alice.page.get_by_test_id("share-link")).to_contain_text("opened 1 time")
    alice.page.get_by_test_id("share-end").click()
    expect(alice.page.get_by_test_id("share-link")).to_have_count(0)
    answer = bob.page.goto(address)
    assert answer
    assert answer.status == 404
    expect(bob.page.get_by_role("heading", name="This link shows nothing")).to_be_visible()


def test_the_history_is_taken_along_as_a_table(alice: Person) -> None:
    judged(alice, drawn_image((32, 32), seed=33))
    alice.page.goto("/history/")
    table = content_of(download(alice, "export-csv")).decode("utf-8-sig")
    assert table.splitlines()[0].startswith("file_name,state,verdict")
    assert NAME in table
