"""ResNet50 starts from weights that are there, says what to give where not, and trains its end."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from ml import architectures, artifacts, recipes
from ml.architectures.resnet50 import WEIGHTS_FILE
from ml.contract import ContractError, Domain, Option
from ml.datasets import LabelledImages
from ml.errors import ArtifactError
from ml.publishing import export
from ml.training import TrainingData, fit

SMALL: dict[str, Option] = {"resolution": 32}


def built(**options: Option) -> keras.Model:
    return architectures.build("resnet50", SMALL | options, input_size=(16, 16))


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return built()


@pytest.fixture(scope="module")
def base() -> keras.Model:
    """Keras' own ResNet50 without its top, as fresh as can be."""
    return keras.applications.ResNet50(include_top=False, weights=None, input_shape=(32, 32, 3))


def test_it_is_keras_network_with_one_logit(network: keras.Model, base: keras.Model) -> None:
    assert network.count_params() == base.count_params() + 2048 + 1
    assert network.get_layer("features").output.shape == (None, 1, 1, 2048)


def test_pixels_are_prepared_as_keras_prepares_them(
    network: keras.Model, base: keras.Model
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype(np.float32)
    stem = network.get_layer("conv1_pad")
    seen = keras.Model(network.input, stem.input)(pixels).numpy()
    resized = keras.layers.Resizing(32, 32)(pixels).numpy()
    np.testing.assert_array_equal(seen, keras.applications.resnet50.preprocess_input(resized))


def test_all_but_the_last_layers_stand_still(network: keras.Model) -> None:
    """Of Keras' 175 layers the first 25 are frozen, their batch normalisation included."""
    start = [layer.name for layer in network.layers].index("conv1_pad") - 1
    base = network.layers[start : start + 175]
    assert base[-1].name == "conv5_block3_out"
    assert not any(layer.trainable for layer in base[:25])
    assert all(layer.trainable for layer in base[25:])
    pixels = np.random.default_rng(1).uniform(0, 255, (4, 16, 16, 3)).astype(np.float32)
    frozen, moving = (network.get_layer(name) for name in ("conv1_bn", "conv5_block3_3_bn"))
    before = [layer.moving_mean.numpy() for layer in (frozen, moving)]
    network(pixels, training=True)
    assert (frozen.moving_mean.numpy() == before[0]).all()
    assert (moving.moving_mean.numpy() != before[1]).any()


def test_training_moves_nothing_that_is_frozen_and_the_model_needs_no_file(
    base: keras.Model, images: LabelledImages, tmp_path: Path
) -> None:
    file = tmp_path / "given.weights.h5"
    base.save_weights(file)
    config = dataclasses.replace(
        recipes.find("resnet50").config,
        architecture_options=SMALL | {"weights": str(file), "trainable_layers": 20},
        epochs=1,
        batch_size=8,
        validation_images=4,
    )
    few = TrainingData.divide(images.take(np.r_[0:8, 100:108]), config)
    fit(config, few, out_dir=tmp_path / "run")
    file.unlink()
    spec = export(tmp_path / "run", few, tmp_path / "model", name="x", domain=Domain(8, 8, "x"))
    assert spec.architecture_options == SMALL | {"trainable_layers": 20}
    _, network = artifacts.load_network(tmp_path / "model")
    expected = base.get_weights()
    pairs = zip(network.weights, expected, strict=False)
    moved = {weight.path for weight, before in pairs if (weight.numpy() != before).any()}
    free = {weight.path for layer in network.layers if layer.trainable for weight in layer.weights}
    assert any("moving_mean" in path for path in moved)
    assert any("kernel" in path for path in moved)
    assert moved <= free


def write_as_keras_publishes(base: keras.Model, path: Path) -> None:
    """Write weights in the old HDF5 form that Keras' published files have."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, base)


@pytest.mark.parametrize("name", [WEIGHTS_FILE, "own.weights.h5", "whole.h5"])
def test_it_starts_from_a_file(base: keras.Model, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    match name:
        case "own.weights.h5":
            base.save_weights(path)
        case "whole.h5":
            base.save(path)
        case _:
            write_as_keras_publishes(base, path)
    expected = base.get_weights()
    found = built(weights=str(path)).get_weights()[: len(expected)]
    for wanted, got in zip(expected, found, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_without_a_network_the_file_to_give_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has no way out gets a sentence; the download itself is Keras' own and truly fails."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens on the discard port
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    with pytest.raises(ArtifactError) as caught:
        built(weights="imagenet")
    assert caught.value.code == "missing_weights"
    for told in (WEIGHTS_FILE, "--weights PATH", "--weights none", ".keras/models"):
        assert told in caught.value.sentence


def test_a_file_that_is_not_there_or_does_not_fit_is_told(tmp_path: Path) -> None:
    junk, other = tmp_path / "junk.h5", tmp_path / "other.weights.h5"
    junk.write_bytes(b"words")
    architectures.build("tiny", {}, input_size=(8, 8)).save_weights(other)
    for path, code in (
        (tmp_path / "absent.h5", "missing_weights"),
        (junk, "invalid_weights"),
        (other, "invalid_weights"),
    ):
        with pytest.raises(ArtifactError, match=path.name) as caught:
            built(weights=str(path))
        assert caught.value.code == code


@pytest.mark.parametrize(
    "options", [{"resolution": 31}, {"trainable_layers": 176}, {"dropout": 1.0}]
)
def test_options_outside_their_range_are_told(options: dict[str, Option]) -> None:
    with pytest.raises(ContractError, match=f"{next(iter(options))} must be"):
        built(**options)


def test_a_stored_model_does_without_the_file_it_began_with() -> None:
    options = {"resolution": 32, "weights": "imagenet"}
    assert architectures.structure("resnet50", options) == {"resolution": 32}
