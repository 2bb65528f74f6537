"""What everybody starts from: `keras.Model.predict`, and Grad-CAM as Keras' own guide has it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml import artifacts
from ml.quiet import import_tensorflow

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class PlainKeras:
    """The shipped network as it comes out of Keras: one view an image, nothing compiled by us."""

    def __init__(self, folder: Path) -> None:
        import_tensorflow()
        import keras

        spec, self._network = artifacts.load_network(folder)
        layer = self._network.get_layer(spec.gradcam_layer)
        self._explained = keras.Model(self._network.input, [layer.output, self._network.output])

    def predict_arrays(self, pixels: Pixels) -> Floats:
        """Return logits (n,)."""
        logits: Floats = self._network.predict(pixels.astype(np.float32), verbose=0)
        return logits[:, 0]

    def explain_arrays(self, pixels: Pixels) -> tuple[Floats, Floats]:
        """Return logits (n,), and heatmaps (n, h, w) from a second pass and its gradient."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            maps, logits = self._explained(tf.cast(pixels, tf.float32), training=False)
        weights = tf.reduce_mean(tape.gradient(logits, maps), axis=(1, 2), keepdims=True)
        heatmaps = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))
        return self.predict_arrays(pixels), heatmaps.numpy()
