"""A model on disk is a folder of weights, graph and `spec.json`, hashed before it is loaded."""

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING

from ml import architectures, checkpoints
from ml.contract import FORMAT_VERSION, ModelSpec
from ml.errors import ArtifactError, ContractError

if TYPE_CHECKING:
    import keras

__all__ = [
    "ArtifactError",
    "add_graph",
    "load_network",
    "read_graph",
    "read_spec",
    "require_network",
    "save",
    "verify",
    "write_text",
]

SPEC_FILE = "spec.json"


def read_spec(directory: Path) -> ModelSpec:
    """Return the spec of a stored model, without TensorFlow and without reading the weights.

    Raises:
        ArtifactError: `missing_spec`, `invalid_spec`, `newer_format` or `unknown_architecture`.
    """
    path = directory / SPEC_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ArtifactError(
            "missing_spec", f"There is no model in {directory}: {SPEC_FILE} cannot be read."
        ) from error
    try:
        _check_format(text)
        spec = ModelSpec.from_json(text)
        architectures.find(spec.architecture)
    except ContractError as error:
        code = error.code if error.code == "unknown_architecture" else "invalid_spec"
        raise ArtifactError(code, f"The model in {directory} cannot be used: {error}") from error
    return spec


def verify(directory: Path) -> ModelSpec:
    """Return the spec, having checked that weights and graph are those it names; no TensorFlow.

    Raises:
        ArtifactError: As `read_spec`, and `missing_weights`, `missing_graph` or `hash_mismatch`.
    """
    return read_graph(directory)[0]


def read_graph(directory: Path) -> tuple[ModelSpec, bytes | None]:
    """Return the spec and the compiled graph, `None` where there is none, without TensorFlow.

    Raises:
        ArtifactError: As `verify`.
    """
    spec = read_spec(directory)
    with _opened(directory / spec.weights_file, "weights") as file:
        _require_hash(file, hashlib.file_digest(file, "sha256").hexdigest(), spec.weights_sha256)
    if not spec.graph_sha256:
        return spec, None
    with _opened(directory / spec.graph_file, "graph") as file:
        # What is returned is what was checked, whatever happens to the file meanwhile.
        graph = file.read()
        _require_hash(file, _sha256(graph), spec.graph_sha256)
    return spec, graph


def load_network(directory: Path) -> tuple[ModelSpec, "keras.Model"]:
    """Return the spec and the float32 network of a stored model, verified first.

    Raises:
        ArtifactError: As `verify`, `not_a_network` for a model of the photo track, and
            `invalid_weights` when they do not fit the architecture.
    """
    spec = verify(directory)
    require_network(spec)
    try:
        network = architectures.build(
            spec.architecture, spec.architecture_options, input_size=spec.input_size
        )
        network.load_weights(directory / spec.weights_file)
        network.get_layer(spec.gradcam_layer)
    except (ContractError, ValueError, OSError, KeyError) as error:
        raise ArtifactError(
            "invalid_weights",
            f"The weights in {directory} do not fit the architecture, options and layer that their "
            "spec names.",
        ) from error
    return spec, network


def require_network(spec: ModelSpec) -> None:
    """Refuse a model of the photo track where a network is to be built: `not_a_network`."""
    if not architectures.find(spec.architecture).is_network:
        raise ArtifactError(
            "not_a_network",
            f"{spec.name} was fitted to pictures and has no network of its own: only `predict`, "
            "`explain` and `evaluate` take such a model.",
        )


def save(
    directory: Path,
    spec: ModelSpec,
    write_weights: Callable[[Path], object],
    *,
    graph: bytes | None = None,
) -> ModelSpec:
    """Store a model whole or not at all, replacing what was there.

    Args:
        directory: The model's folder; its parent is made if need be. A stored model that is there
            already is replaced, its card too.
        spec: Its hashes are filled in here.
        write_weights: Writes the weights to the path that it is given.
        graph: The compiled graph of the same weights, from `ml.compiling`.

    Returns:
        The spec as stored.

    Raises:
        ArtifactError: `not_a_model` when something else is there, which is left alone;
            `model_not_written`, in which case what was there before is still whole.
    """
    check_place(directory)
    try:
        return _saved(directory, spec, write_weights, graph)
    except OSError as error:
        raise ArtifactError(
            "model_not_written",
            f"The model cannot be written to {directory}. Received: {error.strerror or error}.",
        ) from error


def check_place(directory: Path) -> None:
    """Refuse to write a model over anything but a model or an empty folder.

    Raises:
        ArtifactError: `not_a_model`.
    """
    if not directory.exists():
        return
    if directory.is_dir():
        names = {path.name for path in directory.iterdir()}
        if not names or (SPEC_FILE in names and checkpoints.FILE_NAME not in names):
            return
    raise ArtifactError(
        "not_a_model",
        f"A model can replace a stored model or an empty folder alone. Received: {directory}, "
        "which holds something else.",
    )


def _saved(
    directory: Path, spec: ModelSpec, write_weights: Callable[[Path], object], graph: bytes | None
) -> ModelSpec:
    directory.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        write_weights(fresh / spec.weights_file)
        if graph is not None:
            (fresh / spec.graph_file).write_bytes(graph)
        with (fresh / spec.weights_file).open("rb") as file:
            weights_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        stored = dataclasses.replace(
            spec, weights_sha256=weights_sha256, graph_sha256=_sha256(graph) if graph else ""
        )
        (fresh / SPEC_FILE).write_text(stored.to_json(), encoding="utf-8")
        fresh.chmod(0o755)
        _put_in_place(fresh, directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return stored


def add_graph(directory: Path, spec: ModelSpec, graph: bytes) -> ModelSpec:
    """Put a compiled graph beside a stored model's weights and return the spec that names it."""
    stored = dataclasses.replace(spec, graph_sha256=_sha256(graph))
    temporary = directory / f".{spec.graph_file}.{os.getpid()}"
    temporary.write_bytes(graph)
    temporary.replace(directory / spec.graph_file)
    write_text(directory / SPEC_FILE, stored.to_json())
    return stored


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _check_format(text: str) -> None:
    """Look at the version first: a newer format may well have fields unknown here."""
    try:
        version = json.loads(text).get("format_version")
    except (ValueError, AttributeError):
        return  # not a JSON object; the spec's own parser says so
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ArtifactError(
            "newer_format",
            f"The model has format {version}; this version reads up to {FORMAT_VERSION}.",
        )


def _opened(path: Path, kind: str) -> BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise ArtifactError(
            f"missing_{kind}", f"The {kind} file {path} is missing or cannot be read."
        ) from error


def _require_hash(file: BufferedReader, found: str, wanted: str) -> None:
    if found != wanted:
        raise ArtifactError(
            "hash_mismatch",
            f"The file {file.name} is not the one of its spec. Received: sha256 {found}.",
        )


def _put_in_place(fresh: Path, directory: Path) -> None:
    if not directory.exists():
        fresh.replace(directory)
        return
    old = fresh.with_name(fresh.name + ".old")
    directory.replace(old)
    try:
        fresh.replace(directory)
    except OSError:
        old.replace(directory)
        raise
    shutil.rmtree(old)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
