"""A real model that answers at once: the redder an image the surer FAKE, the bluer the surer REAL.

Its weights are set by hand and not trained, so that a test knows what the verdict has to be. All
else is real: spec, files, hashes, preprocessing, network, heatmap.
"""

import dataclasses
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ml import architectures, artifacts, compiling
from ml.contract import Calibration, Domain, ModelSpec, Preprocessing

if TYPE_CHECKING:
    import keras

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
    spec = dataclasses.replace(SPEC, **changes)  # type: ignore[arg-type]
    return artifacts.save(directory, spec, _network(strength).save_weights, graph=_graph(strength))


def _network(strength: float) -> "keras.Model":
    network = architectures.build("tiny", {}, input_size=(SIDE, SIDE))
    kernel = np.zeros((3, 3, 3, 4), np.float32)
    # Pixels arrive in -1..1; two channels each hold the positive and the negative part.
    for channel, (colour, sign) in enumerate([(0, 1), (0, -1), (2, 1), (2, -1)]):
        kernel[1, 1, colour, channel] = sign
    convolution = next(layer for layer in network.layers if layer.name.startswith("conv2d"))
    convolution.set_weights([kernel])
    weights = np.array([[strength], [-strength], [-strength], [strength]], np.float32)
    network.get_layer("logit").set_weights([weights, np.zeros(1, np.float32)])
    return network


@cache
def _graph(strength: float) -> bytes:
    """Compile the network once: it takes longer than all else that a test does with a model."""
    return compiling.compile_network(SPEC, _network(strength))
