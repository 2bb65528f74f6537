"""Runs any network: two compiled functions, the gradient found by differentiating the graph."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml.contract import ContractError, Evidence
from ml.runtimes import Floats, Pixels

if TYPE_CHECKING:
    import keras

__all__ = ["TensorFlowRuntime", "choose_threads"]

# Bounds the memory for activations; larger batches gain nothing on processors.
BATCH = 64


class TensorFlowRuntime:
    """A Keras network, each function traced once for any size of batch.

    After construction no call changes state, so threads may share it. Make it after a fork, never
    before: TensorFlow's threads do not survive one.

    Args:
        network: From float pixels (n, height, width, 3) in [0, 255] to logits (n, 1).
        layer: Name of the layer to explain, whose output is (n, h, w, channels).
    """

    def __init__(self, network: "keras.Model", layer: str) -> None:
        self._shape = network.output_shape, network.get_layer(layer).output.shape
        self._logits, self._evidence = _compiled(network, layer)

    def logits(self, pixels: Pixels) -> Floats:
        """Return logits (n,) for pixels (n, height, width, 3)."""
        parts = [self._logits(part).numpy() for part in _batches(pixels)]
        return np.concatenate([np.zeros(0, np.float32), *parts])

    def evidence(self, pixels: Pixels) -> Evidence:
        """Return logits (n,), maps and gradients (n, h, w, channels)."""
        empty = np.zeros((0, *self._shape[1][1:]), np.float32)
        parts = [self._evidence(part) for part in _batches(pixels)]
        columns = zip(*[[value.numpy() for value in part] for part in parts], strict=True)
        logits, maps, gradients = columns if parts else ((), (), ())
        return Evidence(
            np.concatenate([np.zeros(0, np.float32), *logits]),
            np.concatenate([empty, *maps]),
            np.concatenate([empty, *gradients]),
        )


def choose_threads(threads: int) -> None:
    """Set how many cores TensorFlow uses within one operation; the first choice stands.

    Raises:
        ContractError: `threads_fixed` when TensorFlow already runs with another number.
    """
    import tensorflow as tf

    if tf.config.threading.get_intra_op_parallelism_threads() == threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:
        raise ContractError(
            "threads_fixed", f"TensorFlow already runs in this process: {error}"
        ) from error


def _batches(pixels: Pixels) -> list[Pixels]:
    return [pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH)]


def _compiled(network: "keras.Model", layer: str) -> tuple[Any, Any]:
    """Trace both functions from uint8 pixels (n, height, width, 3), for any n."""
    import keras
    import tensorflow as tf

    explained = keras.Model(network.input, [network.get_layer(layer).output, network.output])
    signature = tf.TensorSpec(network.input_shape, tf.uint8)

    @tf.function(input_signature=[signature], autograph=False)
    def logits_of(pixels: tf.Tensor) -> tf.Tensor:
        return network(tf.cast(pixels, tf.float32), training=False)[:, 0]

    @tf.function(input_signature=[signature], autograph=False)
    def evidence_of(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        values = tf.cast(pixels, tf.float32)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            # Watching the pixels records all that follows, layers that are frozen included.
            tape.watch(values)
            maps, logits = explained(values, training=False)
        return logits[:, 0], maps, tape.gradient(logits, maps)

    return logits_of.get_concrete_function(), evidence_of.get_concrete_function()
