"""On MariaDB and Redis: runs survive killed workers and absent servers, and can be stopped."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.data import cifake_images
from tests.installation import Installation, running_installation, server_variables
from tests.people import PASSWORD
from tests.servers import MariaDB, Redis, redis_server
from tests.visitor import Visitor, reason_of
from tests.waiting import wait_for

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

ADMIN = "admin@example.org"
FREEZE = (
    "from detection.models import Dataset; from detection.services.snapshots import"
    " snapshot_freeze; snapshot_freeze(datasets=Dataset.objects.all(), user=None)"
)
EPOCHS = 3


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis that these tests stop and start."""
    with redis_server(tmp_path_factory.mktemp("runs-redis")) as server:
        yield server


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    own_redis: Redis,
) -> Iterator[Installation]:
    """An installation with 400 images of CIFAKE, frozen, and a user of the database of its own."""
    folder = tmp_path_factory.mktemp("runs")
    for label in ("REAL", "FAKE"):
        images = folder / "images" / label
        images.mkdir(parents=True)
        for name, content in cifake_images(label, 200).items():
            (images / name).write_bytes(content)
    mariadb.execute("CREATE USER runs@'127.0.0.1' IDENTIFIED BY 'secret'")
    mariadb.execute("GRANT ALL ON *.* TO runs@'127.0.0.1'")
    variables = server_variables(folder, static_root, mariadb, own_redis)
    variables["DATABASE_URL"] = variables["DATABASE_URL"].replace("veripix:", "runs:", 1)
    variables |= {"TRAINING_LEASE_SECONDS": "5", "TRAINING_THREADS": "2", "TRAINING_NICE": "0"}
    with running_installation(folder, variables) as installation:
        installation.manage("import_dataset", "CIFAKE", str(folder / "images"))
        installation.manage("shell", "-c", FREEZE)
        yield installation


@pytest.fixture(scope="module")
def admin(portal: Installation) -> Visitor:
    """The administrator, signed in."""
    create = (
        "from tests import people; from portal.models import User;"
        " User.objects.filter(email='admin@example.org').exists() or people.administrator()"
    )
    portal.manage("shell", "-c", create)
    visitor = portal.visitor()
    visitor.email = ADMIN
    assert visitor.sign_in(PASSWORD).ok
    return visitor


@pytest.fixture(autouse=True)
def no_training_worker_is_left(portal: Installation) -> Iterator[None]:
    """Each test starts the worker that it needs."""
    yield
    portal.stop("training")


def started(admin: Visitor, **settings: Any) -> int:
    """Ask for a run in the panel, from the champion; its number."""
    page = admin.get("/admin/detection/trainingrun/add/").text
    (start,) = re.findall(r'value="(version:\d+)" selected', page)
    (snapshot,) = re.findall(r'<option value="(\d+)" selected', page)
    form = {"start": start, "snapshot": snapshot, "epochs": EPOCHS, "batch_size": 8}
    form |= {"peak_learning_rate": 1e-5, "cutmix": 0, "degradation": 0.5, "precision": "float32"}
    answer = admin.post("/admin/detection/trainingrun/add/", {**form, "seed": 1, **settings})
    (number,) = re.findall(r"/trainingrun/(\d+)/change/$", answer.url) or [reason_of(answer)]
    return int(number)


COLUMNS = ("state", "stage", "epoch", "step", "steps", "attempts", "error_code", "slot")


def row(portal: Installation, run: int) -> dict[str, Any]:
    """What the database says of a run."""
    (values,) = portal.rows(
        "SELECT state, stage, epoch, step, steps, attempts, error_code, slot"
        " FROM detection_trainingrun WHERE id = %s",
        run,
    )
    return dict(zip(COLUMNS, values, strict=True))


def told(portal: Installation, run: int) -> list[str]:
    """The lines of a run's log."""
    rows = portal.rows("SELECT sentence FROM detection_runevent WHERE run_id = %s ORDER BY id", run)
    return [sentence for (sentence,) in rows]


def wait_until_in_an_epoch(portal: Installation, run: int, *, after: int = 0) -> dict[str, Any]:
    """Wait until a run is in the middle of an epoch, so many others done before."""

    def is_there() -> dict[str, Any]:
        now = row(portal, run)
        assert now["state"] in ("queued", "running"), (now, told(portal, run))
        is_within = now["epoch"] > after and 0 < now["step"] < now["steps"]
        return now if now["stage"] == "training" and is_within else {}

    return wait_for(is_there, f"run {run} in an epoch", timeout=240)


def wait_until_ended(portal: Installation, run: int) -> dict[str, Any]:
    """Wait until a run has ended."""

    def is_over() -> dict[str, Any]:
        now = row(portal, run)
        return {} if now["state"] in ("queued", "running") else now

    return wait_for(is_over, f"the end of run {run}", timeout=300)


