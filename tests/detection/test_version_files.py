"""A version travels as one file; a file that is none of ours leaves nothing behind."""

import io
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from pytest_django import Settings

from detection.models import AuditEvent, Evaluation, ModelVersion, Promotion, RegisteredModel
from detection.services.evaluations import evaluations_make
from detection.services.signatures import version_verify
from detection.services.version_files import (
    ImportRefused,
    file_name_of,
    version_export,
    version_import,
)
from portal.models import User
from tests import sealed

Entries = dict[str, bytes]


@pytest.fixture
def exported(model: ModelVersion) -> bytes:
    """The champion as one file, judged before; afterwards this installation knows nothing of it."""
    sealed.dataset()
    evaluations_make(version=model)
    return packed(model)


@pytest.fixture
def elsewhere(exported: bytes, tmp_path: Path, settings: Settings) -> bytes:
    """The same file, in an installation without any model."""
    forget(tmp_path / "elsewhere", settings)
    return exported


def forget(folder: Path, settings: Settings) -> None:
    Evaluation.objects.all().delete()
    RegisteredModel.objects.update(champion=None)
    Promotion.objects.all().delete()
    ModelVersion.objects.all().delete()
    RegisteredModel.objects.all().delete()
    settings.MODELS_ROOT = folder
    settings.SECRET_KEY = "of another installation"


def packed(version: ModelVersion) -> bytes:
    target = io.BytesIO()
    version_export(version=version, target=target)
    return target.getvalue()


