"""`manage.py trust_list` shows, fetches and installs who vouches for signers."""

import functools
import http.server
import io
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from detection.provenance.trust_list import MOST_BYTES, OFFICIAL
from tests.credentials import only, signed_ai, stranger, trust_list_pem
from tests.images import image_file
from tests.servers import free_port


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Path:
    """Where the list belongs; its folder is not there yet."""
    settings.C2PA_TRUST_LIST = tmp_path / "trust" / "list.pem"
    return settings.C2PA_TRUST_LIST


def run(*arguments: object) -> str:
    """What the command prints."""
    printed = io.StringIO()
    call_command("trust_list", *map(str, arguments), stdout=printed)
    return printed.getvalue()


def test_without_a_list_it_says_where_to_get_one(place: Path) -> None:
    printed = run()
    assert f"No trust list is installed at {place}" in printed
    assert "--fetch" in printed
    assert OFFICIAL in printed
    assert not place.parent.exists()


def test_a_file_is_installed_and_whose_certificates_it_holds_is_told(
    place: Path, tmp_path: Path
) -> None:
    source = tmp_path / "mine.pem"
    source.write_bytes(b"# who we trust\n" + trust_list_pem() + stranger().pem)
    lines = run("--from", source).splitlines()
    assert lines[0] == f"2 certificates in {place}"
    assert {line.split(", until 20")[0] for line in lines[1:]} == {
        "  Test Root · Test Root Ltd",
        "  Strange Root · Strange Root Ltd",
    }
    assert run().splitlines() == lines
    assert place.read_bytes() == source.read_bytes()
    assert [file.name for file in place.parent.iterdir()] == ["list.pem"]
    assert place.stat().st_mode & 0o777 == 0o644


def test_readers_know_the_signers_of_an_installed_list(place: Path, tmp_path: Path) -> None:
    signed = signed_ai(image_file())
    assert only(signed, place).code == "unknown_signer_ai"
    (tmp_path / "mine.pem").write_bytes(trust_list_pem())
    run("--from", tmp_path / "mine.pem")
    assert only(signed, place).code == "signed_ai"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a list of certificates"),
        (b"<html>Sign in to this network</html>", "not a list of certificates"),
        (trust_list_pem()[:200], "not a list of certificates"),
        (trust_list_pem() + b"-----BEGIN PRIVATE KEY-----", "a private key in it"),
        (b"#" * (MOST_BYTES + 1), "larger than 4 MB"),
    ],
    ids=["empty", "a page", "cut off", "a key", "too large"],
)
def test_what_is_no_list_changes_nothing(
    content: bytes, reason: str, place: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.pem").write_bytes(trust_list_pem())
    run("--from", tmp_path / "mine.pem")
    (tmp_path / "other.pem").write_bytes(content)
    with pytest.raises(CommandError, match=f"nothing was changed.*{reason}") as caught:
        run("--from", tmp_path / "other.pem")
    assert "cryptography" not in str(caught.value)
    assert place.read_bytes() == trust_list_pem()
    with pytest.raises(CommandError, match="cannot be read"):
        run("--from", tmp_path / "none.pem")


def test_a_place_that_cannot_be_written_is_named(place: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.pem").write_bytes(trust_list_pem())
    place.parent.write_text("a file where the folder should be")
    with pytest.raises(CommandError, match=r"cannot be written.*C2PA_TRUST_LIST"):
        run("--from", tmp_path / "mine.pem")


# -- fetching --------------------------------------------------------------------------------


class Silent(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing of it."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an https server on this machine that has the list at /list.pem."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "list.pem").write_bytes(trust_list_pem())
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    command += " -addext subjectAltName=DNS:localhost -keyout key.pem -out server.crt"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.crt"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "key.pem")
    handler = functools.partial(Silent, directory=str(folder))
    with http.server.ThreadingHTTPServer(("localhost", free_port()), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_list_is_fetched_over_https(place: Path, shelf: str) -> None:
    assert "Test Root · Test Root Ltd, until 20" in run("--fetch", "--url", f"{shelf}/list.pem")
    assert place.read_bytes() == trust_list_pem()
    with pytest.raises(CommandError, match=r"nothing was changed.*answered with 404"):
        run("--fetch", "--url", f"{shelf}/none.pem")
    assert place.read_bytes() == trust_list_pem()


def test_without_a_network_it_says_what_is_missing_and_the_way_out(place: Path) -> None:
    address = f"https://localhost:{free_port()}/list.pem"
    with pytest.raises(CommandError, match=f"{address} could not be fetched.*--from FILE"):
        run("--fetch", "--url", address)
    with pytest.raises(CommandError, match="Only https://"):
        run("--fetch", "--url", "http://example.org/list.pem")
    assert not place.exists()
