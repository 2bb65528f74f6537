"""Before a certificate ends, the doctor and the status page say so."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from detection.services.certificates import certificates_ending
from portal.certificates import certificates_end, certificates_ensure
from portal.environment import certificate_files


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """Certificates of this installation; they end in 89 days."""
    certificates_ensure(tmp_path, ["web"], days=89)
    files = [str(tmp_path / "ca" / "ca.crt"), str(tmp_path / "web" / "server.crt")]
    settings.TLS_CERTIFICATES = files
    return tmp_path


def test_those_that_end_soon_are_told_with_their_day(folder: Path) -> None:
    soon = certificates_ending()
    assert [Path(one.path).name for one in soon] == ["ca.crt", "server.crt"]
    assert f"it ends on {certificates_end(folder):%Y-%m-%d}" in soon[0].sentence


def test_those_that_hold_are_not_told(folder: Path) -> None:
    certificates_ensure(folder, ["web"], days=92, renew=True)
    assert certificates_ending() == []


def test_those_that_have_ended_are_told(folder: Path) -> None:
    certificates_ensure(folder, ["web"], days=0, renew=True)
    assert all("it ended on" in one.sentence for one in certificates_ending())


def test_of_many_authorities_the_last_counts_and_of_a_server_its_own(
    folder: Path, tmp_path: Path, settings: Any
) -> None:
    certificates_ensure(tmp_path / "long", ["web"], days=3650)
    long = (tmp_path / "long" / "ca" / "ca.crt").read_bytes()
    for name in ("ca/ca.crt", "web/server.crt"):
        with (folder / name).open("ab") as file:
            file.write(long)
    assert [Path(one.path).name for one in certificates_ending()] == ["server.crt"]


def test_what_is_no_certificate_is_told_and_what_is_not_given_is_not(folder: Path) -> None:
    (folder / "ca" / "ca.crt").write_text("nothing of the kind")
    (folder / "web" / "server.crt").unlink()
    (told,) = certificates_ending()
    assert told.sentence == "it cannot be read as a certificate"


@pytest.mark.django_db
def test_the_doctor_warns(folder: Path) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("doctor", "--check", "certificate", stdout=out)
    assert left.value.code == 1
    assert f"{folder}/ca/ca.crt: it ends on " in out.getvalue()
    assert "certificate: 2. Certificates end within 90 days; then no program" in out.getvalue()


def test_the_status_page_warns(folder: Path, admin_client: Client) -> None:
    assert f"{folder}/ca/ca.crt: it ends on" in admin_client.get("/admin/status/").text


def test_addresses_say_which_certificates_there_are() -> None:
    ssl = {"ca": "/a/ca.crt", "cert": "/a/own.crt"}
    redis = "rediss://redis:6379/0?ssl_cert_reqs=required&ssl_ca_certs=/a/ca.crt"
    found = certificate_files({"OPTIONS": {"ssl": ssl}}, redis, "/server-tls")
    assert found == ["/a/ca.crt", "/a/own.crt", "/server-tls/server.crt"]
    assert certificate_files({"NAME": "x"}, "", "") == []
