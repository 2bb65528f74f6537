"""A graph is made only of a network with a linear head, equals it, and lies beside its weights."""

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from ml import architectures, artifacts, compiling
from ml.contract import ModelSpec
from ml.errors import ArtifactError
from ml.runtimes.litert import LiteRTRuntime
from ml.runtimes.tensorflow import TensorFlowRuntime
from tests.data import ROOT

# What keeps the large networks small enough for a test; their heads stay as they are.
SMALL: dict[str, dict[str, Any]] = {
    "inception_resnet_v1": {"width": 0.125},
    "resnet50": {"resolution": 64},
    "three_block": {"resolution": 32},
}


@pytest.fixture
def copy(model_dir: Path, tmp_path: Path) -> Path:
    """A stored model that a test may change."""
    return Path(shutil.copytree(model_dir, tmp_path / "copy"))


@pytest.fixture
def bare(copy: Path) -> Path:
    """The model as it was stored before there were graphs."""
    spec = artifacts.read_spec(copy)
    (copy / spec.graph_file).unlink()
    without = dataclasses.replace(spec, graph_sha256="")
    artifacts.write_text(copy / artifacts.SPEC_FILE, without.to_json())
    return copy


@pytest.mark.parametrize("name", architectures.names())
def test_the_registry_says_of_every_network_whether_its_head_is_linear(name: str) -> None:
    entry = architectures.find(name)
    width, height = entry.input_size
    network = architectures.build(name, SMALL.get(name, {}), input_size=entry.input_size)
    shake(network)
    pixels = np.random.default_rng(1).integers(0, 256, (3, height, width, 3)).astype(np.uint8)
    found = TensorFlowRuntime(network, entry.gradcam_layer).evidence(pixels)
    spread = np.ptp(found.gradients, axis=(0, 1, 2)).max()
    assert np.abs(found.gradients).max() > 0
    assert (spread <= 1e-4 * np.abs(found.gradients).max()) == entry.has_linear_head


def shake(network: keras.Model) -> None:
    """Move the weights a little, so that nothing is linear only because it starts at zero."""
    rng = np.random.default_rng(2)
    network.set_weights([w * (1 + 0.1 * rng.random(w.shape)) for w in network.get_weights()])


def test_an_exported_model_is_compiled(model_dir: Path, spec: ModelSpec) -> None:
    assert spec.graph_sha256
    stored, graph = artifacts.read_graph(model_dir)
    assert stored == spec
    assert graph == (model_dir / "graph.tflite").read_bytes()


def test_a_stored_model_can_be_compiled_later(bare: Path) -> None:
    before = artifacts.read_spec(bare)
    spec = compiling.compile_stored(bare)
    artifacts.verify(bare)
    assert artifacts.read_spec(bare) == spec
    assert dataclasses.replace(spec, graph_sha256="") == before
    assert {path.name for path in bare.iterdir()} == {
        "graph.tflite",
        "spec.json",
        "weights.weights.h5",
    }


def test_another_process_tells_what_went_wrong(copy: Path) -> None:
    (copy / "weights.weights.h5").unlink()
    with pytest.raises(ArtifactError, match="weights file") as caught:
        compiling.compile_elsewhere(copy)
    assert caught.value.code == "missing_weights"


def test_a_process_that_takes_too_long_is_given_up(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "PATIENCE_SECONDS", 0.01)
    with pytest.raises(ArtifactError, match="timed out") as caught:
        compiling.compile_elsewhere(copy)
    assert caught.value.code == "compiling_failed"


def test_a_network_whose_gradient_depends_on_the_image_is_refused(spec: ModelSpec) -> None:
    network = architectures.build("topology", {"conv_layers": 1, "filters": 2}, input_size=(8, 8))
    with pytest.raises(ArtifactError) as caught:
        compiling.compile_network(spec, network)
    assert caught.value.code == "no_linear_head"


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_a_network_that_answers_with_no_number_is_refused(spec: ModelSpec, weight: float) -> None:
    network = architectures.build("tiny", {}, input_size=(8, 8))
    network.get_layer("logit").set_weights(
        [np.full((4, 1), weight, np.float32), np.zeros(1, np.float32)]
    )
    with pytest.raises(ArtifactError):
        compiling.compile_network(spec, network)


def test_a_graph_that_differs_from_its_network_is_an_error(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a converter would whose arithmetic is not the network's: held to a stricter bound."""
    network = architectures.build("residual", {"widths": (8,)}, input_size=(8, 8))
    monkeypatch.setitem(compiling.TOLERANCES, "float32", 1e-12)
    with pytest.raises(ArtifactError, match="Received: a difference") as caught:
        compiling.compile_network(spec, network)
    assert caught.value.code in ("graph_differs", "no_linear_head")


def test_in_8_bits_the_graph_is_smaller_and_answers_nearly_the_same(spec: ModelSpec) -> None:
    options = {"widths": (16, 32), "blocks": 1}
    network = architectures.build("residual", options, input_size=(8, 8))
    pixels = np.random.default_rng(3).integers(0, 256, (20, 8, 8, 3)).astype(np.uint8)
    exact = compiling.compile_network(spec, network)
    rounded = compiling.compile_network(dataclasses.replace(spec, graph_precision="int8"), network)
    assert len(rounded) < 0.6 * len(exact)
    one, other = (LiteRTRuntime(graph).evidence(pixels) for graph in (exact, rounded))
    assert (one.logits != other.logits).any()
    assert np.abs(one.logits - other.logits).max() <= 0.05 * np.abs(one.logits).max()
    np.testing.assert_allclose(one.gradients, other.gradients, rtol=1e-6)
    # Activations are rounded image by image: nobody's answer depends on who else is in the batch.
    alone = LiteRTRuntime(rounded).logits(pixels[:1])
    np.testing.assert_allclose(alone, other.logits[:1], rtol=1e-5)


def test_it_can_be_done_from_a_terminal(bare: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ml", "compile", "--model", str(bare)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert artifacts.read_spec(bare).graph_sha256 in done.stderr
    artifacts.verify(bare)
