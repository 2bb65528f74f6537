"""A zip of images, handed in on the page: progress, a table that is sorted, and an export."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ViewportSize, expect

from tests import batches, labelled
from tests.data import drawn_image
from tests.installation import Installation
from tests.journeys.person import VERDICT_MILLISECONDS, Person

pytestmark = [pytest.mark.browser, pytest.mark.services]
PHONE: ViewportSize = {"width": 390, "height": 844}
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
SERIOUS = ("serious", "critical")


@pytest.fixture
def errands(embedded: Installation) -> Iterator[None]:
    """Who unpacks."""
    embedded.start("errands")
    yield
    embedded.stop("errands")


def files() -> dict[str, bytes]:
    drawn = {f"trip/{n:02d}.jpg": drawn_image((32, 32), seed=n) for n in range(56)}
    return drawn | {"trip/again.jpg": drawn["trip/03.jpg"], "trip/notes.txt": b"no image"}


def wait_for_end(person: Person) -> None:
    progress = person.page.locator("[data-testid=batch-progress][data-state=finished]")
    expect(progress).to_be_visible(timeout=2 * VERDICT_MILLISECONDS)


def column(person: Person, number: int) -> list[str]:
    """What stands in a column of the table."""
    cells = person.page.locator(f"[data-testid=batch-file] > :nth-child({number})")
    return [re.sub(r"\s+", " ", text).strip() for text in cells.all_inner_texts()]


def numbers(person: Person) -> list[float]:
    """The probabilities in the table's order, where one is told."""
    return [float(text.rstrip(" %")) for text in column(person, 4) if "%" in text]


def troubles(person: Person) -> list[str]:
    found = Axe().run(person.page).response["violations"]
    return [one["id"] for one in found if one["impact"] in SERIOUS]


def test_a_zip_becomes_a_table(alice: Person, errands: None, tmp_path: Path) -> None:
    page = alice.page
    (tmp_path / "trip.zip").write_bytes(batches.packed(files()))
    page.goto("/submit/")
    page.get_by_test_id("to-batches").click()
    assert troubles(alice) == []
    page.get_by_test_id("zip-input").set_input_files(tmp_path / "trip.zip")
    page.get_by_test_id("batch-submit").click()
    page.wait_for_url("**/batches/*/")
    wait_for_end(alice)
    expect(page.get_by_test_id("batch-counts")).to_contain_text("1 not accepted")
    expect(page.get_by_test_id("batch-file")).to_have_count(50)

    page.get_by_role("link", name="Probability of AI").click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Probability of AI")
    told = numbers(alice)
    assert told == sorted(told)
    page.get_by_role("link", name="Probability of AI").click()
    expect(page.locator("th[aria-sort=descending]")).to_be_visible()
    told = numbers(alice)
    assert told == sorted(told, reverse=True)
    page.get_by_role("link", name="After").click()
    expect(page.get_by_test_id("batch-file")).to_have_count(7)

    page.get_by_role("link", name=re.compile("^Same as another")).click()
    expect(page.get_by_test_id("same-as").first).to_be_visible()
    page.get_by_role("link", name=re.compile("^Not accepted")).click()
    assert column(alice, 1) == ["trip/notes.txt"]
    assert troubles(alice) == []
    page.set_viewport_size(PHONE)
    assert not page.evaluate(WIDER)
    page.get_by_role("link", name=re.compile("^All images")).click()
    assert not page.evaluate(WIDER)
    assert troubles(alice) == []

    with page.expect_download() as download:
        page.get_by_test_id("batch-csv").click()
    rows = list(csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines()))
    assert [row["path"] for row in rows] == list(files())

    page.get_by_test_id("batch-delete").click()
    page.get_by_test_id("confirm-delete").click()
    page.wait_for_url("**/batches/")
    expect(page.get_by_test_id("batch-row")).to_have_count(0)


def test_a_folder_goes_on_where_it_was_broken_off(
    alice: Person, errands: None, tmp_path: Path
) -> None:
    page = alice.page
    content = {f"{n}.png": labelled.file(n) for n in range(5)} | {"noise.bmp": bytes(9_000_000)}
    folder = labelled.write_folder(tmp_path / "desk", content)
    page.goto("/batches/")
    # The page is closed once the first piece has arrived.
    page.route("**/pieces/?offset=4000000", lambda route: route.abort())
    page.get_by_test_id("folder-input").set_input_files(folder)
    expect(page.get_by_test_id("batch-status")).to_contain_text("desk: 6 files")
    with page.expect_response("**/pieces/?offset=0"):
        page.get_by_test_id("batch-submit").click()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/batches/")
    page.unroute_all(behavior="ignoreErrors")
    page.get_by_role("link", name="desk", exact=True).click()
    expect(page.get_by_test_id("batch-progress")).to_contain_text("4.0 MB of")
    page.get_by_test_id("folder-input").set_input_files(folder)
    with page.expect_response("**/pieces/?offset=4000000"):
        page.get_by_test_id("batch-submit").click()
    page.wait_for_url("**/batches/*/")
    wait_for_end(alice)
    expect(page.get_by_test_id("batch-file")).to_have_count(5)
