"""All migrations of ours go back to nothing and forward again, with rows in the tables."""

import json
from pathlib import Path

import pytest

from tests.installation import Installation, server_variables
from tests.servers import MariaDB, Redis

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

# In one process: one for each step would take minutes. It tells how many rows each table holds.
WALK = """
import json
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

def names(app):
    found = MigrationExecutor(connection).loader.disk_migrations
    return sorted(name for one, name in found if one == app)

def go(app, name):
    executor = MigrationExecutor(connection)
    executor.migrate([(app, name)])

def rows():
    with connection.cursor() as cursor:
        tables = [one for one in connection.introspection.table_names(cursor)
                  if one.startswith(("detection_", "portal_"))]
        found = {}
        for table in tables:
            cursor.execute(f"SELECT COUNT(*) FROM {table}")
            found[table] = cursor.fetchone()[0]
        return found

told = {"before": rows()}
steps = names("detection")
# The first two are one, cut where tables point at each other: between them rows lack their columns.
for name in reversed(steps[1:]):
    go("detection", name)
told["first"] = rows()
for name in steps[1:]:
    go("detection", name)
told["after"] = rows()
go("detection", None)
told["without"] = rows()
for name in steps:
    go("detection", name)
told["again"] = rows()
go("portal", None)
told["nothing"] = rows()
executor = MigrationExecutor(connection)
executor.migrate(executor.loader.graph.leaf_nodes())
told["everything"] = rows()
left = MigrationExecutor(connection)
told["plan"] = len(left.migration_plan(left.loader.graph.leaf_nodes()))
print("TOLD" + json.dumps(told))
"""
# Made after the first migration: going back to it drops these tables with their rows.
KEPT = ("detection_submission", "detection_submittedimage", "detection_analysis", "portal_user")


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_every_migration_goes_back_and_forth_with_rows(
    kind: str,
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
) -> None:
    folder = tmp_path_factory.mktemp(f"migrations-{kind}")
    variables = {"STATIC_ROOT": str(static_root)}
    if kind == "mariadb":
        variables = server_variables(folder, static_root, mariadb, shared_redis)
    portal = Installation(folder, variables)
    portal.prepare()
    portal.manage("seed_load", "--analyses", "300", "--users", "3")
    output = portal.manage("shell", "--command", WALK).stdout
    told = json.loads(output.partition("TOLD")[2])
    assert told["before"]["detection_analysis"] == 300
    for table in KEPT:
        assert told["first"][table] == told["before"][table] > 0, table
        assert told["after"][table] == told["before"][table], table
    assert set(told["after"]) == set(told["before"])
    assert [table for table in told["without"] if table.startswith("detection_")] == []
    assert told["without"]["portal_user"] == 3
    assert set(told["again"]) == set(told["before"])
    # What does not point at people stays, empty.
    assert not [table for table in told["nothing"] if table.startswith("portal_")]
    assert set(told["nothing"].values()) <= {0}
    assert set(told["everything"]) == set(told["before"])
    assert told["plan"] == 0
    assert portal.manage("makemigrations", "--check", "--dry-run").returncode == 0
