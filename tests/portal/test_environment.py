"""Each reader of the environment takes what is right, and names what is wrong in one sentence."""

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

from portal.environment import Environment, celery_address, kept_secret
from tests.data import ROOT

Reader = Callable[[Environment], Any]


def read(read_by: Reader, value: str | None) -> Any:
    """What the reader makes of NAME with this value."""
    return read_by(Environment({} if value is None else {"NAME": value}))


def complaint(read_by: Reader, value: str | None) -> str:
    """The sentence with which the reader stops the start."""
    with pytest.raises(SystemExit) as caught:
        read(read_by, value)
    sentence = str(caught.value)
    assert sentence.startswith("Veripix cannot start: NAME ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def reader(name: str, *arguments: Any, **options: Any) -> Reader:
    """A reader of NAME, by the name of its method."""
    return lambda env: getattr(env, name)("NAME", *arguments, **options)


TEXT = reader("text")
FLAG = reader("flag", default=False)
NUMBER = reader("number", default=7, least=2, most=9)
DECIMAL = reader("decimal", default=0.5, least=0, most=1)
WORDS = reader("words")
CHOICE = reader("choice", ("red", "blue"), "red")
ZONE = reader("time_zone", "UTC")
ORIGINS = reader("origins")
MAILBOX = reader("mailbox", "admin@localhost")
URL = reader("url", ("redis", "unix"))
DATABASE = reader("database")
EMAIL = reader("email")


@pytest.mark.parametrize(
    ("read_by", "value", "expected"),
    [
        (TEXT, " some words ", "some words"),
        (FLAG, "Yes", True),
        (FLAG, "off", False),
        (FLAG, "", False),
        (FLAG, None, False),
        (NUMBER, "2", 2),
        (NUMBER, " 9 ", 9),
        (NUMBER, None, 7),
        (NUMBER, "  ", 7),
        (DECIMAL, "0.25", 0.25),
        (DECIMAL, "1", 1.0),
        (DECIMAL, None, 0.5),
        (WORDS, "a, b,,c ", ["a", "b", "c"]),
        (CHOICE, "blue", "blue"),
        (CHOICE, None, "red"),
        (ZONE, "Europe/Berlin", "Europe/Berlin"),
        (ZONE, None, "UTC"),
        (ORIGINS, None, []),
        (ORIGINS, "https://a.org, http://b.org", ["https://a.org", "http://b.org"]),
        (MAILBOX, "Admin@Example.ORG", "admin@example.org"),
        (MAILBOX, None, "admin@localhost"),
        (URL, "redis://:pw@host:6379/0", "redis://:pw@host:6379/0"),
    ],
)
def test_it_reads(read_by: Reader, value: str | None, expected: object) -> None:
    assert read(read_by, value) == expected


@pytest.mark.parametrize(
    ("read_by", "value", "hint"),
    [
        (TEXT, None, "is not set"),
        (TEXT, "", "is not set"),
        (FLAG, "perhaps", "'perhaps'"),
        (FLAG, "2", "true or false"),
        (NUMBER, "seven", "whole number"),
        (NUMBER, "7.5", "whole number"),
        (NUMBER, "1", "between 2 and 9"),
        (NUMBER, "10", "between 2 and 9"),
        (DECIMAL, "half", "must be a number"),
        (DECIMAL, "1.01", "between 0 and 1"),
        (DECIMAL, "nan", "between 0 and 1"),
        (DECIMAL, "inf", "between 0 and 1"),
        (WORDS, None, "is not set"),
        (CHOICE, "green", "red, blue"),
        (ZONE, "Berlin", "Europe/Berlin"),
        (ZONE, "Europe", "Europe/Berlin"),
        (ZONE, "../../etc/passwd", "Europe/Berlin"),
        (ORIGINS, "https://a.org,b.org", "'b.org'"),
        (MAILBOX, "root", "e-mail address"),
        (URL, None, "is not set"),
        (URL, "http://host", "redis:// or unix://"),
        (URL, "just words", "redis:// or unix://"),
        (DATABASE, "postgres://u:secret@host/name", "mysql:// or sqlite://"),
        (DATABASE, "mysql://u:secret@host", "no database"),
        (DATABASE, "mysql://u:secret@host/", "no database"),
        (DATABASE, "mysql://u:secret@host:port/name", "address"),
        (DATABASE, "mysql://u:secret@host:99999/name", "address"),
        (DATABASE, "mysql://[::1/name", "address"),
        (EMAIL, "mail.example.org", "smtp+tls://"),
    ],
)
def test_it_stops_with_a_sentence(read_by: Reader, value: str | None, hint: str) -> None:
    assert hint in complaint(read_by, value)


@pytest.mark.parametrize("read_by", [URL, DATABASE, EMAIL])
@pytest.mark.parametrize(
    "address",
    [
        "mysql://user:secret/word@host/name",
        "mysql://user:secret?word@host/name",
        "mysql://user:secret#word@host/name",
        "redis://:secret@host:secret/0",
        "http://user:secret@host/",
        "smtp://user:secret@host:port",
    ],
)
def test_no_password_is_ever_repeated(read_by: Reader, address: str) -> None:
    assert "secret" not in complaint(read_by, address)


def test_a_database_address_becomes_settings() -> None:
    config = read(DATABASE, "mysql://user:p%2Fw%23@host:3307/name")
    assert config["ENGINE"] == "django.db.backends.mysql"
    assert (config["USER"], config["PASSWORD"]) == ("user", "p/w#")
    assert (config["HOST"], config["PORT"], config["NAME"]) == ("host", 3307, "name")


@pytest.mark.parametrize(
    ("address", "port"),
    [
        ("smtp://u:p@host:2525", 2525),
        ("smtp://u:p@host", 25),
        ("smtp+tls://u:p@host", 587),
        ("smtp+ssl://u:p@host", 465),
    ],
)
def test_a_mail_server_has_the_port_of_its_kind(address: str, port: int) -> None:
    assert read(EMAIL, address)["EMAIL_PORT"] == port


def test_a_folder_is_made(tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "b"
    assert Environment({"NAME": str(wanted)}).folder("NAME", tmp_path) == wanted
    assert wanted.is_dir()


@pytest.mark.parametrize(("is_private", "others"), [(True, 0), (False, 0o055)])
def test_a_folder_is_made_for_whom_it_is(tmp_path: Path, is_private: bool, others: int) -> None:
    environment = Environment({"NAME": str(tmp_path / "made")})
    made = environment.folder("NAME", tmp_path, is_private=is_private)
    assert made.stat().st_mode & 0o077 == others


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    path = str(tmp_path / "file" / "folder")
    assert path in complaint(lambda env: env.folder("NAME", tmp_path), path)


def test_a_secret_is_made_once_for_all_processes_and_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret-key"
    found: list[str] = []
    starts = [threading.Thread(target=lambda: found.append(kept_secret(path))) for _ in range(8)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert len(set(found)) == 1
    assert len(found[0]) == 50
    assert kept_secret(path) == found[0]
    assert path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="SECRET_KEY"):
        kept_secret(tmp_path / "missing" / "secret-key")


@pytest.mark.parametrize("address", ["redis://host/0", "rediss://host/0", "unix:///run/redis.sock"])
def test_celery_knows_every_kind_of_redis_address(address: str) -> None:
    assert Connection(celery_address(address)).get_transport_cls().driver_type == "redis"


READERS = "|".join(name for name in vars(Environment) if not name.startswith("_"))


def test_every_variable_is_documented() -> None:
    call = re.compile(rf"(?:env|Environment\(\))\.(?:{READERS})\(\s*\"([A-Z_]+)\"")
    sources = [path.read_text() for path in (ROOT / "portal").rglob("*.py")]
    names = {name for source in sources for name in call.findall(source)}
    assert {"DATABASE_URL", "SECRET_KEY", "PORT", "MAX_FILES", "TRUST_PROXY"} <= names
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", documentation(), re.MULTILINE))
    assert names - documented == set()


def test_no_variable_is_documented_that_nothing_reads() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", documentation(), re.MULTILINE))
    files = [*(ROOT / "portal").rglob("*.py"), *(ROOT / "tests").glob("data.py")]
    files += [
        ROOT / name for name in ("compose.yaml", "Dockerfile", "Makefile", "gunicorn.conf.py")
    ]
    sources = "\n".join(path.read_text() for path in files)
    assert {name for name in documented if name not in sources} == set()


def documentation() -> str:
    return (ROOT / "docs" / "configuration.md").read_text()


def test_the_tests_themselves_are_not_configured_from_outside() -> None:
    assert not {"DATABASE_URL", "REDIS_URL", "EMAIL_URL"} & set(os.environ)
