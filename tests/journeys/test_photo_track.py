"""An administrator fits a model to their own pictures, and a user gets verdicts within its domain.

200 pictures of one site are imported, fitted to and judged; what the fit is worth is read before
it is promoted. A further picture of the site then gets a verdict with its score map; a portrait
from elsewhere gets none, and is told why.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.data import data_file
from tests.installation import Installation, running_installation, server_variables
from tests.journeys.person import Person
from tests.journeys.test_accessibility import serious_findings
from tests.servers import MariaDB, Redis

pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(1200)]
PROGRAMS = ("web", "inference", "background", "training", "beat")
EACH = 100
# Reading and judging 200 pictures, beside other work on two cores.
PATIENCE = 600_000


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
) -> Iterator[Installation]:
    """A portal on MariaDB and Redis with every worker, of this journey's own."""
    folder = tmp_path_factory.mktemp("photo-track")
    variables = server_variables(folder, static_root, mariadb, shared_redis)
    with running_installation(folder, variables, programs=PROGRAMS) as installation:
        yield installation


@pytest.fixture
def administrator(chromium: Browser, portal: Installation) -> Iterator[Person]:
    """The administrator, signed in."""
    portal.manage("shell", "-c", "from tests import people; people.administrator('admin')")
    person = Person(chromium, portal)
    person.email = "admin@example.org"
    person.sign_in()
    expect(person.page.get_by_role("heading", name="Check images")).to_be_visible()
    yield person
    person.leave()


@pytest.fixture
def user(chromium: Browser, portal: Installation) -> Iterator[Person]:
    """Somebody who hands pictures in."""
    person = Person(chromium, portal)
    person.sign_up("alice@example.org")
    yield person
    person.leave()


def pictures(archive: str, label: str, count: int, *, first: int = 0) -> dict[str, bytes]:
    """File name -> content of so many pictures of one class, in order."""
    with zipfile.ZipFile(data_file(*archive.split("/"))) as source:
        names = sorted(name for name in source.namelist() if f"{label}/" in name)
        chosen = [name for name in names if not name.endswith("/")][first : first + count]
        return {Path(name).name: source.read(name) for name in chosen}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip with 100 real and 100 AI-generated pictures of the site."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as part:
        for label in ("REAL", "FAKE"):
            for name, content in pictures("site/site.zip", label, EACH).items():
                part.writestr(f"{label}/{name}", content)
    target = tmp_path_factory.mktemp("zips") / "site.zip"
    target.write_bytes(buffer.getvalue())
    return target


def imported(page: Page, archive: Path) -> None:
    """Make a dataset, upload the zip into it, and watch the import to its end."""
    page.goto("/admin/detection/dataset/add/")
    page.get_by_label("Name", exact=False).first.fill("Our site")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("Images or zips").set_input_files(archive)
    page.get_by_label("I vouch for the labels").first.check(force=True)
    page.get_by_label("Source").first.fill("our site")
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#import")).to_have_attribute("data-state", "finished", timeout=PATIENCE)


def fitted(person: Person) -> None:
    """Ask for a fit by its entry in the side bar, watch it to its end, and open its version."""
    page = person.page
    page.get_by_role("link", name="Fit a photo model").click()
    material = page.locator("#fit-material")
    expect(material).to_contain_text("our site")
    expect(page.get_by_test_id("missing")).to_have_count(0)
    page.get_by_label("Our site").uncheck(force=True)
    expect(page.get_by_test_id("missing")).to_contain_text("20 real ones and 20 AI-generated ones")
    page.get_by_label("Our site").check(force=True)
    expect(page.get_by_test_id("missing")).to_have_count(0)
    assert serious_findings(person) == []
    page.get_by_role("button", name="Start the fit").click()
    progress = page.locator("#run-progress")
    expect(progress).to_contain_text("of 200 images", timeout=PATIENCE)
    expect(progress).to_contain_text("Validating:", timeout=PATIENCE)
    expect(progress).to_contain_text("Finished", timeout=PATIENCE)
    assert serious_findings(person) == []
    page.get_by_role("link", name="photo 1").first.click()


def promoted(person: Person) -> None:
    """Read what the fit is worth, and let it answer."""
    page = person.page
    worth = page.get_by_test_id("worth")
    expect(worth).to_contain_text("names the right one in")
    expect(worth).not_to_contain_text("Nothing that is shown yet")
    expect(page.get_by_test_id("curve")).to_contain_text("With 50 more reviewed images")
    expect(page.get_by_test_id("curve").get_by_role("img")).to_be_visible()
    assert serious_findings(person) == []
    page.get_by_test_id("promote").click()
    # So few pictures may fail a gate: the reason then counts in its place.
    page.locator("[name=reason]").fill("It is the first for our site.")
    page.get_by_test_id("confirm").click()
    expect(page.get_by_test_id("version")).to_contain_text("It answers in the track photo.")


def handed_in(person: Person, name: str, content: bytes) -> str:
    """Hand a picture in, open its verdict, and return it."""
    person.page.goto("/submit/")
    person.choose({name: content})
    person.hand_in()
    person.wait_for_verdicts(1)
    person.open_verdict(name)
    return person.verdict()


def test_from_ones_own_pictures_to_a_verdict_and_where_it_ends(
    administrator: Person, user: Person, archive: Path
) -> None:
    ((own, content),) = pictures("site/site.zip", "FAKE", 1, first=EACH).items()
    ((portrait, face),) = pictures("faces/faces.zip", "test/REAL", 1).items()

    assert handed_in(user, own, content) == "inconclusive"
    main = user.page.get_by_role("main")
    expect(main).to_contain_text("no validated model for this kind of picture")

    imported(administrator.page, archive)
    fitted(administrator)
    promoted(administrator)

    handed_in(user, own, content)
    expect(main).not_to_contain_text("No conclusion can be drawn")
    expect(main).to_contain_text("photo 1")
    expect(user.page.get_by_test_id("overlay")).to_be_visible()
    assert serious_findings(user) == []

    assert handed_in(user, portrait, face) == "inconclusive"
    expect(main).to_contain_text("unlike the pictures this model was validated on")
    expect(user.page.get_by_test_id("percentage")).to_have_count(0)