def test_of_requests_at_the_same_moment_one_is_taken(portal: Installation, admin: Visitor) -> None:
    page = admin.get("/admin/detection/trainingrun/add/").text
    (snapshot,) = re.findall(r'<option value="(\d+)" selected', page)
    champion = "ModelVersion.objects.champion_of('thumbnail')"
    ask = (
        "import threading; from django.db import connection\n"
        "from detection.models import ModelVersion, Snapshot, TrainingRun\n"
        "from detection.services.training import RunRefused, run_cancel, run_request\n"
        "refusals = []\n"
        "def ask(seed):\n"
        "    try:\n"
        f"        run_request(snapshot=Snapshot.objects.get(pk={snapshot}), user=None,\n"
        f"            architecture='residual', base_version={champion}, config={{'seed': seed}})\n"
        "    except RunRefused as refused:\n"
        "        refusals.append(refused.code)\n"
        "    finally:\n"
        "        connection.close()\n"
        "threads = [threading.Thread(target=ask, args=[seed]) for seed in range(6)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        # By one thread: the lines of several run into one another.
        "print(*refusals)\n"
        "run_cancel(run=TrainingRun.objects.active().get(), user=None)\n"
    )
    answer = portal.manage("shell", "-v0", "-c", ask)
    assert answer.stdout.split() == ["run_active"] * 5, answer.stderr


@pytest.mark.parametrize(
    ("seed", "options"), [(1, []), (2, ["-n", "stand-in@elsewhere"])], ids=["same", "another"]
)
def test_a_worker_killed_in_the_middle_of_an_epoch_costs_no_more_than_that_epoch(
    portal: Installation, admin: Visitor, seed: int, options: list[str]
) -> None:
    portal.start("training")
    run = started(admin, seed=seed)
    at = wait_until_in_an_epoch(portal, run, after=1)
    portal.kill("training")
    left = row(portal, run)
    assert left["state"] == "running"
    assert 0 < left["step"] < left["steps"], left
    portal.start("training", options=options)
    end = wait_until_ended(portal, run)
    assert (end["state"], end["attempts"]) == ("finished", 2), told(portal, run)
    lines = told(portal, run)
    assert any(line.startswith("Going on after the checkpoint of epoch") for line in lines)
    epochs = [line.split(":")[0] for line in lines if line.startswith("Epoch ")]
    assert epochs == [f"Epoch {number}" for number in range(1, EPOCHS + 1)], (at, lines)
    ((version,),) = portal.rows("SELECT version_id FROM detection_trainingrun WHERE id = %s", run)
    folder, sha256 = portal.rows(
        "SELECT CONCAT(m.name, '/', v.number), v.weights_sha256 FROM detection_modelversion v"
        " JOIN detection_registeredmodel m ON m.id = v.model_id WHERE v.id = %s",
        version,
    )[0]
    assert (portal.folder / "models" / folder / "spec.json").is_file()
    assert sha256
    wait_for(lambda: not list((portal.folder / "runs").iterdir()), "the files to be gone")
    page = admin.get(f"/admin/detection/trainingrun/{run}/change/").text
    assert "Finished" in page
    assert "Stop the run" not in page


def test_a_run_is_stopped_within_moments_and_leaves_nothing(
    portal: Installation, admin: Visitor
) -> None:
    portal.start("training")
    run = started(admin, seed=3, epochs=100)
    wait_until_in_an_epoch(portal, run)
    asked = time.monotonic()
    assert admin.post(f"/admin/detection/trainingrun/{run}/cancel/").ok
    end = wait_until_ended(portal, run)
    assert time.monotonic() - asked < 10
    assert (end["state"], end["slot"], end["error_code"]) == ("cancelled", None, "")
    wait_for(lambda: not list((portal.folder / "runs").iterdir()), "the files to be gone")
    again = started(admin, seed=4, epochs=100)
    assert row(portal, again)["state"] in ("queued", "running")
    admin.post(f"/admin/detection/trainingrun/{again}/cancel/")
    wait_until_ended(portal, again)


def test_a_worker_that_is_told_to_end_hands_its_run_on(
    portal: Installation, admin: Visitor
) -> None:
    portal.start("training")
    run = started(admin, seed=5)
    wait_until_in_an_epoch(portal, run)
    portal.stop("training")
    left = row(portal, run)
    assert (left["state"], left["attempts"]) == ("queued", 0), told(portal, run)
    portal.start("training")
    end = wait_until_ended(portal, run)
    assert (end["state"], end["attempts"]) == ("finished", 1)


def test_a_run_goes_on_while_database_and_broker_are_away(
    portal: Installation, admin: Visitor, mariadb: MariaDB, own_redis: Redis
) -> None:
    portal.start("training")
    run = started(admin, seed=6, epochs=8)
    wait_until_in_an_epoch(portal, run)
    own_redis.stop()
    mariadb.execute("ALTER USER runs@'127.0.0.1' ACCOUNT LOCK")
    mariadb.execute("KILL USER runs")
    portal.wait_for_line("training", "the database is away")
    mariadb.execute("ALTER USER runs@'127.0.0.1' ACCOUNT UNLOCK")
    end = wait_until_ended(portal, run)
    own_redis.start()
    assert (end["state"], end["attempts"]) == ("finished", 1), told(portal, run)
