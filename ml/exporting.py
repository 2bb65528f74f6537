"""A stored model as one Keras file that answers with P(FAKE) and needs nothing of this project."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ml import artifacts
from ml.contract import ModelSpec
from ml.recipes import Format

if TYPE_CHECKING:
    import keras

__all__ = ["whole_model", "write_whole"]


def write_whole(model_dir: Path, form: Format) -> Path:
    """Write `model.keras` or `model.h5` (HDF5) beside a stored model's weights.

    The file holds what `whole_model` returns, built of Keras' own layers alone, so that
    `keras.models.load_model` reads it anywhere.

    Raises:
        ArtifactError: As `ml.artifacts.load_network`.
    """
    spec, network = artifacts.load_network(model_dir)
    path = model_dir / f"model.{form}"
    temporary = model_dir / f".{os.getpid()}.{path.name}"
    try:
        whole_model(spec, network).save(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def whole_model(spec: ModelSpec, network: "keras.Model") -> "keras.Model":
    """Return one Keras model from pixels to the probability that the portal would tell.

    Args:
        spec: Its temperature and its averaging over the mirror image become layers.
        network: The spec's network, (n, height, width, 3) in [0, 255] to logits (n, 1).

    Returns:
        A model from prepared pixels (n, height, width, 3) in [0, 255], of any number type, to
        calibrated P(FAKE) (n, 1) in [0, 1], float32.
    """
    import keras
    from keras import layers

    pixels = keras.Input(network.input_shape[1:], name="pixels")
    logit = network(pixels)
    if spec.flip_averaging:
        logit = layers.Average(name="mean_logit")([logit, network(_mirrored(pixels))])
    scaled = layers.Rescaling(1.0 / spec.calibration.temperature, name="calibrated")(logit)
    p_fake = layers.Activation("sigmoid", name="p_fake")(scaled)
    return keras.Model(pixels, p_fake, name="veripix")


def _mirrored(pixels: "keras.KerasTensor") -> "keras.KerasTensor":
    """Turn left and right, by a layer: HDF5 files hold no bare operations such as `ops.flip`."""
    from keras import layers

    width = pixels.shape[2]
    turn = layers.Dense(width, use_bias=False, trainable=False, name="mirror")
    turned = turn(layers.Permute((1, 3, 2))(pixels))
    turn.set_weights([np.eye(width, dtype=np.float32)[::-1]])
    return layers.Permute((1, 3, 2))(turned)
