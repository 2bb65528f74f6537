"""On MariaDB and Redis: a fit asked for in the panel outlives its worker, and then answers."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.data import data_file
from tests.installation import Installation, running_installation, server_variables
from tests.people import PASSWORD
from tests.servers import MariaDB, Redis
from tests.visitor import Visitor, reason_of
from tests.waiting import wait_for

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

ADMIN = "admin@example.org"
EACH = 25
FIT = "/admin/detection/trainingrun/fit/"


def site_pictures(label: str) -> dict[str, bytes]:
    """File name -> content of the pictures of one class, in order."""
    with zipfile.ZipFile(data_file("site", "site.zip")) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith(f"{label}/"))
        return {Path(name).name: archive.read(name) for name in names[: EACH + 1]}


@pytest.fixture(scope="module")
def pictures() -> dict[str, dict[str, bytes]]:
    """Of each class 25 to learn from, and one that is handed in afterwards."""
    return {label: site_pictures(label) for label in ("REAL", "FAKE")}


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
    pictures: dict[str, dict[str, bytes]],
) -> Iterator[Installation]:
    """An installation with 25 + 25 reviewed pictures of one site."""
    folder = tmp_path_factory.mktemp("fits")
    for label, files in pictures.items():
        images = folder / "images" / label
        images.mkdir(parents=True)
        for name in list(files)[:EACH]:
            (images / name).write_bytes(files[name])
    variables = server_variables(folder, static_root, mariadb, shared_redis)
    variables |= {"TRAINING_LEASE_SECONDS": "5", "TRAINING_THREADS": "2", "TRAINING_NICE": "5"}
    with running_installation(folder, variables) as installation:
        installation.manage("import_dataset", "Site", str(folder / "images"))
        yield installation


@pytest.fixture(scope="module")
def admin(portal: Installation) -> Visitor:
    """The administrator, signed in."""
    portal.manage("shell", "-c", "from tests import people; people.administrator()")
    visitor = portal.visitor()
    visitor.email = ADMIN
    assert visitor.sign_in(PASSWORD).ok
    return visitor


COLUMNS = ("state", "stage", "step", "attempts", "error_code", "version_id")


def row(portal: Installation, run: int) -> dict[str, Any]:
    """What the database says of a run."""
    (values,) = portal.rows(
        f"SELECT {', '.join(COLUMNS)} FROM detection_trainingrun WHERE id = %s",  # noqa: S608
        run,
    )
    return dict(zip(COLUMNS, values, strict=True))


def told(portal: Installation, run: int) -> list[str]:
    """The lines of a run's log."""
    rows = portal.rows("SELECT sentence FROM detection_runevent WHERE run_id = %s ORDER BY id", run)
    return [sentence for (sentence,) in rows]


def wait_until(portal: Installation, run: int, stage: str, *, step: int = 1) -> dict[str, Any]:
    """Wait until a run is at this stage, so many steps done."""

    def is_there() -> dict[str, Any]:
        now = row(portal, run)
        assert now["state"] in ("queued", "running"), (now, told(portal, run))
        return now if now["stage"] == stage and now["step"] >= step else {}

    return wait_for(is_there, f"run {run} at {stage}", timeout=400)


def measured(portal: Installation) -> dict[Path, int]:
    """What is kept of the pictures that were read, and since when."""
    files = (portal.folder / "runs").glob("*/features/*.npz")
    return {file: file.stat().st_mtime_ns for file in files}


def test_a_fit_outlives_its_worker_and_answers(
    portal: Installation, admin: Visitor, pictures: dict[str, dict[str, bytes]]
) -> None:
    page = admin.get(FIT).text
    assert page.count(f"<dd>{EACH}</dd>") == 2, page
    (dataset,) = re.findall(r'name="datasets" value="(\d+)"', page)
    portal.start("training")
    trainer = psutil.Process(portal.pid("training"))
    wait_for(lambda: trainer.nice() == 5, "the worker to let verdicts go first", timeout=60)
    answer = admin.post(FIT, {"datasets": dataset, "name": "photo", "false_alarms_percent": "5"})
    (number,) = re.findall(r"/trainingrun/(\d+)/change/$", answer.url) or [reason_of(answer)]
    run = int(number)

    wait_until(portal, run, "preparing", step=5)
    portal.kill("training")
    kept = measured(portal)
    assert len(kept) >= 5
    portal.start("training")
    wait_until(portal, run, "validating")
    # What was measured before the worker was lost was not measured again.
    assert kept.items() <= measured(portal).items()

    def is_over() -> dict[str, Any]:
        now = row(portal, run)
        return {} if now["state"] in ("queued", "running") else now

    end = wait_for(is_over, f"the end of run {run}", timeout=400)
    assert (end["state"], end["attempts"]) == ("finished", 2), told(portal, run)
    wait_for(lambda: not list((portal.folder / "runs").iterdir()), "the files to be gone")

    version = f"/admin/detection/modelversion/{end['version_id']}/"
    page = admin.get(f"{version}change/").text
    for said in ("What the fit is worth", "By source", "What more images should bring"):
        assert said in page
    assert admin.post(f"{version}promote/", {"reason": "It tells them apart."}).ok
    ((champion,),) = portal.rows(
        "SELECT m.champion_id FROM detection_registeredmodel m WHERE m.track = 'photo'"
    )
    assert champion == end["version_id"], page

    alice = portal.visitor().sign_up("alice@example.org")
    handed_in = {f"{label}.jpg": list(files.values())[EACH] for label, files in pictures.items()}
    submission = alice.submit(handed_in)
    assert portal.wait_until_ended(submission) == ["finished", "finished"]
    answers = portal.rows(
        "SELECT a.track, a.model_version_id, a.p_fake, a.novelty FROM detection_analysis a"
        " WHERE a.track <> 'face'"
    )
    for track, by, p_fake, novelty in answers:
        assert (track, by) == ("photo", champion)
        assert 0 < p_fake < 1
        assert novelty > 0
