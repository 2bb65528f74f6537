"""What is kept of me: I read it, take all of it along, and see what becomes of old images."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.data import drawn_image
from tests.installation import Installation, running_installation
from tests.journeys.person import Person
from tests.visitor import newest_mail
from tests.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(900)]
PROGRAMS = ("web", "inference", "pictures", "errands", "background", "beat")
IMAGE = drawn_image((32, 32))
# As if the image had come long ago, and the clock had struck.
AGED = """
from datetime import timedelta
from django.utils import timezone
from detection.models import SubmittedImage
from detection.services.retention import retention_sweep
SubmittedImage.objects.update(created_at=timezone.now() - timedelta(days=31))
assert retention_sweep() == 1
"""


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, static_root: Path) -> Iterator[Installation]:
    """A portal that keeps images for thirty days."""
    variables = {"STATIC_ROOT": str(static_root), "RETENTION_DAYS": "30"}
    folder = tmp_path_factory.mktemp("taking-along")
    with running_installation(folder, variables, programs=PROGRAMS) as installation:
        yield installation


@pytest.fixture
def anna(chromium: Browser, portal: Installation) -> Iterator[Person]:
    """Somebody who has just signed up there."""
    person = Person(chromium, portal)
    person.sign_up("anna@example.org")
    yield person
    person.leave()


def test_from_the_privacy_page_to_the_zip_and_beyond(
    anna: Person, portal: Installation, tmp_path: Path
) -> None:
    page = anna.page
    expect(page.get_by_test_id("retention-told")).to_contain_text("deleted here after 30 days")
    anna.choose({"mine.jpg": IMAGE})
    anna.hand_in()
    anna.wait_for_verdicts(1)

    page.get_by_role("contentinfo").get_by_role("link", name="Privacy").click()
    expect(page.get_by_test_id("retention")).to_contain_text("30 days after you hand them in")
    expect(page.get_by_test_id("unfilled")).to_contain_text("has not said")
    page.get_by_role("link", name="Your data").click()
    expect(page.get_by_test_id("extent")).to_have_text("1")
    page.get_by_test_id("export-ask").click()
    expect(page.get_by_test_id("export")).to_be_visible()

    def is_ready() -> bool:
        page.reload()
        return page.get_by_test_id("export").get_attribute("data-state") == "finished"

    wait_for(is_ready, "the zip", timeout=180)
    assert "packed into one zip" in newest_mail(portal.mail_folder, anna.email)
    with page.expect_download() as waited:
        page.get_by_test_id("export-file").click()
    place = tmp_path / "mine.zip"
    waited.value.save_as(place)
    with zipfile.ZipFile(place) as packed:
        assert IMAGE in [packed.read(name) for name in packed.namelist()]
    page.get_by_test_id("export-delete").click()
    expect(page.get_by_test_id("export")).to_have_count(0)

    portal.manage("shell", "--no-imports", "-c", AGED)
    assert anna.history() == ["mine.jpg"]
    expect(page.get_by_test_id("thumb-gone")).to_be_visible()
    anna.open_verdict("mine.jpg")
    expect(page.get_by_test_id("forgotten")).to_contain_text("this installation keeps images for")
    expect(page.get_by_role("link", name="Download the original")).to_have_count(0)
    expect(page.get_by_test_id("views")).to_have_count(0)
