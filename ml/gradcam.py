"""The layer that is explained: its activations and the gradient of the logit, in one graph."""

from typing import TYPE_CHECKING

from ml.heatmaps import colourise
from ml.heatmaps import towards_verdict as evidence

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

__all__ = ["METHOD", "colourise", "evidence", "feature_network", "logits_and_maps"]

METHOD = "Grad-CAM on the logit"


def feature_network(network: "keras.Model", layer: str) -> "keras.Model":
    """Return `network` with two outputs: the feature map of `layer` and the logit."""
    import keras

    outputs = [network.get_layer(layer).output, network.output]
    return keras.Model(network.input, outputs)


def logits_and_maps(network: "keras.Model", pixels: "tf.Tensor") -> tuple["tf.Tensor", "tf.Tensor"]:
    """Run `feature_network` forward and back to the feature map, within one graph.

    The channels of the feature map A are weighted by the spatial mean of d logit / d A and
    summed (Selvaraju et al. 2017, arXiv 1610.02391), without their final ReLU: the sign says
    which class a place speaks for, positive FAKE, negative REAL. The logit is explained because
    the sigmoid saturates and its gradient vanishes where the model is sure.

    Args:
        network: From `feature_network`.
        pixels: float32 (n, height, width, 3) in [0, 255].

    Returns:
        Logits (n,) and signed maps (n, h, w) of the layer's size.
    """
    import tensorflow as tf

    with tf.GradientTape() as tape:
        features, logits = network(pixels, training=False)
    gradients = tape.gradient(logits, features)
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    return logits[:, 0], tf.reduce_sum(weights * features, axis=-1)
