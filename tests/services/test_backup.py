"""A backup comes back whole, every row and every file, taken while the portal runs."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from tests.installation import ROOT, Installation, server_variables
from tests.servers import S3, MariaDB, Redis
from tests.waiting import wait_for

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

# Not in a backup, or written by the restore itself.
OTHERWISE = {"django_migrations", "django_session", "usersessions_usersession", "sqlite_sequence"}
AUDIT = "detection_auditevent"
# SQLite and a folder; MariaDB and a folder; MariaDB and a bucket.
ENGINES = ("folder", "mariadb", "bucket")

New = Callable[[str], Installation]


@pytest.fixture(scope="module")
def nothing(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
    s3: S3,
) -> New:
    """Make an installation of a kind, of which nothing is there yet."""

    def make(kind: str) -> Installation:
        folder = tmp_path_factory.mktemp(f"backup-{kind}")
        variables = {"STATIC_ROOT": str(static_root)}
        if kind != "folder":
            variables = server_variables(folder, static_root, mariadb, shared_redis)
        # Model versions are signed with it; one key, so that what is restored answers at once.
        variables["SECRET_KEY"] = "a-secret-key-of-the-tests-alone-with-many-different-letters"
        # No worker runs: what waits for one is no damage yet.
        variables["ANALYSIS_LEASE_SECONDS"] = "3600"
        if kind == "bucket":
            variables["STORAGE_URL"] = s3.url(s3.new_bucket())
        return Installation(folder, variables)

    return make


@pytest.fixture(scope="module")
def new(nothing: New) -> New:
    """Make an installation of a kind, of which only the migrations are done."""

    def make(kind: str) -> Installation:
        made = nothing(kind)
        made.migrate()
        return made

    return make


# What people do, by the services behind the pages: hand in, get verdicts, sign in.
USE = """
import io
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from detection.models import Analysis, SubmittedImage
from detection.services.analysis import analysis_run
from detection.services.intake import images_delete, submission_create

def drawn(number, size=(32, 32)):
    file = io.BytesIO()
    Image.effect_noise(size, 5 + number % 90).convert("RGB").save(file, "PNG")
    return SimpleUploadedFile(f"{number}.png", file.getvalue())

def person(name):
    return get_user_model().objects.get_or_create(email=f"{name}@example.org")[0]
"""
FIRST = (
    USE
    + """
files = [drawn(number) for number in range(6)] + [drawn(7, (640, 400))]
handed_in = submission_create(owner=person("alice"), files=files)
for one in handed_in.analyses:
    analysis_run(analysis_id=one.pk, worker="tests")
SessionStore().save()
"""
)
BUSY = (
    USE
    + """
number = 100
owner = person("busy")
while True:
    made = submission_create(owner=owner, files=[drawn(number), drawn(number + 1, (300, 300))])
    images_delete(images=list(SubmittedImage.objects.filter(submission__owner=owner).order_by("pk")[:1]))
    number += 2
"""
)


@pytest.fixture(scope="module", params=ENGINES)
def portal(request: pytest.FixtureRequest, new: New) -> Installation:
    """A portal that was used: images of several kinds, with verdicts."""
    made = new(request.param)
    made.prepare()
    made.manage("shell", "--command", FIRST)
    finished = "SELECT COUNT(*) FROM detection_analysis WHERE state = 'finished'"
    assert made.rows(finished)[0][0] >= 6
    return made


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key of age in a file, as `age-keygen` writes it."""
    key = pyrage.x25519.Identity.generate()
    path = tmp_path_factory.mktemp("age") / "identity.txt"
    path.write_text(f"# public key: {key.to_public()}\n{key}\n")
    return path


def public_key(identity: Path) -> str:
    return identity.read_text().splitlines()[0].partition(": ")[2]


