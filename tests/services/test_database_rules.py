"""On MariaDB the schema is built, taken back, and holds the rules that MySQL might skip."""

from pathlib import Path

import MySQLdb
import pytest

from tests.installation import Installation, server_variables
from tests.servers import MariaDB, Redis

pytestmark = pytest.mark.services
RULES = ["review_once_a_person", "item_once_a_dataset"]
# Run in the installation: a copy of each row, and which rule refuses it.
TWICE = f"""
RULES = {RULES}
from django.db import IntegrityError
from detection.models import Dataset
from tests import people, reports
(item,) = reports.waiting(Dataset.objects.create(name="Rules"))
review = item.reviews.create(reviewer=people.administrator("rules"), label="fake")
for row in (review, item):
    row.pk, row.public_id = None, "another"
    try:
        row.save()
    except IntegrityError as error:
        print(*[rule for rule in RULES if rule in str(error)])
"""


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
) -> Installation:
    """A database with the schema and the shipped model; no program runs."""
    folder = tmp_path_factory.mktemp("rules")
    installation = Installation(
        folder, server_variables(folder, static_root, mariadb, shared_redis)
    )
    installation.prepare()
    return installation


def test_the_models_and_the_migrations_agree(portal: Installation) -> None:
    portal.manage("makemigrations", "--check", "--dry-run")
    portal.manage("check", "--database", "default", "--fail-level", "WARNING")


def test_two_users_cannot_share_an_address(portal: Installation) -> None:
    portal.manage("shell", "-c", create_user("one@example.org"))
    with pytest.raises(MySQLdb.IntegrityError, match="Duplicate entry"):
        portal.rows(
            "INSERT INTO portal_user (password, is_superuser, email, is_active, is_staff,"
            " date_joined) VALUES ('', 0, 'one@example.org', 1, 0, now())"
        )


def test_a_model_has_at_most_one_champion_and_a_version_one_model(portal: Installation) -> None:
    champion = portal.rows("SELECT champion_id FROM detection_registeredmodel")[0]
    assert champion[0] is not None
    with pytest.raises(MySQLdb.IntegrityError, match="Duplicate entry"):
        portal.rows(
            "INSERT INTO detection_registeredmodel (name, track, champion_id, created_at)"
            " VALUES ('usurper', 'photo', %s, now())",
            champion[0],
        )
    with pytest.raises(MySQLdb.IntegrityError, match="foreign key"):
        portal.rows("DELETE FROM detection_modelversion WHERE id = %s", champion[0])


def test_the_same_weights_are_registered_once(portal: Installation) -> None:
    before = portal.rows("SELECT id, number FROM detection_modelversion")
    portal.manage("register_models")
    assert portal.rows("SELECT id, number FROM detection_modelversion") == before


def test_a_file_is_once_in_a_dataset_and_a_label_once_decided_by_a_person(
    portal: Installation,
) -> None:
    refused = portal.manage("shell", "-v0", "-c", TWICE).stdout.split()
    assert refused == RULES


def test_a_file_is_in_a_dataset_once_and_in_a_snapshot_once(portal: Installation) -> None:
    portal.manage("shell", "-c", FILLED)
    for table, columns in {
        "detection_item": "dataset_id, sha256, label, state, source, file, file_name,"
        " perceptual_hash, format, width, height, byte_size, created_at",
        "detection_snapshotitem": "snapshot_id, sha256, label, split, `group`",
    }.items():
        # The same row once more, under another key and another name in addresses.
        own = ("public_id, ", "'another', ") if table == "detection_item" else ("", "")
        with pytest.raises(MySQLdb.IntegrityError, match="Duplicate entry"):
            portal.rows(
                f"INSERT INTO {table} ({own[0]}{columns})"  # noqa: S608 - names of our own
                f" SELECT {own[1]}{columns} FROM {table} LIMIT 1"
            )


def test_text_beyond_the_basic_plane_is_kept(portal: Installation) -> None:
    portal.manage("shell", "-c", create_user("🌄@example.org"))
    rows = portal.rows("SELECT email FROM portal_user WHERE email LIKE %s", "🌄%")
    assert rows == [("🌄@example.org",)]


def test_a_value_that_is_too_long_is_an_error_and_not_cut_off(portal: Installation) -> None:
    code = create_user("a" * 300 + "@example.org")
    done = portal.manage("shell", "-c", code, check=False)
    assert done.returncode != 0
    assert "Data too long" in done.stderr


@pytest.mark.timeout(900)  # each of them, on a server
def test_every_migration_can_be_taken_back(
    tmp_path: Path, static_root: Path, mariadb: MariaDB, shared_redis: Redis
) -> None:
    own = Installation(tmp_path, server_variables(tmp_path, static_root, mariadb, shared_redis))
    own.manage("migrate", "--no-input")
    for app in ("detection", "admin", "account", "portal"):
        own.manage("migrate", "--no-input", app, "zero")
    tables = {name for (name,) in own.rows("SHOW TABLES")}
    assert not {name for name in tables if name.startswith(("portal_", "detection_"))}
    own.manage("migrate", "--no-input")


FILLED = """
from tests import labelled
from detection.services.snapshots import snapshot_freeze
snapshot_freeze(datasets=[labelled.filled(25)], user=None)
"""


def create_user(address: str) -> str:
    """Code for `manage.py shell` that creates a user as the portal does."""
    return f"from portal.models import User; User.objects.create_user({address!r}, 'x')"
