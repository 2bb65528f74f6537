"""A model on disk is a folder of weights and `spec.json`, checked by hash before it is loaded."""

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ml import architectures
from ml.contract import FORMAT_VERSION, ModelSpec
from ml.errors import ArtifactError, ContractError

if TYPE_CHECKING:
    import keras

__all__ = ["ArtifactError", "load_network", "read_spec", "save", "verify"]

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


def verify(directory: Path) -> None:
    """Check that the weights are there and are those of the spec, without TensorFlow.

    Raises:
        ArtifactError: As `read_spec`, and `missing_weights` or `hash_mismatch`.
    """
    _verified(directory)


def load_network(directory: Path) -> tuple[ModelSpec, "keras.Model"]:
    """Return the spec and the float32 network of a stored model, verified first.

    Raises:
        ArtifactError: As `verify`, and `invalid_weights` when they do not fit the architecture.
    """
    spec = _verified(directory)
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


def save(directory: Path, spec: ModelSpec, write_weights: Callable[[Path], object]) -> ModelSpec:
    """Store a model whole or not at all, replacing what was there.

    Args:
        directory: The model's folder; its parent is made if need be. Other files in an existing
            folder (a model card) are not kept.
        spec: Its `weights_sha256` is filled in here.
        write_weights: Writes the weights to the path that it is given.

    Returns:
        The spec as stored.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        write_weights(fresh / spec.weights_file)
        stored = dataclasses.replace(spec, weights_sha256=_sha256(fresh / spec.weights_file))
        (fresh / SPEC_FILE).write_text(stored.to_json(), encoding="utf-8")
        fresh.chmod(0o755)
        _put_in_place(fresh, directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
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


def _verified(directory: Path) -> ModelSpec:
    spec = read_spec(directory)
    path = directory / spec.weights_file
    if not path.is_file():
        raise ArtifactError("missing_weights", f"The weights file {path} is missing.")
    found = _sha256(path)
    if found != spec.weights_sha256:
        raise ArtifactError(
            "hash_mismatch",
            f"The weights file {path} is not the one of its spec. Received: sha256 {found}.",
        )
    return spec


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