def tables(portal: Installation) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, as the database holds it."""
    if "DATABASE_URL" in portal.environment:
        names = [name for (name,) in portal.rows("SHOW TABLES")]
    else:
        names = [
            name for (name,) in portal.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
    kept = sorted(set(names) - OTHERWISE)
    return {name: sorted(portal.rows(f"SELECT * FROM {name}"), key=repr) for name in kept}  # noqa: S608


def files(portal: Installation, s3: S3) -> dict[str, str]:
    """The hash of every stored file and of every file of a model version."""
    found = {}
    for folder in ("media", "models"):
        root = portal.folder / folder
        for path in root.rglob("*"):
            if path.is_file():
                name = f"{folder}/{path.relative_to(root)}"
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    bucket = portal.environment.get("STORAGE_URL", "").rpartition("/")[2]
    for name in s3.names(bucket) if bucket else ():
        body = s3.client().get_object(Bucket=bucket, Key=name)["Body"].read()
        found[f"bucket/{name}"] = hashlib.sha256(body).hexdigest()
    return found


def parts(backup: Path) -> dict[str, str]:
    """The hash of each part of a backup that is not encrypted, as its manifest tells."""
    listed = subprocess.run(
        ["tar", "--extract", "--to-stdout", "--gzip", f"--file={backup}", "manifest.json"],
        check=True,
        capture_output=True,
    )
    told: dict[str, str] = json.loads(listed.stdout)["parts"]
    return told


def test_every_row_and_every_file_comes_back_and_the_portal_goes_on(
    portal: Installation, nothing: New, s3: S3, tmp_path: Path, identity: Path
) -> None:
    before = tables(portal)
    # Encryption is the same for all kinds, so that one of them has it.
    is_encrypted = _kind(portal) == "bucket"
    key = ["--recipient", public_key(identity)] if is_encrypted else []
    portal.manage("backup", str(tmp_path), *key)
    (backup,) = tmp_path.iterdir()
    assert backup.stat().st_mode & 0o077 == 0
    assert backup.name.endswith(".age") == is_encrypted
    opener = ["--identity", str(identity)] if is_encrypted else []
    assert "is whole" in portal.manage("backup", "--verify", str(backup), *opener).stdout

    other = nothing(_kind(portal))
    told = other.manage("restore", str(backup), *opener).stdout
    assert "What is left to do" in told
    assert "signed with another key" not in told
    assert "The audit was sealed with another" not in told
    after = tables(other)
    # The restore itself is an act, and the last one.
    acts = after.pop(AUDIT)
    assert len(acts) == len(before.pop(AUDIT)) + 1
    assert after == before
    assert files(other, s3) == files(portal, s3)
    done = other.manage("doctor", "--deep", check=False)
    assert done.returncode == 0, done.stdout

    finished = "SELECT COUNT(*) FROM detection_analysis WHERE state = 'finished'"
    answered = other.rows(finished)[0][0]
    # The same images by the same person: some answers are taken from those that came back.
    other.manage("shell", "--command", FIRST)
    assert other.rows(finished)[0][0] >= answered + 6


@pytest.mark.parametrize("portal", ["folder", "bucket"], indirect=True)
def test_a_small_installation_grows_from_sqlite_into_mariadb_and_a_bucket(
    portal: Installation, new: New, s3: S3, tmp_path: Path
) -> None:
    backup, again = tmp_path / "one.tar.gz", tmp_path / "two.tar.gz"
    portal.manage("backup", str(backup))
    target = new("bucket" if _kind(portal) == "folder" else "folder")
    target.manage("restore", str(backup))
    target.manage("backup", str(again))
    theirs, ours = parts(backup), parts(again)
    assert "rows/detection_analysis/000000.jsonl" in theirs
    for found in (theirs, ours):
        found.pop("about.json")
        found.pop(f"rows/{AUDIT}/000000.jsonl")
    assert ours == theirs


def test_a_backup_is_taken_while_images_come_and_go(
    portal: Installation, new: New, tmp_path: Path
) -> None:
    count = "SELECT COUNT(*) FROM detection_submittedimage"
    began = portal.rows(count)[0][0]
    process = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--command", BUSY],
        cwd=ROOT,
        env=portal.environment,
        stdout=subprocess.PIPE,
    )
    try:
        wait_for(lambda: portal.rows(count)[0][0] > began + 3, "images to come in", timeout=240)
        portal.manage("backup", str(tmp_path / "busy.tar.gz"))
        assert process.poll() is None
    finally:
        # In the middle of whatever it does: the backup was taken from a portal in use.
        process.kill()
        process.wait()
    other = new(_kind(portal))
    told = other.manage("restore", str(tmp_path / "busy.tar.gz")).stdout
    done = other.manage("doctor", "--deep", check=False)
    assert done.returncode == 0, f"{told}\n{done.stdout}"
    ((images,),) = other.rows(count)
    assert images > began


class TestWhatIsRefused:
    """One installation is enough for what goes wrong with files."""

    @pytest.fixture(scope="class")
    @classmethod
    def source(cls, new: New) -> Installation:
        made = new("folder")
        made.prepare()
        made.manage("seed_load", "--analyses", "200", "--users", "3")
        _execute(
            made.folder / "veripix.sqlite3", "UPDATE detection_submittedimage SET byte_size = 1"
        )
        return made

    @pytest.fixture(scope="class")
    @classmethod
    def backups(
        cls, source: Installation, tmp_path_factory: pytest.TempPathFactory, identity: Path
    ) -> dict[str, Path]:
        folder = tmp_path_factory.mktemp("backups")
        found = {"plain": folder / "plain.tar.gz"}
        source.manage("backup", str(found["plain"]))
        return found

    def test_an_installation_in_use_is_left_alone(
        self, source: Installation, backups: dict[str, Path]
    ) -> None:
        before = tables(source)
        done = source.manage("restore", str(backups["plain"]), check=False)
        assert done.returncode == 1
        assert "This installation is in use" in done.stderr
        assert tables(source) == before

    def test_one_that_was_only_set_up_is_empty(
        self, source: Installation, new: New, backups: dict[str, Path]
    ) -> None:
        target = new("folder")
        target.prepare()
        assert target.rows("SELECT COUNT(*) FROM detection_modelversion")[0][0]
        target.manage("restore", str(backups["plain"]))
        rights = (target.folder / "veripix.sqlite3").stat().st_mode
        assert not rights & 0o077, "others on this machine may open it"
        assert len(tables(target)["detection_analysis"]) == 200

    def test_a_restore_that_was_broken_off_is_begun_anew(
        self, source: Installation, nothing: New, backups: dict[str, Path]
    ) -> None:
        target = nothing("folder")
        process = subprocess.Popen(
            [sys.executable, "manage.py", "restore", str(backups["plain"])],
            cwd=ROOT,
            env=target.environment,
        )
        wait_for(
            lambda: [*(target.folder / "media").rglob("*.bin")] or process.poll() is not None,
            "the first file",
            timeout=120,
        )
        process.kill()
        process.wait()
        target.manage("restore", str(backups["plain"]))
        assert len(tables(target)["detection_analysis"]) == 200

    def test_a_backup_from_a_newer_version_is_refused(
        self, source: Installation, new: New, tmp_path: Path
    ) -> None:
        connection_file = source.folder / "veripix.sqlite3"
        _execute(
            connection_file,
            "INSERT INTO django_migrations (app, name, applied)"
            " VALUES ('detection', '9999_later', '2026-01-01')",
        )
        backup = tmp_path / "newer.tar.gz"
        source.manage("backup", str(backup))
        _execute(connection_file, "DELETE FROM django_migrations WHERE name = '9999_later'")
        done = new("folder").manage("restore", str(backup), check=False)
        assert done.returncode == 1
        assert "does not know the migration detection.9999_later" in done.stderr

    def test_keys_are_written_where_they_are_asked_for(
        self, source: Installation, new: New, tmp_path: Path, identity: Path
    ) -> None:
        backup, keys = tmp_path / "c.age", tmp_path / "keys.env"
        source.manage("backup", str(backup), "--with-keys", "--recipient", public_key(identity))
        new("folder").manage(
            "restore", str(backup), "--identity", str(identity), "--keys-to", str(keys)
        )
        assert f"SECRET_KEY={source.environment['SECRET_KEY']}\n" in keys.read_text()
        assert keys.stat().st_mode & 0o077 == 0

    def test_with_another_key_it_tells_what_to_do_and_that_helps(
        self, source: Installation, new: New, tmp_path: Path
    ) -> None:
        seal = "from detection.services.audit import audit_seal; audit_seal()"
        source.manage("shell", "--command", seal)
        source.manage("backup", str(tmp_path / "a.tar.gz"))
        old, folder = source.environment["SECRET_KEY"], new("folder").folder
        variables = {
            "STATIC_ROOT": source.environment["STATIC_ROOT"],
            "SECRET_KEY": "another-secret-key-with-many-different-letters-in-it",
        }
        target = Installation(folder, variables)
        told = target.manage("restore", str(tmp_path / "a.tar.gz")).stdout
        assert "manage.py register_models --sign-again" in told
        assert "The audit was sealed with another SECRET_KEY" in told
        target.manage("register_models", "--sign-again")
        between = Installation(folder, {**variables, "SECRET_KEY_FALLBACKS": old})
        between.manage("audit", "--seal-again")
        checks = ["--check", "audit", "--check", "model_version"]
        assert "Nothing is wrong" in target.manage("doctor", *checks).stdout

    def test_a_full_disk_leaves_no_half_backup(self, source: Installation, tmp_path: Path) -> None:
        # As large as one block: the kernel answers as a full disk does.
        limit = ["prlimit", "--fsize=100000", sys.executable, "manage.py", "backup"]
        done = subprocess.run(
            [*limit, str(tmp_path / "full.tar.gz")],
            cwd=ROOT,
            env=source.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        assert "The backup was not finished and is gone" in done.stderr
        assert list(tmp_path.iterdir()) == []


def _kind(portal: Installation) -> str:
    if "STORAGE_URL" in portal.environment:
        return "bucket"
    return "mariadb" if "DATABASE_URL" in portal.environment else "folder"


def _execute(path: Path, statement: str) -> None:
    import sqlite3

    with sqlite3.connect(path, timeout=20) as connection:
        connection.execute(statement)
