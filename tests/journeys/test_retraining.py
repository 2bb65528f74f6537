"""An administrator with no terminal turns new images into a better champion, and takes it back."""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.data import cifake_images, data_file
from tests.installation import Installation, running_installation, server_variables
from tests.journeys.person import Person
from tests.servers import MariaDB, Redis

pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(1200)]
PROGRAMS = ("web", "inference", "background", "training", "beat")
# Reading, training and judging some thousand images, beside other work on two cores.
PATIENCE = 600_000
TRAINING_IMAGES, TEST_IMAGES = 4000, 600


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
) -> Iterator[Installation]:
    """A portal on MariaDB and Redis with every worker, of this journey's own."""
    folder = tmp_path_factory.mktemp("retraining")
    variables = server_variables(folder, static_root, mariadb, shared_redis)
    # On some hundred images chance alone moves a version by more than the limit of production.
    variables["GATE_MAX_DROP"] = "0.2"
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


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Zips of real CIFAKE images: some to learn from, some to be judged on."""
    folder = tmp_path_factory.mktemp("zips")
    return {
        "train": part_of("train", TRAINING_IMAGES, folder / "train.zip"),
        "test": part_of("test", TEST_IMAGES, folder / "test.zip"),
    }


def part_of(name: str, count: int, target: Path) -> Path:
    """Write a zip with this many images of a part of CIFAKE, half of each class."""
    with zipfile.ZipFile(data_file("cifake", f"{name}.zip")) as source:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as part:
            for label in ("REAL", "FAKE"):
                files = sorted(n for n in source.namelist() if re.search(rf"{label}/[^/]+$", n))
                for file in files[:: len(files) // (count // 2)][: count // 2]:
                    part.writestr(f"{label}/{Path(file).name}", source.read(file))
    target.write_bytes(buffer.getvalue())
    return target


def dataset_made(page: Page, name: str, role: str) -> None:
    """Create a dataset by its form and arrive where images are added to it."""
    page.goto("/admin/detection/dataset/add/")
    page.get_by_label("Name", exact=False).first.fill(name)
    page.locator("select[name=role]").select_option(role)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Upload")).to_be_visible()


def uploaded(page: Page, archive: Path, count: int) -> None:
    """Upload a zip into the new dataset and watch its import to the end."""
    page.get_by_label("Images or zips").set_input_files(archive)
    page.get_by_label("I vouch for the labels").first.check(force=True)
    page.get_by_role("button", name="Upload").click()
    job = page.locator("#import")
    expect(job).to_have_attribute("data-state", "finished", timeout=PATIENCE)
    expect(job).to_contain_text(f"{count:,} of {count:,} files")
    expect(job).to_contain_text("Labels are vouched for")
    expect(job).not_to_contain_text("Source:")


def run_started(page: Page, *, seed: int) -> None:
    """Start a short run that goes on from the champion, and arrive on its page."""
    page.goto("/admin/detection/trainingrun/add/")
    page.locator("input[name=epochs]").fill("1")
    page.locator("input[name=seed]").fill(str(seed))
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator("#run-progress")).to_be_visible()


def verdict_by(person: Person, name: str, content: bytes) -> str:
    """Hand an image in and return which version gave its verdict."""
    person.page.goto("/submit/")
    person.choose({name: content})
    person.hand_in()
    person.wait_for_verdicts(1)
    person.open_verdict(name)
    text = person.page.get_by_role("main").inner_text()
    found = re.search(r"cifake-residual \d+", text)
    assert found, text
    return found[0]


def test_from_new_images_to_a_new_champion_and_back(
    administrator: Person, archives: dict[str, Path]
) -> None:
    page = administrator.page
    images = list(cifake_images("FAKE", 3, first=60).items())
    assert verdict_by(administrator, *images[0]) == "cifake-residual 1"

    dataset_made(page, "Street photographs", "training")
    uploaded(page, archives["train"], TRAINING_IMAGES)
    dataset_made(page, "Sealed photographs", "test")
    uploaded(page, archives["test"], TEST_IMAGES)

    page.goto("/admin/detection/snapshot/add/")
    page.get_by_label("Street photographs").check(force=True)
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_text("Snapshot 1 is frozen.")).to_be_visible()

    run_started(page, seed=7)
    progress = page.locator("#run-progress")
    expect(progress).to_contain_text("images/s", timeout=PATIENCE)
    page.get_by_role("button", name="Stop the run").click()
    expect(progress).to_contain_text("Cancelled", timeout=PATIENCE)
    expect(page.get_by_role("button", name="Stop the run")).to_have_count(0)

    run_started(page, seed=8)
    expect(progress).to_contain_text("Finished", timeout=PATIENCE)
    page.get_by_role("link", name="cifake-residual 2").first.click()
    expect(page.get_by_test_id("version")).to_contain_text("Sealed photographs")

    page.get_by_test_id("compare").click()
    expect(page.get_by_test_id("difference").first).to_be_visible()
    page.go_back()
    page.get_by_test_id("promote").click()
    expect(page.get_by_role("heading", name="Gates: all passed")).to_be_visible()
    page.get_by_test_id("confirm").click()
    expect(page.get_by_test_id("version")).to_contain_text("It answers in the track thumbnail.")
    assert verdict_by(administrator, *images[1]) == "cifake-residual 2"

    page.goto("/admin/detection/modelversion/")
    page.get_by_role("link", name="cifake-residual 1", exact=True).first.click()
    page.get_by_test_id("promote").click()
    page.get_by_test_id("confirm").click()
    expect(page.get_by_test_id("version")).to_contain_text("It answers in the track thumbnail.")
    assert verdict_by(administrator, *images[2]) == "cifake-residual 1"
