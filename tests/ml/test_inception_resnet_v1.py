"""The face network is the published one at width 1, and takes weights converted from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from ml import architectures
from ml.contract import ContractError
from ml.errors import ArtifactError

NAME = "inception_resnet_v1"
SIDE = 96
SMALL: Mapping[str, object] = {"width": 0.05}
# Of the published network up to its embedding of 512 numbers.
PUBLISHED_PARAMETERS = 23_482_624


def built(options: Mapping[str, object]) -> keras.Model:
    return architectures.build(NAME, options, input_size=(SIDE, SIDE))


def as_pytorch_has_them(network: keras.Model) -> dict[str, npt.NDArray[np.float32]]:
    """The arrays of a network under PyTorch's names and in its layout."""
    arrays: dict[str, npt.NDArray[np.float32]] = {}
    for layer in network.layers:
        values = [weight.numpy() for weight in layer.weights]
        if layer.name == "logit" or not values:
            continue
        if len(values) == 4:
            parts = ["weight", "bias", "running_mean", "running_var"]
        else:
            parts = ["weight", "bias"][: len(values)]
            kernel = values[0]
            values[0] = kernel.T if kernel.ndim == 2 else kernel.transpose(3, 2, 0, 1)
        arrays |= {f"{layer.name}.{part}": value for part, value in zip(parts, values, strict=True)}
    return arrays


@pytest.fixture(scope="module")
def source() -> keras.Model:
    """A narrow network whose weights are all its own, normalisation included."""
    keras.utils.set_random_seed(3)
    network = built(SMALL)
    rng = np.random.default_rng(3)
    network.set_weights(
        [np.abs(w) + rng.random(w.shape, np.float32) for w in network.get_weights()]
    )
    return network


@pytest.fixture
def converted(source: keras.Model, tmp_path: Path) -> Path:
    path = tmp_path / "vggface2.npz"
    arrays: dict[str, Any] = as_pytorch_has_them(source)
    np.savez(path, **arrays)
    return path


def test_at_full_width_it_has_the_published_parameters_and_names() -> None:
    network = architectures.build(NAME, {}, input_size=(160, 160))
    trained = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    assert trained - 513 == PUBLISHED_PARAMETERS
    assert network.get_layer("features").output.shape == (None, 8, 8, 896)
    assert network.get_layer("block8.conv2d").output.shape == (None, 3, 3, 1792)
    assert network.get_layer("last_linear").output.shape == (None, 512)
    names = set(as_pytorch_has_them(network))
    for name in (
        "conv2d_1a.conv.weight",
        "repeat_1.0.branch2.2.bn.running_var",
        "mixed_6a.branch0.conv.weight",
        "repeat_2.9.branch1.1.conv.weight",
        "mixed_7a.branch2.2.bn.bias",
        "block8.conv2d.bias",
        "last_bn.running_mean",
    ):
        assert name in names


def test_converted_weights_are_taken_over_to_the_last_one(
    source: keras.Model, converted: Path
) -> None:
    network = built({**SMALL, "weights": str(converted)})
    network.get_layer("logit").set_weights(source.get_layer("logit").get_weights())
    for ours, theirs in zip(network.get_weights(), source.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


def test_its_own_weights_file_is_taken_too(source: keras.Model, tmp_path: Path) -> None:
    source.save_weights(tmp_path / "own.weights.h5")
    network = built({**SMALL, "weights": str(tmp_path / "own.weights.h5")})
    assert np.array_equal(network.get_weights()[0], source.get_weights()[0])


def test_a_file_that_is_not_there_is_told_with_what_to_give() -> None:
    with pytest.raises(ArtifactError, match=r"absent\.npz does not exist: give an \.npz") as caught:
        built({**SMALL, "weights": "absent.npz"})
    assert caught.value.code == "missing_weights"


def test_weights_of_another_width_are_refused(converted: Path) -> None:
    with pytest.raises(ArtifactError, match=r"vggface2\.npz does not fit") as caught:
        built({"width": 0.1, "weights": str(converted)})
    assert caught.value.code == "invalid_weights"


def test_an_archive_that_lacks_a_layer_or_is_none_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", something=np.zeros(3))
    (tmp_path / "text.npz").write_text("no archive")
    for name in ("other.npz", "text.npz"):
        with pytest.raises(ArtifactError) as caught:
            built({**SMALL, "weights": str(tmp_path / name)})
        assert caught.value.code == "invalid_weights"


def test_a_stored_model_needs_no_file_to_begin_with() -> None:
    options = {"width": 0.25, "weights": "vggface2.npz"}
    assert architectures.structure(NAME, options) == {"width": 0.25}


def test_an_unknown_option_is_told() -> None:
    with pytest.raises(ContractError, match="depth"):
        built({"depth": 3})
