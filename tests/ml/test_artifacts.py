"""A stored model is whole, the right one, and one that this version can run - or a clear error."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ml import artifacts
from ml.artifacts import ArtifactError
from ml.contract import ModelSpec
from ml.inference import Detector


@pytest.fixture
def copy(model_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_dir, tmp_path / "copy"))


def code_of(directory: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        artifacts.verify(directory)
    assert caught.value.sentence.endswith(".")
    return caught.value.code


def edit_spec(directory: Path, **changes: object) -> None:
    path = directory / artifacts.SPEC_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_whole_model_verifies_and_loads(copy: Path) -> None:
    artifacts.verify(copy)
    spec, network = artifacts.load_network(copy)
    assert spec == artifacts.read_spec(copy)
    assert network.count_params() > 0


def test_a_missing_model_is_told(tmp_path: Path) -> None:
    assert code_of(tmp_path / "none") == "missing_spec"


def test_missing_weights_are_told(copy: Path) -> None:
    (copy / "weights.weights.h5").unlink()
    assert code_of(copy) == "missing_weights"


def test_one_changed_byte_is_found_before_anything_is_loaded(copy: Path) -> None:
    path = copy / "weights.weights.h5"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert code_of(copy) == "hash_mismatch"
    with pytest.raises(ArtifactError, match="not the one of its spec"):
        artifacts.load_network(copy)


def test_a_missing_graph_is_told(copy: Path) -> None:
    (copy / "graph.tflite").unlink()
    assert code_of(copy) == "missing_graph"


def test_a_tampered_graph_is_refused_like_tampered_weights(copy: Path) -> None:
    path = copy / "graph.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert code_of(copy) == "hash_mismatch"
    with pytest.raises(ArtifactError, match=r"graph\.tflite is not the one of its spec"):
        Detector.load(copy)


def test_a_graph_that_the_spec_does_not_name_is_not_run(copy: Path) -> None:
    edit_spec(copy, graph_sha256="")
    (copy / "graph.tflite").write_bytes(b"laid there by somebody")
    _, graph = artifacts.read_graph(copy)
    assert graph is None


def test_a_spec_from_before_the_graphs_is_read(copy: Path) -> None:
    path = copy / artifacts.SPEC_FILE
    fields = json.loads(path.read_text())
    del fields["graph_file"], fields["graph_sha256"]
    path.write_text(json.dumps(fields))
    artifacts.verify(copy)


def test_a_newer_format_is_told_even_if_its_fields_are_unknown(copy: Path) -> None:
    edit_spec(copy, format_version=2, a_field_of_the_future=1)
    assert code_of(copy) == "newer_format"


def test_an_unknown_architecture_is_told(copy: Path) -> None:
    edit_spec(copy, architecture="vgg")
    assert code_of(copy) == "unknown_architecture"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"name": "x"}'])
def test_a_spec_that_is_none_is_told(copy: Path, text: str) -> None:
    (copy / artifacts.SPEC_FILE).write_text(text)
    assert code_of(copy) == "invalid_spec"


@pytest.mark.parametrize(
    "changes", [{"architecture_options": {"width": 5}}, {"gradcam_layer": "elsewhere"}]
)
def test_weights_that_do_not_fit_their_spec_are_told(
    copy: Path, changes: dict[str, object]
) -> None:
    edit_spec(copy, **changes)
    with pytest.raises(ArtifactError) as caught:
        artifacts.load_network(copy)
    assert caught.value.code == "invalid_weights"


def test_saving_fills_in_the_hash_and_leaves_nothing_else(spec: ModelSpec, tmp_path: Path) -> None:
    stored = artifacts.save(tmp_path / "new", spec, lambda path: path.write_bytes(b"weights"))
    artifacts.verify(tmp_path / "new")
    assert stored.weights_sha256 != spec.weights_sha256
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_saving_replaces_what_was_there(spec: ModelSpec, copy: Path) -> None:
    artifacts.save(copy, spec, lambda path: path.write_bytes(b"other weights"))
    assert (copy / "weights.weights.h5").read_bytes() == b"other weights"
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


def test_a_failed_save_leaves_the_old_model_as_it_was(spec: ModelSpec, copy: Path) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half of it")
        raise OSError("No space left on device")

    with pytest.raises(ArtifactError, match="No space left"):
        artifacts.save(copy, spec, fail)
    artifacts.verify(copy)
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


def test_saved_weights_come_back_as_they_were(spec: ModelSpec, copy: Path, tmp_path: Path) -> None:
    _, network = artifacts.load_network(copy)
    artifacts.save(tmp_path / "again", spec, network.save_weights)
    _, again = artifacts.load_network(tmp_path / "again")
    for before, after in zip(network.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def saved(spec: ModelSpec, place: Path) -> ModelSpec:
    """Store something in the place of weights."""
    return artifacts.save(place, spec, lambda path: path.write_bytes(b"weights"))


def test_a_model_takes_the_place_of_a_model(copy: Path) -> None:
    stored = saved(artifacts.read_spec(copy), copy)
    assert artifacts.verify(copy) == stored


@pytest.mark.parametrize("name", ["notes.txt", "sub/notes.txt", "checkpoint.npz"])
def test_what_is_no_model_is_left_alone(copy: Path, tmp_path: Path, name: str) -> None:
    place = tmp_path / "precious"
    kept = place / name
    kept.parent.mkdir(parents=True)
    kept.write_text("a manuscript")
    with pytest.raises(ArtifactError, match="something else") as caught:
        saved(artifacts.read_spec(copy), place)
    assert caught.value.code == "not_a_model"
    assert kept.read_text() == "a manuscript"


def test_a_file_is_left_alone(copy: Path, tmp_path: Path) -> None:
    place = tmp_path / "photo.jpg"
    place.write_bytes(b"a photograph")
    with pytest.raises(ArtifactError, match="something else"):
        saved(artifacts.read_spec(copy), place)
    assert place.read_bytes() == b"a photograph"


def test_a_place_that_cannot_be_written_is_told(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="cannot be written") as caught:
        saved(artifacts.read_spec(copy), tmp_path / "file" / "model")
    assert caught.value.code == "model_not_written"
