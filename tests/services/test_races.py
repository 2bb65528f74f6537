"""What happens at the same time ends as if one had come after the other, on both databases."""

from pathlib import Path

import pytest

from tests.installation import Installation, server_variables
from tests.servers import MariaDB, Redis

pytestmark = pytest.mark.services
RACES = (
    "uploads_keep_the_limit",
    "uploads_and_deletion",
    "uploads_and_leaving",
    "claims",
    "reports_and_deletion",
    "reports_of_one_file",
    "reviews_of_one_item",
    "reviews_and_withdrawal",
    "tags_and_deletion",
    "tags_and_leaving",
    "tags_that_look_alike",
    "quota_at_once",
    "batches_at_once",
    "one_key_at_once",
)
OUTGOING = (
    *("ends_told_once", "ends_and_deletion", "addresses_keep_the_limit"),
    *("each_message_sent_once", "each_address_fetched_once"),
)
# On SQLite writers come one after another anyway.
JOBS = [
    *(
        (database, f"races.{race}")
        for database in ("portal_on_sqlite", "portal_on_mariadb")
        for race in RACES
    ),
    *(("portal_on_mariadb", f"races_outgoing.{race}") for race in OUTGOING),
]


@pytest.fixture
def portal_on_sqlite(tmp_path: Path, static_root: Path) -> Installation:
    """The embedded installation."""
    return Installation(tmp_path, {"STATIC_ROOT": str(static_root), "MAX_FILES": "5"})


@pytest.fixture
def portal_on_mariadb(
    tmp_path: Path, static_root: Path, mariadb: MariaDB, shared_redis: Redis
) -> Installation:
    """The installation on servers."""
    variables = server_variables(tmp_path, static_root, mariadb, shared_redis)
    return Installation(tmp_path, {**variables, "MAX_FILES": "5"})


@pytest.mark.parametrize(("database", "race"), JOBS)
def test_it_ends_in_order(request: pytest.FixtureRequest, database: str, race: str) -> None:
    portal: Installation = request.getfixturevalue(database)
    portal.migrate()
    module = race.partition(".")[0]
    done = portal.manage("shell", "-c", f"from tests.detection import {module}; {race}()")
    assert "Traceback" not in done.stderr, done.stderr
