"""`manage.py import_dataset` imports a folder, a zip or what is at an https address."""

import http.server
import io
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from detection import fetching
from detection.fetching import FetchFailed, fetch
from detection.models import Dataset, DatasetImport, Item, ItemState
from tests import labelled
from tests.servers import free_port

pytestmark = pytest.mark.django_db


def run(*arguments: object, **options: object) -> tuple[str, str]:
    """What the command writes to its output and its errors."""
    out, err = io.StringIO(), io.StringIO()
    call_command("import_dataset", *map(str, arguments), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_it_makes_the_dataset_and_fills_it(tmp_path: Path) -> None:
    path = labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(3))
    out, _ = run("CIFAKE test", path, "--role", "test", "--source", "CIFAKE")
    assert out == "CIFAKE test: 6 added, 0 copies, 0 refused.\n"
    dataset = Dataset.objects.get(name="CIFAKE test", role="test")
    assert dataset.items.filter(state=ItemState.ACCEPTED, source="CIFAKE").count() == 6
    out, _ = run("CIFAKE test", path)
    assert out == "CIFAKE test: 0 added, 6 copies, 0 refused.\n"


def test_what_was_refused_is_named(tmp_path: Path) -> None:
    files = {**labelled.class_folders(1), **{f"REAL/{n}.txt": b"x" for n in range(12)}}
    out, err = run("Mine", labelled.write_folder(tmp_path / "mine", files), "--unreviewed")
    assert out == "Mine: 2 added, 0 copies, 12 refused.\n"
    assert err.splitlines()[-1] == "... and 2 more."
    assert len(err.splitlines()) == 11
    assert Item.objects.waiting().count() == 2


def test_a_folder_without_class_folders_is_given_its_label(tmp_path: Path) -> None:
    folder = labelled.write_folder(tmp_path / "mine", {"a.png": labelled.file(1)})
    run("Mine", folder, "--label", "fake")
    assert Item.objects.get().label == "fake"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Mine"], "Give either a PATH or --url."),
        (["Mine", "a.zip", "--url", "https://example.org/a.zip"], "Give either"),
        (["Mine", "no-such-folder"], "There is nothing at"),
        (["Mine", "--url", "http://example.org/a.zip"], "Only https://"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)
    assert not DatasetImport.objects.exists()


def test_a_dataset_keeps_its_role(tmp_path: Path) -> None:
    labelled.dataset("Mine")
    with pytest.raises(CommandError, match="there already, as Training"):
        run("Mine", labelled.write_folder(tmp_path / "a", {"x": b""}), "--role", "test")


def test_a_failed_import_ends_the_command_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(CommandError, match=r"not a zip archive.*\(0 added"):
        run("Mine", tmp_path / "a.zip")


# -- from an address -------------------------------------------------------------------------


class Shelf(http.server.BaseHTTPRequestHandler):
    """Serves one file, and breaks off after `most` bytes of each answer."""

    content = b""
    most = 10**9
    knows_parts = True
    asked: list[str] = []

    def do_GET(self) -> None:
        """Answer with the file, or with the part that is asked for."""
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "http://localhost/a.zip")
            self.end_headers()
            return
        start = 0
        asked = self.headers.get("Range", "")
        self.asked.append(asked)
        if asked and self.knows_parts:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200 if self.path == "/a.zip" else 404)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        self.wfile.write(self.content[start : start + self.most])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of a server on this machine."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    command += " -addext subjectAltName=DNS:localhost -keyout server.pem -out server.crt"
    subprocess.run(
        command.split(),
        cwd=path.parent,
        check=True,
        capture_output=True,
    )
    with path.open("ab") as file:
        file.write(path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def shelf(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that has `Shelf.content` at /a.zip."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with served(certificate) as address:
        yield address


@contextmanager
def served(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    Shelf.asked.clear()
    with http.server.ThreadingHTTPServer(("localhost", free_port()), Shelf) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def fetched(address: str, most_bytes: int = 10**6) -> bytes:
    """What is at the address."""
    target = io.BytesIO()
    fetch(address, target, most_bytes=most_bytes, progress=lambda there, total: None)
    return target.getvalue()


def test_a_zip_at_an_address_is_imported(
    shelf: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(3))
    monkeypatch.setattr(Shelf, "content", path.read_bytes())
    out, _ = run("Mine", "--url", f"{shelf}/a.zip")
    assert out == "Mine: 6 added, 0 copies, 0 refused.\n"


@pytest.mark.parametrize("knows_parts", [True, False])
def test_a_broken_connection_is_taken_up_again(
    shelf: str, monkeypatch: pytest.MonkeyPatch, knows_parts: bool
) -> None:
    content = bytes(range(256)) * 10
    monkeypatch.setattr(Shelf, "content", content)
    monkeypatch.setattr(Shelf, "knows_parts", knows_parts)
    monkeypatch.setattr(Shelf, "most", 1000)
    if knows_parts:
        assert fetched(f"{shelf}/a.zip") == content
        assert Shelf.asked == ["", "bytes=1000-", "bytes=2000-"]
        return
    with pytest.raises(FetchFailed) as failed:
        fetched(f"{shelf}/a.zip")
    assert failed.value.code == "unreachable"
    assert len(Shelf.asked) == fetching.TRIES


def test_an_address_without_a_file_too_large_or_unsafe_is_told(
    shelf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shelf, "content", bytes(2000))
    reasons = {
        "/none": "refused_by_server",
        "/a.zip": "file_too_large",
        "/elsewhere": "not_https",
    }
    for path, code in reasons.items():
        with pytest.raises(FetchFailed) as failed:
            fetched(f"{shelf}{path}", 1000)
        assert failed.value.code == code


def test_without_a_network_the_address_and_the_way_out_are_named(settings: Settings) -> None:
    address = f"https://localhost:{free_port()}/a.zip"
    with pytest.raises(CommandError, match=f"{address} could not.*the path of the file"):
        run("Mine", "--url", address)
    assert not Dataset.objects.exists()
