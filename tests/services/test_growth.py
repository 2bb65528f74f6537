"""On MariaDB lists read bounded stretches of the indexes that are meant for them.

Rows that are read are counted, not times: they are the same on every machine.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.growth import Asker
from detection.admin.growing import REACH
from detection.services.history import COUNTED, SEARCH_WINDOW
from tests.installation import Installation, server_variables
from tests.servers import MariaDB, Redis

pytestmark = pytest.mark.services
ANALYSES = 20_000


@pytest.fixture(scope="module")
def asker(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
) -> Iterator[Asker]:
    """A process that asks a portal with many rows; no other program runs."""
    folder = tmp_path_factory.mktemp("growth")
    portal = Installation(folder, server_variables(folder, static_root, mariadb, shared_redis))
    portal.prepare()
    told = portal.manage("seed_load", "--analyses", str(ANALYSES), "--users", "20").stdout
    assert f"{ANALYSES:,} analyses for 20 people" in told
    asker = Asker(portal)
    yield asker
    asker.end()


def tables(asker: Asker, scene: str) -> dict[str, dict[str, Any]]:
    """Of the query that finds a page's keys: how each table is read."""
    (query, *_) = [
        query
        for query in asker.ask("plans", scene)
        if "analysis" in query["sql"] and "ORDER BY" in query["sql"] and "LIMIT" in query["sql"]
    ]
    return {table["table"]: table for table in query["tables"]}


@pytest.mark.parametrize(
    ("scene", "index"),
    [
        ("history, heaviest user", "analysis_history"),
        ("history, 200 pages back, heaviest", "analysis_history"),
        ("history, upwards from there", "analysis_history"),
        ("history of half a year", "analysis_history"),
        ("history by verdict", "analysis_by_verdict"),
        ("history by state: failed", "analysis_by_verdict"),
        ("API: analyses", "analysis_history"),
    ],
)
def test_a_page_is_found_in_one_index_without_its_rows(
    asker: Asker, scene: str, index: str
) -> None:
    (analysis,) = tables(asker, scene).values()
    assert (analysis["key"], analysis["covers"]) == (index, True)
    assert analysis["rows"] < 100


def most_read(scene: str) -> int:
    """How many rows and index entries a scene may read: pages, counts to a thousand, or windows."""
    if " word" in scene:
        return 5 * SEARCH_WINDOW
    return 6 * REACH if scene.startswith("panel:") else 3 * COUNTED


def test_what_is_read_is_bounded(asker: Asker) -> None:
    read = {scene: asker.ask("reads", scene) for scene in asker.scenes}
    assert {scene: count for scene, count in read.items() if count > most_read(scene)} == {}
    assert len(read) > 30
