"""Hostile zips, and hostile files in a zip and in an import: each gets its end and its code."""

import unicodedata
import zipfile
from pathlib import Path

import pytest

from tests.hostile.archives import Zip, archives
from tests.hostile.cases import Cases
from tests.hostile.corpus import corpus
from tests.hostile.doors import Doors
from tests.hostile.watch import MOST_MEGABYTES, Watch
from tests.installation import Installation
from tests.waiting import wait_for

pytestmark = pytest.mark.services

PIECE = 8_000_000
ENDED = ("finished", "failed", "cancelled")
# What an archive itself may say of a file, beside what is said of its content.
OF_ARCHIVES = {"unsafe_path", "nested_archive"}
# Large ones are sent by themselves elsewhere.
MOST_BYTES = 300_000
IMPORT = """
from detection.models import Dataset
from detection.services.datasets import dataset_create
from detection.services.import_requests import import_request
dataset = dataset_create(user=None, name="Hostile", role="training")
import_request(dataset=dataset, user=None, path={path!r}, is_reviewed=True)
"""


def send(doors: Doors, name: str, content: bytes) -> str:
    """Hand a zip in, as the page's script does; the public id of its batch."""
    form = {"name": f"{name}.zip", "size": len(content)}
    opened = doors.visitor.post("/batches/open/", form)
    assert opened.status_code == 201, opened.text
    place = opened.json()["pieces_url"]
    for offset in range(0, len(content), PIECE):
        piece = content[offset : offset + PIECE]
        answer = doors.visitor.post_raw(f"{place}?offset={offset}", piece)
        assert answer.status_code == 201, answer.text
    return str(opened.json()["url"]).rstrip("/").rpartition("/")[2]


def ended(portal: Installation, batch: str, *, timeout: float = 300) -> tuple[str, str]:
    """State and code of a batch, once it has an end."""
    said = "SELECT state, error_code FROM detection_batch WHERE public_id = %s"

    def end() -> tuple[str, str] | None:
        ((state, code),) = portal.rows(said, batch)
        return (state, code) if state in ENDED else None

    found = wait_for(end, f"the end of batch {batch}", timeout=timeout)
    assert found is not None
    return found


def file_codes(portal: Installation, batch: str) -> dict[str, str]:
    """Number -> code of each file of a batch; empty where it was taken in."""
    said = (
        "SELECT f.number, f.error_code FROM detection_batchfile f"
        " JOIN detection_batch b ON b.id = f.batch_id WHERE b.public_id = %s"
    )
    return {str(number): code for number, code in portal.rows(said, batch)}


def test_each_zip_has_its_end(attacked: Installation, doors: Doors) -> None:
    zips = archives()
    with Watch(attacked) as watch:
        sent = {name: send(doors, name, one.content) for name, one in zips.items()}
        ends = {name: ended(attacked, batch) for name, batch in sent.items()}
        found = {name: set(file_codes(attacked, batch).values()) for name, batch in sent.items()}
        odd = wrong(zips, ends, found)
        assert not odd, "\n".join(odd)
        watch.check_processes(most_megabytes=MOST_MEGABYTES)
        watch.check_logs()
        for batch in sent.values():
            assert doors.visitor.get(f"/batches/{batch}/").status_code == 200
            assert doors.visitor.get(f"/batches/{batch}/export.csv").status_code == 200
        assert set(watch.wait_until_ended()) == {"finished"}
        watch.check_files()
    # Nothing climbed out of the folders of the portal.
    assert not list(attacked.folder.parent.glob("**/out.png"))
    assert not Path("/tmp/out.png").exists()  # noqa: S108


def wrong(
    zips: dict[str, Zip], ends: dict[str, tuple[str, str]], found: dict[str, set[str]]
) -> list[str]:
    """Those that ended otherwise than is right."""
    return [
        f"{name}: {ends[name]}, files {found[name]}"
        for name, one in zips.items()
        if ends[name][0] not in one.states
        or ends[name][1] not in one.codes
        or not found[name] <= one.file_codes
    ]


def entry_name(number: int, file_name: str) -> str:
    """A case's name below a folder of its own, as far as a zip can hold it."""
    sound = file_name.encode(errors="replace").decode()
    return f"{number:04d}/{sound}" if sound.strip("/") else f"{number:04d}/unnamed"


def write_zip(path: Path, cases: Cases, folder: str = "") -> dict[str, str]:
    """Write these cases into a zip; number of the entry that stays -> case."""
    stay: dict[str, str] = {}
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, one) in enumerate(cases.items()):
            archive.writestr(folder + entry_name(number, one.file_name), one.content)
            stay[str(number)] = name
    return stay


def small_cases() -> Cases:
    """Those of the corpus that are small, with names that are no folders."""
    return {
        name: one
        for name, one in corpus().items()
        if len(one.content) <= MOST_BYTES and not one.file_name.endswith("/")
    }


def test_all_files_in_one_zip(attacked: Installation, doors: Doors, tmp_path: Path) -> None:
    cases = small_cases()
    place = tmp_path / "corpus.zip"
    numbers = write_zip(place, cases)
    with Watch(attacked) as watch:
        batch = send(doors, "corpus", place.read_bytes())
        assert ended(attacked, batch, timeout=400) == ("finished", "")
        codes = file_codes(attacked, batch)
        assert codes.keys() == numbers.keys()
        odd = [
            f"{name}: {codes[number]}"
            for number, name in numbers.items()
            if (codes[number] or "taken") not in cases[name].codes | OF_ARCHIVES
        ]
        assert not odd, "\n".join(odd)
        watch.check_processes(most_megabytes=MOST_MEGABYTES)
        watch.check_logs()
        shown = doors.visitor.get(f"/batches/{batch}/").text
        assert "onerror=alert(1)>" not in shown
        assert not any(unicodedata.category(letter) == "Cf" for letter in shown)
        watch.check_files()


def test_some_are_imported_into_a_dataset(
    attacked: Installation, tmp_path: Path, doors: Doors
) -> None:
    cases = dict(list(small_cases().items())[::3])
    folder = attacked.folder / "hostile"
    folder.mkdir()
    write_zip(folder / "import.zip", cases, "real/")
    with Watch(attacked) as watch:
        place = str(folder / "import.zip")
        attacked.manage("shell", "-v0", "-c", IMPORT.format(path=place))
        said = "SELECT state, done, added, copies, refused FROM detection_datasetimport"

        def end() -> tuple[int, ...] | None:
            ((state, *counts),) = attacked.rows(said)
            return tuple(counts) if state in ENDED else None

        counts = wait_for(end, "the end of the import", timeout=300)
        assert counts is not None
        done, added, copies, refused = counts
        assert done == len(cases)
        assert added + copies + refused == done
        watch.check_processes(most_megabytes=MOST_MEGABYTES)
        watch.check_logs()
        watch.check_files()
    assert doors.visitor.is_signed_in()
