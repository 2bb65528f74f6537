"""Packs a version into one file, the same version into the same bytes, and unpacks it, verified."""

import hashlib
import json
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path
from typing import IO, Any

from detection.ml_gateway import GatewayError
from detection.models import ModelVersion

FORMAT = "veripix-version"
FORMAT_VERSION, OLDEST_VERSION = 1, 1
MANIFEST, SPEC, EVALUATIONS, CARD = (
    "manifest.json",
    "spec.json",
    "evaluations.json",
    "MODEL_CARD.md",
)
# A zip knows no zone and nothing before 1980; one moment for all makes the same version one file.
MOMENT = (1980, 1, 1, 0, 0, 0)
PIECE = 1 << 20
# A text that is larger than this is none of ours.
ARCHIVE_STARTS = b"PK\x03\x04"
MAX_TEXT_BYTES = 20_000_000


class ImportRefused(Exception):
    """A file is no version that can be taken in; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def version_pack(*, version: ModelVersion, target: IO[bytes]) -> None:
    """Write a version, whose files were verified, as one file."""
    texts = {SPEC: _json(version.spec), EVALUATIONS: _json(_records(version))}
    files = _files(version)
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "name": version.model.name,
        "number": version.number,
        "track": version.model.track,
        "registered_at": version.created_at.isoformat(timespec="seconds"),
        "files": {name: _described(text) for name, text in texts.items()}
        | {path.name: _described_file(path) for path in files},
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {MANIFEST: _json(manifest), **texts}.items():
            archive.writestr(_entry(name), text)
        for path in files:
            with archive.open(_entry(path.name), "w") as entry, path.open("rb") as file:
                while piece := file.read(PIECE):
                    entry.write(piece)


def version_unpack(*, source: IO[bytes], folder: Path, most_bytes: int) -> dict[str, Any]:
    """Write the archive's files into the folder, each as its manifest says, and nothing else.

    Args:
        source: The archive.
        folder: An empty one.
        most_bytes: That weights and graph may take, unpacked.

    Returns:
        The manifest.

    Raises:
        ImportRefused: `not_a_version`, `newer_format`, `unsafe_entry`, `too_large`, `damaged_file`.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            _check_entries(archive, most_bytes)
            manifest = _manifest(archive)
            for name, described in manifest["files"].items():
                _unpack(archive, name, described, folder / name)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError) as error:
        raise _unreadable(source) from error
    return manifest


def _files(version: ModelVersion) -> list[Path]:
    spec = version.spec
    names = [spec["weights_file"], spec["graph_file"] if spec.get("graph_sha256") else "", CARD]
    paths = [version.directory / name for name in names if name]
    return [path for path in paths if path.is_file()]


def _records(version: ModelVersion) -> list[dict[str, Any]]:
    rows = version.evaluations.select_related("dataset", "snapshot").order_by("pk")
    return [
        {
            "data": str(row.dataset or row.snapshot),
            "data_sha256": row.data_sha256,
            "record": row.record,
        }
        for row in rows
    ]


def _unreadable(source: IO[bytes]) -> ImportRefused:
    """Tell an archive that was cut off or changed on its way from a file of another kind."""
    source.seek(0)
    if source.read(len(ARCHIVE_STARTS)) == ARCHIVE_STARTS:
        return ImportRefused(
            "damaged_file", "The file is not whole or was changed on its way: export it once more."
        )
    return ImportRefused("not_a_version", "This is no file that Veripix has exported.")


def _check_entries(archive: zipfile.ZipFile, most_bytes: int) -> None:
    """Look at the names and sizes alone, before anything is unpacked."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if MANIFEST not in names:
        raise ImportRefused("not_a_version", "This is no file that Veripix has exported.")
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if not _is_plain(entry.filename) or kind not in (0, stat.S_IFREG) or entry.flag_bits & 1:
            raise ImportRefused(
                "unsafe_entry",
                f"The file holds an entry that none of ours does: {entry.filename!r}.",
            )
    most = most_bytes + 2 * MAX_TEXT_BYTES
    if len(set(names)) != len(names) or len(names) > 10 or _size(entries) > most:
        raise ImportRefused(
            "too_large",
            f"A version takes at most {most_bytes // 1_000_000} MB, and has each of its files "
            "once.",
        )


def _size(entries: list[zipfile.ZipInfo]) -> int:
    return sum(entry.file_size for entry in entries)


def _is_plain(name: str) -> bool:
    return bool(name) and not ({"/", "\\", ":", "\0"} & set(name)) and not name.startswith(".")


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Return the manifest, having checked everything that is read of it later."""
    with archive.open(MANIFEST) as file:
        text = file.read(MAX_TEXT_BYTES)
    try:
        manifest = json.loads(text)
        version = manifest["format_version"]
        is_ours = manifest["format"] == FORMAT and isinstance(version, int)
    except (ValueError, KeyError, TypeError):
        is_ours = False
    if not is_ours:
        raise ImportRefused("not_a_version", "This is no file that Veripix has exported.")
    if version < OLDEST_VERSION:
        raise ImportRefused(
            "older_format",
            f"The file has format {version}; this installation reads {OLDEST_VERSION} and newer. "
            "Export it again with a newer Veripix.",
        )
    if version > FORMAT_VERSION:
        raise ImportRefused(
            "newer_format",
            f"The file has format {version}; this installation reads up to {FORMAT_VERSION}. "
            "Update it first.",
        )
    _check_fields(manifest)
    return dict(manifest)


def _check_fields(manifest: dict[str, Any]) -> None:
    files, listed = manifest.get("files"), ("name", "track", "registered_at")
    is_whole = (
        isinstance(files, dict)
        and {SPEC, EVALUATIONS} <= files.keys()
        and all(_is_plain(name) and _is_described(files[name]) for name in files)
        and all(isinstance(manifest.get(field), str) for field in listed)
        and isinstance(manifest.get("number"), int)
    )
    if not is_whole:
        raise ImportRefused("damaged_file", "The file's manifest is not whole.")


def _is_described(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("sha256"), str)
        and isinstance(value.get("bytes"), int)
    )


def _unpack(archive: zipfile.ZipFile, name: str, described: dict[str, Any], target: Path) -> None:
    """Write one entry, never more of it than was announced, and compare its hash."""
    digest, left = hashlib.sha256(), described["bytes"]
    try:
        with archive.open(name) as entry, target.open("xb") as file:
            while piece := entry.read(min(PIECE, left + 1)):
                left -= len(piece)
                if left < 0:
                    break
                digest.update(piece)
                file.write(piece)
    except KeyError as error:
        raise ImportRefused("damaged_file", f"The file lacks {name}.") from error
    if left or digest.hexdigest() != described["sha256"]:
        raise ImportRefused("damaged_file", f"{name} in the file is not what its manifest says.")


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, MOMENT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.create_system = 3
    return entry


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _described(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _described_file(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "bytes": path.stat().st_size}


def copy_whole(source: Path, target: Path) -> None:
    """Copy a folder so that `target` is never seen half-written.

    Raises:
        GatewayError: `not_stored`, when the disk is full or the folder cannot be written.
    """
    try:
        _copy(source, target)
    except OSError as error:
        reason = error.strerror or "a file cannot be written"
        raise GatewayError(
            "not_stored", f"The version's files cannot be stored: {reason}."
        ) from error


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".copy-", dir=target.parent) as draft:
        copy = Path(draft) / "version"
        shutil.copytree(source, copy)
        if target.exists():
            target.rename(Path(draft) / "damaged")
        copy.rename(target)
