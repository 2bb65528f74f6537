"""A wrong or missing variable stops every entry to the portal with one sentence that names it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.installation import ROOT, clean_environment

SERVERS = {
    "DATABASE_URL": "mysql://veripix:secret@127.0.0.1:1/veripix",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "a-secret-key-of-the-tests-alone-with-many-different-letters",
    "ALLOWED_HOSTS": "veripix.example.org",
    "EMAIL_URL": "smtp+tls://veripix:secret@mail.example.org:587",
}

NEW_KEY = ("manage.py", "rotate_media_keys", "--new-key")


def start(
    folder: Path, variables: dict[str, str], *command: str
) -> subprocess.CompletedProcess[str]:
    """Run a program of the portal with exactly these variables."""
    return subprocess.run(
        [sys.executable, *(command or ("manage.py", "check"))],
        cwd=ROOT,
        env={**clean_environment(), "VERIPIX_VAR": str(folder / "var"), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_embedded_default_needs_nothing(tmp_path: Path) -> None:
    done = start(tmp_path, {})
    assert done.returncode == 0, done.stderr
    secret = tmp_path / "var" / "secret-key"
    assert len(secret.read_text()) == 50
    assert secret.stat().st_mode & 0o077 == 0


def test_an_installation_on_servers_starts_with_these_variables(tmp_path: Path) -> None:
    done = start(tmp_path, SERVERS)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "var" / "secret-key").exists()


@pytest.mark.parametrize("missing", sorted(set(SERVERS) - {"DATABASE_URL"}))
def test_what_servers_demand_is_named_where_it_is_missing(tmp_path: Path, missing: str) -> None:
    done = start(tmp_path, {name: value for name, value in SERVERS.items() if name != missing})
    assert_one_sentence(done, missing)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgres://veripix@127.0.0.1/veripix"),
        ("STAFF_SECOND_FACTOR", "perhaps"),
        ("BACKUP_RECIPIENT", "AGE-SECRET-KEY-1QQQQ"),
        ("DATABASE_URL", "mysql://veripix:secret@127.0.0.1:port/veripix"),
        ("DATABASE_URL", "mysql://veripix:secret@127.0.0.1:3306/"),
        ("DATABASE_URL", "just words"),
        ("REDIS_URL", "http://127.0.0.1:6379/0"),
        ("EMAIL_URL", "mail.example.org"),
        ("DEBUG", "perhaps"),
        ("HTTPS", "2"),
        ("MAX_UPLOAD_MEGABYTES", "twenty"),
        ("MAX_FILES", "0"),
        ("BATCH_MAX_FILES", "50001"),
        ("BATCH_MAX_UPLOAD_MEGABYTES", "0"),
        ("BATCH_MAX_UNPACKED_MEGABYTES", "much"),
        ("IMPORT_MAX_FILES", "none"),
        ("SNAPSHOT_MIN_CLASS_SHARE", "20"),
        ("PHOTO_LEAST_IMAGES", "19"),
        ("PHOTO_FALSE_ALARMS", "5"),
        ("MAX_FALSE_ALARMS", "0"),
        ("SEEN_BEFORE", "everywhere"),
        ("SHARE_LINKS", "perhaps"),
        ("SHARE_MAX_DAYS", "0"),
        ("RETENTION_DAYS", "0"),
        ("RETENTION_KEEPS_VERDICTS", "some"),
        ("DATA_EXPORT_DAYS", "91"),
        ("OPERATOR_EMAIL", "the operator"),
        ("BACKUP_DAYS", "0"),
        ("QUOTA_IMAGES_PER_DAY", "staff:many"),
        ("QUOTA_MEGABYTES_PER_DAY", "newsroom:5"),
        ("URL_FETCH", "perhaps"),
        ("API_RATE_PER_MINUTE", "0"),
        ("API_MAX_JSON_KILOBYTES", "2001"),
        ("OUTBOUND_PORTS", "http"),
        ("OUTBOUND_PORTS", "80,65536"),
        ("OUTBOUND_ALLOW_NETWORKS", "10.1.0.1/16"),
        ("WEBHOOK_ATTEMPTS", "0"),
        ("GATE_PHOTO_MAX_ECE", "8"),
        ("LABEL_REVIEWERS", "3"),
        ("GATE_MIN_ACCURACY", "90"),
        ("GATE_MAX_MEGABYTES", "0"),
        ("TRAINING_NICE", "20"),
        ("TRAINING_MAX_ATTEMPTS", "0"),
        ("MAX_MEGAPIXELS", "-1"),
        ("DECODER_MEGABYTES", "20"),
        ("DECODER_SECONDS", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("ACCESS_LOG", "perhaps"),
        ("METRICS_TOKEN", "too-short"),
        ("METRICS_PORT", "65536"),
        ("TASK_EVENTS", "some"),
        ("EMAIL_VERIFICATION", "sometimes"),
        ("MEDIA_ROOT", "/proc/nowhere"),
        ("STORAGE_URL", "https://key:secret@storage.example.org/veripix"),
        ("STORAGE_URL", "s3://key:secret@storage.example.org/"),
        ("STORAGE_PUBLIC_URL", "files.example.org"),
        ("MEDIA_DELIVERY", "by hand"),
        ("MEDIA_DELIVERY", "redirect"),
        ("MEDIA_ADDRESS_SECONDS", "1"),
        ("MEDIA_KEYS", "AGE-SECRET-KEY-1THIS-IS-SECRET-AND-NO-KEY"),
        ("MEDIA_KEYS", "plain"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, name: str, value: str) -> None:
    done = start(tmp_path, {**SERVERS, name: value})
    assert_one_sentence(done, name)
    assert "secret" not in done.stderr


def test_encrypted_files_are_handed_out_by_the_web_process_alone(tmp_path: Path) -> None:
    keys = {"MEDIA_KEYS": start(tmp_path, {}, *NEW_KEY).stdout.strip()}
    assert start(tmp_path, {**SERVERS, **keys}).returncode == 0
    for others in (
        {"MEDIA_DELIVERY": "accel"},
        {"MEDIA_DELIVERY": "redirect", "STORAGE_URL": "s3://k:s@storage.example.org/veripix"},
    ):
        done = start(tmp_path, {**SERVERS, **keys, **others})
        assert_one_sentence(done, "MEDIA_DELIVERY")
        assert "AGE-SECRET" not in done.stderr


def test_the_same_key_twice_is_told_without_it(tmp_path: Path) -> None:
    key = start(tmp_path, {}, *NEW_KEY).stdout.strip()
    done = start(tmp_path, {**SERVERS, "MEDIA_KEYS": f"{key},{key}"})
    assert_one_sentence(done, "MEDIA_KEYS")
    assert key not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "gunicorn"),
        ("-m", "celery", "-A", "portal", "worker", "--pool", "solo"),
        ("-m", "celery", "-A", "portal", "beat"),
        ("manage.py", "migrate"),
        ("manage.py", "serve"),
    ],
    ids=" ".join,
)
def test_every_program_stops_with_the_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = start(tmp_path, {**SERVERS, "REDIS_URL": "nonsense"}, *command)
    assert done.returncode != 0
    assert "Veripix cannot start: REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["http", "0", "65536"])
def test_serve_names_a_port_that_is_none(tmp_path: Path, port: str) -> None:
    assert_one_sentence(start(tmp_path, {"PORT": port}, "manage.py", "serve"), "PORT")


def assert_one_sentence(done: subprocess.CompletedProcess[str], name: str) -> None:
    """The program failed, and its error output is one line that names the variable."""
    assert done.returncode != 0
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith(f"Veripix cannot start: {name} ")
