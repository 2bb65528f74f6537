"""A real model that answers at once: the redder an image the surer FAKE, the bluer the surer REAL.

Its weights are set by hand and not trained, so that a test knows what the verdict has to be. All
else is real: spec, files, hashes, preprocessing, network, heatmap.
"""

import dataclasses
from pathlib import Path

import numpy as np
from django.conf import settings

from ml import architectures, artifacts
from ml.contract import Calibration, Domain, ModelSpec, Preprocessing

SIDE = 8
SENTENCE = "Squares of 8x8 pixels in one colour."
# Neither of them saturates: red lies above the band, blue below it, grey in its middle.
STRENGTH = 3.0
SPEC = ModelSpec(
    name="colours",
    architecture="tiny",
    architecture_options={},
    preprocessing=Preprocessing(SIDE, SIDE),
    gradcam_layer="features",
    domain=Domain(SIDE, SIDE, SENTENCE),
    calibration=Calibration(temperature=1.0, band_low=0.2, band_high=0.8),
    weights_sha256="",
)


def store(directory: Path, *, strength: float = STRENGTH, **changes: object) -> ModelSpec:
    """Store the model in a folder; another strength makes other weights."""
    _choose_threads()
    network = architectures.build("tiny", {}, input_size=(SIDE, SIDE))
    kernel = np.zeros((3, 3, 3, 4), np.float32)
    # Pixels arrive in -1..1; two channels each hold the positive and the negative part.
    for channel, (colour, sign) in enumerate([(0, 1), (0, -1), (2, 1), (2, -1)]):
        kernel[1, 1, colour, channel] = sign
    convolution = next(layer for layer in network.layers if layer.name.startswith("conv2d"))
    convolution.set_weights([kernel])
    weights = np.array([[strength], [-strength], [-strength], [strength]], np.float32)
    network.get_layer("logit").set_weights([weights, np.zeros(1, np.float32)])
    spec = dataclasses.replace(SPEC, **changes)  # type: ignore[arg-type]
    return artifacts.save(directory, spec, network.save_weights)


def _choose_threads() -> None:
    """Give TensorFlow the threads that the portal will ask for, before building starts it."""
    import tensorflow as tf

    threading = tf.config.threading
    if threading.get_intra_op_parallelism_threads() != settings.INFERENCE_THREADS:
        threading.set_intra_op_parallelism_threads(settings.INFERENCE_THREADS)
        threading.set_inter_op_parallelism_threads(1)
