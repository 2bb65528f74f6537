"""Whole installations import CIFAKE's test images through a worker that is killed in the middle."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data import data_file
from tests.installation import Installation, server_variables
from tests.servers import MariaDB, Redis
from tests.waiting import wait_for

pytestmark = pytest.mark.services
# 20,000 files, 38 of them copies of others.
DIFFERENT = 19_962

REQUEST = """
from detection.models import Dataset
from detection.services.datasets import dataset_create
from detection.services.import_requests import import_request
dataset = dataset_create(user=None, name="CIFAKE test", role="test")
import_request(dataset=dataset, user=None, path={path!r}, is_reviewed=True)
"""


@pytest.fixture(params=["embedded", "servers"])
def portal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """The schema of either shape; the background worker is started by the test."""
    variables = {"STATIC_ROOT": str(request.getfixturevalue("static_root"))}
    if request.param == "servers":
        mariadb: MariaDB = request.getfixturevalue("mariadb")
        redis: Redis = request.getfixturevalue("shared_redis")
        variables = server_variables(tmp_path, Path(variables["STATIC_ROOT"]), mariadb, redis)
    installation = Installation(tmp_path / "var", variables)
    installation.prepare()
    try:
        yield installation
    finally:
        installation.stop()


def progress(portal: Installation) -> tuple[str, int, int, int]:
    """State of the only import, files read, images added, copies."""
    columns = "SELECT state, done, added, copies FROM detection_datasetimport"
    ((state, done, added, copies),) = portal.rows(columns)
    return state, done, added, copies


def items(portal: Installation) -> int:
    ((count,),) = portal.rows("SELECT count(*) FROM detection_item")
    return int(count)


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(portal: Installation) -> None:
    path = data_file("cifake", "test.zip")
    portal.manage("shell", "-c", REQUEST.format(path=str(path)))
    portal.start("background")
    wait_for(lambda: progress(portal)[1] >= 2000, "a tenth of the import", timeout=90)
    portal.kill("background")
    state, done, added, copies = progress(portal)
    assert state == "running"
    assert 2000 <= done < 20_000
    # What is counted is there, to the last image: both are stored in one transaction.
    assert added == items(portal) == done - copies
    portal.start("background")
    wait_for(lambda: progress(portal)[0] == "finished", "the end of the import", timeout=120)
    assert progress(portal)[1:] == (20_000, DIFFERENT, 20_000 - DIFFERENT)
    assert items(portal) == DIFFERENT
    stored = [path for path in (portal.folder / "media" / "items").rglob("*") if path.is_file()]
    # Files of the batch that was not stored any more may be left over, and no row lacks its own.
    assert DIFFERENT <= len(stored) <= DIFFERENT + 500
    names = {name for (name,) in portal.rows("SELECT file FROM detection_item")}
    assert names <= {str(path.relative_to(portal.folder / "media")) for path in stored}
