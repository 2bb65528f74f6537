"""Certificates of the installation's own servers: made once, and anew only when asked or broken."""

import datetime as dt
import ipaddress
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.management import CommandError, call_command

from portal.certificates import NamesMissing, certificates_end, certificates_ensure

SERVERS = ("mysql", "redis", "web")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Certificates that were made just now."""
    assert certificates_ensure(tmp_path, SERVERS)
    return tmp_path


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def certificate(folder: Path, name: str) -> x509.Certificate:
    """What a server shows."""
    return x509.load_pem_x509_certificate((folder / name / "server.crt").read_bytes())


def names(folder: Path, name: str) -> x509.SubjectAlternativeName:
    """Under which names it may be reached."""
    extensions = certificate(folder, name).extensions
    return extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_each_server_has_its_own_key_and_all_one_authority(folder: Path) -> None:
    authority = (folder / "ca" / "ca.crt").read_bytes()
    keys = set()
    for name in SERVERS:
        shown = certificate(folder, name)
        shown.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
        assert (folder / name / "ca.crt").read_bytes() == authority
        secret = (folder / name / "server.key").read_bytes()
        assert load_pem_private_key(secret, None).public_key() == shown.public_key()
        keys.add(secret)
    assert len(keys) == len(SERVERS)
    assert {path for path in content(folder) if path.endswith(".key")} == {
        f"{name}/server.key" for name in SERVERS
    }, "the authority's key is kept nowhere"


def test_a_server_is_known_by_its_name_and_to_itself(folder: Path) -> None:
    assert names(folder, "redis").get_values_for_type(x509.DNSName) == ["redis", "localhost"]
    assert names(folder, "redis").get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("127.0.0.1")
    ]


def test_other_machines_may_know_it_by_other_names(tmp_path: Path) -> None:
    asked = ["mysql=db.internal,10.0.0.5", "redis="]
    assert certificates_ensure(tmp_path, asked)
    assert not certificates_ensure(tmp_path, asked)
    known = names(tmp_path, "mysql")
    assert known.get_values_for_type(x509.DNSName) == ["mysql", "db.internal", "localhost"]
    assert ipaddress.ip_address("10.0.0.5") in known.get_values_for_type(x509.IPAddress)


def test_good_ones_are_kept_to_their_last_day(tmp_path: Path) -> None:
    certificates_ensure(tmp_path, SERVERS, days=1)
    before = content(tmp_path)
    assert not certificates_ensure(tmp_path, SERVERS), "servers that run would be refused"
    assert content(tmp_path) == before
    left = certificates_end(tmp_path) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(hours=23) < left <= dt.timedelta(days=1)


def test_whoever_asks_gets_new_ones(folder: Path) -> None:
    before = content(folder)
    assert certificates_ensure(folder, SERVERS, renew=True)
    after = content(folder)
    assert set(after) == set(before)
    assert not any(after[name] == before[name] for name in before)


def test_those_that_have_ended_are_made_anew(tmp_path: Path) -> None:
    certificates_ensure(tmp_path, SERVERS, days=0)
    assert certificates_ensure(tmp_path, SERVERS)
    assert not certificates_ensure(tmp_path, SERVERS)


def without(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).unlink()

    return damage


def emptied(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(b"")

    return damage


def broken_off(folder: Path) -> None:
    """One server has what a renewal made, the others have not."""
    kept = (folder / "ca" / "ca.crt").read_bytes()
    certificates_ensure(folder, ["mysql"], renew=True)
    (folder / "ca" / "ca.crt").write_bytes(kept)


def another_key(folder: Path) -> None:
    (folder / "web" / "server.key").write_bytes((folder / "redis" / "server.key").read_bytes())


def another_authority(folder: Path) -> None:
    (folder / "web" / "ca.crt").write_bytes((folder / "web" / "server.crt").read_bytes())


@pytest.mark.parametrize(
    "damage",
    [
        without("ca/ca.crt"),
        without("redis/server.crt"),
        without("web/server.key"),
        without("mysql/ca.crt"),
        emptied("ca/ca.crt"),
        emptied("redis/server.crt"),
        emptied("web/server.key"),
        broken_off,
        another_key,
        another_authority,
    ],
)
def test_what_does_not_fit_together_is_made_anew(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder)
    assert certificates_ensure(folder, SERVERS)
    assert not certificates_ensure(folder, SERVERS)


def test_a_new_name_is_told_and_costs_nobody_their_trust(folder: Path) -> None:
    before = content(folder)
    with pytest.raises(NamesMissing, match=r"^db\.internal$"):
        certificates_ensure(folder, ["mysql=db.internal", "redis", "web"])
    assert content(folder) == before


def test_the_command_tells_until_when_and_warns_before(tmp_path: Path) -> None:
    out, err = StringIO(), StringIO()
    call_command("internal_certificates", tmp_path, *SERVERS, stdout=out, stderr=err)
    end = certificates_end(tmp_path)
    assert out.getvalue() == f"Made certificates: mysql, redis, web, until {end:%Y-%m-%d}.\n"
    assert err.getvalue() == ""
    call_command("internal_certificates", tmp_path, *SERVERS, renew=True, days=89, stderr=err)
    end = certificates_end(tmp_path)
    assert err.getvalue() == f"They end on {end:%Y-%m-%d}: make them anew by --renew before.\n"


def test_the_command_says_what_to_do_for_a_new_name(folder: Path) -> None:
    with pytest.raises(CommandError, match=r"lack db\.internal\. --renew makes them anew"):
        call_command("internal_certificates", folder, "mysql=db.internal", "redis", "web")


def test_the_command_says_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CommandError, match=r"They cannot be kept in .*: Not a directory\."):
        call_command("internal_certificates", tmp_path / "file", "mysql")
