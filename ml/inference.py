"""A loaded model that answers with probability and heatmap in one compiled pass."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from ml import artifacts, gradcam
from ml.contract import Heatmap, ModelSpec, Prediction
from ml.errors import ContractError, ImageReadError
from ml.preprocessing import MAX_PIXELS, prepare
from ml.quiet import import_tensorflow

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

__all__ = ["Detector"]

BATCH = 64

Pixels = npt.NDArray[np.uint8]
Source = Path | str | bytes
Signed = npt.NDArray[np.float32]


class Detector:
    """One model in memory.

    The two compiled functions are traced once, at construction, for any batch size. After that
    no call changes state, so threads may share a detector; they share its cores too, which is
    why one process with one detector serves best. Load it after a fork, never before:
    TensorFlow's threads do not survive one.
    """

    def __init__(self, spec: ModelSpec, network: "keras.Model") -> None:
        self.spec = spec
        self._predict, self._explain = _compiled(network, spec)

    @classmethod
    def load(cls, directory: Path, *, threads: int | None = None) -> Self:
        """Verify and load a stored model; TensorFlow is imported here, not before.

        Args:
            directory: The model's folder.
            threads: Cores to use within one operation; only the first load in a process can
                choose. `None` leaves it to TensorFlow.

        Raises:
            ArtifactError: As `ml.artifacts.load_network`.
            ContractError: `threads_fixed` when TensorFlow already runs with another number.
        """
        import_tensorflow()
        if threads is not None:
            _use_threads(threads)
        return cls(*artifacts.load_network(directory))

    def warm_up(self) -> None:
        """Run both functions once, so that the first image does not pay for it."""
        width, height = self.spec.input_size
        self._signed_maps(np.zeros((1, height, width, 3), np.uint8))
        self.predict_arrays(np.zeros((1, height, width, 3), np.uint8))

    def predict(
        self,
        sources: Sequence[Source],
        *,
        with_heatmap: bool = True,
        max_pixels: int = MAX_PIXELS,
    ) -> list[Prediction | ImageReadError]:
        """Answer for each file, in order; an unreadable one gets its error in its place.

        Args:
            sources: Paths or the bytes of files.
            with_heatmap: Also explain; the extra time is small, as the pass is shared.
            max_pixels: Larger images are refused.
        """
        answers: list[Prediction | ImageReadError] = []
        for start in range(0, len(sources), BATCH):
            answers.extend(
                self._predict_batch(sources[start : start + BATCH], with_heatmap, max_pixels)
            )
        return answers

    def predict_arrays(
        self, pixels: Pixels
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        """Answer for prepared images.

        Args:
            pixels: uint8 (n, height, width, 3), from `ml.preprocessing.prepare`.

        Returns:
            Calibrated P(FAKE) in [0, 1] and logits, each (n,).

        Raises:
            ContractError: `wrong_shape`.
        """
        self._check(pixels)
        parts = [self._predict(part).numpy() for part in _batches(pixels)]
        logits = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        return self.spec.calibration.probability(logits), logits

    def explain_arrays(self, pixels: Pixels) -> list[Prediction]:
        """Answer for prepared images (n, height, width, 3), with heatmaps."""
        self._check(pixels)
        answers: list[Prediction] = []
        for part in _batches(pixels):
            logits, maps = self._signed_maps(part)
            answers.extend(self._explained(*pair) for pair in zip(logits, maps, strict=True))
        return answers

    def _predict_batch(
        self, sources: Sequence[Source], with_heatmap: bool, max_pixels: int
    ) -> Iterator[Prediction | ImageReadError]:
        prepared = [self._prepared(source, max_pixels) for source in sources]
        readable = [item for item in prepared if not isinstance(item, ImageReadError)]
        answers = iter(self._answers(readable, with_heatmap))
        for item in prepared:
            yield item if isinstance(item, ImageReadError) else next(answers)

    def _prepared(self, source: Source, max_pixels: int) -> Pixels | ImageReadError:
        try:
            return prepare(source, self.spec.preprocessing, max_pixels=max_pixels)
        except ImageReadError as error:
            return error

    def _answers(self, images: list[Pixels], with_heatmap: bool) -> list[Prediction]:
        if not images:
            return []
        if with_heatmap:
            return self.explain_arrays(np.stack(images))
        probabilities, logits = self.predict_arrays(np.stack(images))
        pairs = zip(probabilities, logits, strict=True)
        return [Prediction(float(p_fake), float(logit)) for p_fake, logit in pairs]

    def _signed_maps(self, pixels: Pixels) -> tuple[Signed, Signed]:
        logits, maps = self._explain(pixels)
        return logits.numpy(), maps.numpy()

    def _explained(self, logit: np.float32, signed_map: Signed) -> Prediction:
        p_fake = float(self.spec.calibration.probability(logit))
        values = gradcam.evidence(signed_map, is_fake=p_fake >= self.spec.threshold)
        return Prediction(
            p_fake, float(logit), Heatmap(values, gradcam.METHOD, self.spec.gradcam_layer)
        )

    def _check(self, pixels: Pixels) -> None:
        width, height = self.spec.input_size
        if pixels.ndim != 4 or pixels.shape[1:] != (height, width, 3) or pixels.dtype != np.uint8:
            raise ContractError(
                "wrong_shape",
                f"Pixels must be uint8 (n, {height}, {width}, 3). "
                f"Received: {pixels.dtype} {pixels.shape}.",
            )


def _batches(pixels: Pixels) -> Iterator[Pixels]:
    for start in range(0, len(pixels), BATCH):
        yield pixels[start : start + BATCH]


def _compiled(
    network: "keras.Model", spec: ModelSpec
) -> tuple["tf.types.experimental.ConcreteFunction", "tf.types.experimental.ConcreteFunction"]:
    """Trace prediction and explanation, each one graph from uint8 pixels to the mean logit."""
    import tensorflow as tf

    explained = gradcam.feature_network(network, spec.gradcam_layer)
    width, height = spec.input_size
    signature = tf.TensorSpec((None, height, width, 3), tf.uint8)

    @tf.function(input_signature=[signature], autograph=False)
    def predict(pixels: tf.Tensor) -> tf.Tensor:
        logits = network(_views(pixels, spec), training=False)[:, 0]
        return _mean_over_views(logits, spec)

    @tf.function(input_signature=[signature], autograph=False)
    def explain(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits, maps = gradcam.logits_and_maps(explained, _views(pixels, spec))
        if spec.flip_averaging:
            plain, mirrored = tf.split(maps, 2)
            maps = 0.5 * (plain + tf.reverse(mirrored, axis=[2]))
        return _mean_over_views(logits, spec), maps

    return predict.get_concrete_function(), explain.get_concrete_function()


def _views(pixels: "tf.Tensor", spec: ModelSpec) -> "tf.Tensor":
    """Return float pixels, followed by their mirror images where the spec averages both."""
    import tensorflow as tf

    values = tf.cast(pixels, tf.float32)
    if not spec.flip_averaging:
        return values
    return tf.concat([values, tf.reverse(values, axis=[2])], axis=0)


def _mean_over_views(logits: "tf.Tensor", spec: ModelSpec) -> "tf.Tensor":
    import tensorflow as tf

    return 0.5 * tf.add_n(tf.split(logits, 2)) if spec.flip_averaging else logits


def _use_threads(threads: int) -> None:
    import tensorflow as tf

    if threads < 1:
        raise ContractError("invalid_field", f"threads must be at least 1. Received: {threads}.")
    if tf.config.threading.get_intra_op_parallelism_threads() == threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:
        raise ContractError(
            "threads_fixed", f"TensorFlow already runs in this process: {error}"
        ) from error