def entries(content: bytes) -> Entries:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rezipped(parts: Entries) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def with_manifest(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    parts = entries(content)
    manifest = json.loads(parts["manifest.json"])
    change(manifest)
    return rezipped({**parts, "manifest.json": json.dumps(manifest).encode()})


def refused(content: bytes) -> str:
    before = ModelVersion.objects.count()
    files = sorted(Path(settings.MODELS_ROOT).rglob("*"))
    with pytest.raises(ImportRefused) as caught:
        version_import(source=io.BytesIO(content))
    assert caught.value.sentence.endswith(".")
    assert ModelVersion.objects.count() == before
    assert [path for path in sorted(Path(settings.MODELS_ROOT).rglob("*")) if path.is_file()] == [
        path for path in files if path.is_file()
    ]
    return caught.value.code


def test_the_same_version_makes_the_same_file(model: ModelVersion, exported: bytes) -> None:
    assert packed(model) == exported
    parts = entries(exported)
    assert set(parts) == {
        *("manifest.json", "spec.json", "evaluations.json", "weights.weights.h5", "graph.tflite")
    }
    manifest = json.loads(parts["manifest.json"])
    assert (manifest["name"], manifest["number"], manifest["track"]) == ("colours", 1, "thumbnail")
    (judged,) = json.loads(parts["evaluations.json"])
    assert (judged["data"], judged["record"]["accuracy"]) == ("Sealed", 1.0)
    assert file_name_of(model) == "colours-1.veripix.zip"


def test_it_is_taken_in_signed_anew_with_its_origin(elsewhere: bytes, admin: User) -> None:
    version = version_import(source=io.BytesIO(elsewhere), user=admin)
    assert version.label == "colours 1"
    assert version.origin.startswith("colours 1, registered 20")
    version_verify(version=version)
    version.model.refresh_from_db()
    assert version.model.champion is None
    assert (version.directory / "evaluations.json").is_file()
    event = AuditEvent.objects.get(action="version_register", user=admin)
    assert event.details["origin"] == version.origin


def test_it_becomes_the_next_version_of_its_name(elsewhere: bytes, tmp_path: Path) -> None:
    sealed.version(tmp_path / "first", strength=2.0)
    assert version_import(source=io.BytesIO(elsewhere)).label == "colours 2"


def test_what_is_here_already_is_told(exported: bytes) -> None:
    assert refused(exported) == "known_version"


def test_a_version_that_was_tampered_with_does_not_leave(model: ModelVersion) -> None:
    from detection.ml_gateway import GatewayError

    (weights,) = model.directory.glob("*.h5")
    weights.write_bytes(b"nonsense")
    with pytest.raises(GatewayError):
        packed(model)


@pytest.mark.parametrize("content", [b"", b"this is text", b"PK"])
def test_what_is_no_zip_is_refused(elsewhere: bytes, content: bytes) -> None:
    assert refused(content) == "not_a_version"


def test_any_other_zip_is_refused(elsewhere: bytes) -> None:
    assert refused(rezipped({"holiday.jpg": b"1"})) == "not_a_version"
    assert refused(rezipped({"manifest.json": b"[]"})) == "not_a_version"
    assert refused(rezipped({"manifest.json": b"{"})) == "not_a_version"
    assert refused(rezipped({"manifest.json": b"\xff\xfe"})) == "not_a_version"


def test_half_a_file_is_refused(elsewhere: bytes) -> None:
    assert refused(elsewhere[: len(elsewhere) // 2]) == "damaged_file"
    assert refused(elsewhere[:4]) == "damaged_file"


def test_a_flipped_bit_is_noticed(elsewhere: bytes) -> None:
    parts = entries(elsewhere)
    weights = parts["weights.weights.h5"]
    parts["weights.weights.h5"] = weights[:-1] + bytes([weights[-1] ^ 1])
    assert refused(rezipped(parts)) == "damaged_file"


def test_weights_that_the_manifest_was_changed_for_are_noticed_too(elsewhere: bytes) -> None:
    import hashlib

    parts = entries(elsewhere)
    parts["weights.weights.h5"] += b"\0"
    content = parts["weights.weights.h5"]

    def change(manifest: dict[str, Any]) -> None:
        manifest["files"]["weights.weights.h5"] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
        }

    assert refused(with_manifest(rezipped(parts), change)) == "hash_mismatch"


def test_a_missing_entry_is_noticed(elsewhere: bytes) -> None:
    parts = entries(elsewhere)
    del parts["weights.weights.h5"]
    assert refused(rezipped(parts)) == "damaged_file"


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "a/b", "..\\outside", "C:evil", ".hidden"]
)
def test_a_path_that_leads_out_is_refused(elsewhere: bytes, name: str, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    assert refused(rezipped({**entries(elsewhere), name: b"x"})) == "unsafe_entry"

    def change(manifest: dict[str, Any]) -> None:
        manifest["files"][name] = {"sha256": "0" * 64, "bytes": 1}

    assert refused(with_manifest(elsewhere, change)) == "damaged_file"
    assert set(tmp_path.rglob("*")) == before


def test_a_link_is_refused(elsewhere: bytes) -> None:
    target = io.BytesIO(elsewhere)
    with zipfile.ZipFile(target, "a") as archive:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    assert refused(target.getvalue()) == "unsafe_entry"


def test_a_bomb_is_refused_before_it_is_unpacked(elsewhere: bytes, settings: Settings) -> None:
    settings.GATE_MAX_MEGABYTES = 1
    bomb = rezipped({**entries(elsewhere), "weights.weights.h5": bytes(60_000_000)})
    assert len(bomb) < 1_000_000
    assert refused(bomb) == "too_large"


def test_an_entry_that_is_longer_than_the_manifest_says_is_not_read_to_its_end(
    elsewhere: bytes,
) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["files"]["graph.tflite"]["bytes"] -= 1

    assert refused(with_manifest(elsewhere, change)) == "damaged_file"


@pytest.mark.parametrize(
    ("version", "code"),
    [(2, "newer_format"), (0, "older_format"), ("1", "not_a_version"), (None, "not_a_version")],
)
def test_another_format_is_told(elsewhere: bytes, version: object, code: str) -> None:
    assert refused(with_manifest(elsewhere, lambda m: m.update(format_version=version))) == code


@pytest.mark.parametrize("field", ["name", "number", "track", "registered_at", "files"])
def test_a_manifest_that_is_not_whole_is_refused(elsewhere: bytes, field: str) -> None:
    assert refused(with_manifest(elsewhere, lambda m: m.pop(field))) == "damaged_file"
    assert refused(with_manifest(elsewhere, lambda m: m.update({field: None}))) == "damaged_file"


def test_a_name_that_is_not_the_specs_is_refused(elsewhere: bytes) -> None:
    assert refused(with_manifest(elsewhere, lambda m: m.update(name="other"))) == "damaged_file"


def test_a_full_disk_is_told(elsewhere: bytes, settings: Settings, tmp_path: Path) -> None:
    blocked = tmp_path / "a file, no folder"
    blocked.write_bytes(b"")
    settings.MODELS_ROOT = blocked
    with pytest.raises(ImportRefused) as caught:
        version_import(source=io.BytesIO(elsewhere))
    assert caught.value.code == "not_stored"
    assert not ModelVersion.objects.exists()


# -- the terminal ----------------------------------------------------------------------------------


def test_commands_write_and_read_the_file(
    model: ModelVersion, tmp_path: Path, settings: Settings
) -> None:
    file, told = tmp_path / "colours.zip", io.StringIO()
    call_command("export_version", "colours:1", str(file), stdout=told)
    assert told.getvalue() == f"Wrote colours 1 to {file}.\n"
    assert file.read_bytes() == packed(model)
    with pytest.raises(CommandError, match="exists already"):
        call_command("export_version", "colours:1", str(file))
    with pytest.raises(CommandError, match="here already"):
        call_command("import_version", str(file))
    forget(tmp_path / "elsewhere", settings)
    told = io.StringIO()
    call_command("import_version", str(file), stdout=told)
    assert told.getvalue() == "Registered colours 1. It waits for its promotion.\n"
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_version", str(tmp_path / "nothing.zip"))
    with pytest.raises(CommandError, match="no model version"):
        call_command("export_version", "colours:9", str(tmp_path / "nine.zip"))
    assert not (tmp_path / "nine.zip").exists()
