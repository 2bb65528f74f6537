"""A loaded model that answers with probability and heatmap, both from one pass of the network."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from ml import architectures, artifacts, compiling
from ml.contract import ContractError, Heatmap, ModelSpec, Prediction
from ml.errors import ImageReadError
from ml.explanation import METHODS, check_method, signed_maps
from ml.heatmaps import towards_verdict
from ml.preprocessing import MAX_PIXELS, prepare
from ml.quiet import import_tensorflow
from ml.runtimes import Pixels, Runtime
from ml.runtimes.litert import LiteRTRuntime
from ml.runtimes.mirrored import MirrorAveraged

if TYPE_CHECKING:
    import keras

    from ml.photo.detector import PhotoDetector

__all__ = ["AnyDetector", "Detector", "RuntimeName", "load"]

# Images that are read or explained together: what bounds the memory for pixels and activations.
BATCH = 64

Source = Path | str | bytes
RuntimeName = Literal["litert", "tensorflow"]
AnyDetector: TypeAlias = Union["Detector", "PhotoDetector"]


def load(directory: Path, *, threads: int | None = None) -> AnyDetector:
    """Verify and load a stored model of whatever kind; what another kind needs stays unloaded.

    Args:
        directory: The model's folder.
        threads: Cores to use; `None` leaves it to the kind.

    Raises:
        ArtifactError: As `Detector.load` or `ml.photo.detector.PhotoDetector.load`.
        ContractError: As `Detector.load`.
    """
    spec = artifacts.read_spec(directory)
    if architectures.find(spec.architecture).is_network:
        return Detector.load(directory, threads=threads)
    from ml.photo.detector import PhotoDetector

    return PhotoDetector.load(directory, threads=threads)


class Detector:
    """One model in memory; threads may share it, but they share its cores too.

    Attributes:
        spec: The model's spec.
        methods: The ways in which it explains itself, the usual one first.
        runtime: Answers for pixels as the spec asks: averaged over the mirror image where it says
            so.
    """

    methods = METHODS

    def __init__(self, spec: ModelSpec, runtime: Runtime) -> None:
        """Make a detector of a bare network's runtime, which knows nothing of mirror images."""
        self.spec = spec
        self.runtime: Runtime = MirrorAveraged(runtime) if spec.flip_averaging else runtime

    @classmethod
    def load(
        cls, directory: Path, *, threads: int | None = None, runtime: RuntimeName | None = None
    ) -> Self:
        """Verify and load a stored model.

        With LiteRT, the compiled graph in the model's folder answers; where a model is older than
        such graphs, another process makes one first, which takes as long as TensorFlow needs to
        start. TensorFlow is imported into this process only when it is what answers.

        Args:
            directory: The model's folder.
            threads: Cores to use within one operation; `None` leaves it to the runtime. For
                TensorFlow only the first load in a process can choose.
            runtime: `None` takes LiteRT where the model's head allows it, else TensorFlow.

        Raises:
            ArtifactError: As `ml.artifacts.load_network` and `ml.compiling.compile_elsewhere`.
            ContractError: `invalid_field`, or `threads_fixed` when TensorFlow already runs with
                another number.
        """
        if threads is not None and threads < 1:
            raise ContractError(
                "invalid_field", f"threads must be at least 1. Received: {threads}."
            )
        spec, graph = artifacts.read_graph(directory)
        if runtime == "tensorflow" or not compiling.can_compile(spec):
            return cls._with_tensorflow(directory, threads)
        if graph is None:
            graph = compiling.compile_elsewhere(directory)
        return cls(spec, LiteRTRuntime(graph, threads=threads))

    @classmethod
    def of(cls, spec: ModelSpec, network: "keras.Model") -> Self:
        """Make a detector of a network in memory, run by TensorFlow."""
        from ml.runtimes.tensorflow import TensorFlowRuntime

        return cls(spec, TensorFlowRuntime(network, spec.gradcam_layer))

    @classmethod
    def _with_tensorflow(cls, directory: Path, threads: int | None) -> Self:
        import_tensorflow()
        from ml.runtimes.tensorflow import choose_threads

        if threads is not None:
            choose_threads(threads)
        return cls.of(*artifacts.load_network(directory))

    def warm_up(self) -> None:
        """Answer once, so that the first image does not pay for buffers and caches."""
        width, height = self.spec.input_size
        self.explain_arrays(np.zeros((1, height, width, 3), np.uint8))

    def predict(
        self,
        sources: Sequence[Source],
        *,
        with_heatmap: bool = True,
        method: str | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> list[Prediction | ImageReadError]:
        """Answer for each file, in order; an unreadable one gets its error in its place.

        Args:
            sources: Paths or the bytes of files.
            with_heatmap: Also explain; the extra time is small, as the pass is shared.
            method: How, one of `ml.explanation.METHODS`; `None` is Grad-CAM.
            max_pixels: Larger images are refused.

        Raises:
            ContractError: `unknown_method`.
        """
        method = method or METHODS[0]
        check_method(method)
        answers: list[Prediction | ImageReadError] = []
        for start in range(0, len(sources), BATCH):
            prepared = [
                self._prepared(source, max_pixels) for source in sources[start : start + BATCH]
            ]
            answers.extend(self._predict_batch(prepared, method if with_heatmap else None))
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
        logits = self.runtime.logits(pixels)
        return self.spec.calibration.probability(logits), logits

    def explain_arrays(self, pixels: Pixels, method: str = "grad-cam") -> list[Prediction]:
        """Answer for prepared images (n, height, width, 3), with heatmaps.

        Raises:
            ContractError: `wrong_shape` or `unknown_method`.
        """
        self._check(pixels)
        check_method(method)
        answers: list[Prediction] = []
        for start in range(0, len(pixels), BATCH):
            answers.extend(self._explained(pixels[start : start + BATCH], method))
        return answers

    def _explained(self, pixels: Pixels, method: str) -> Iterator[Prediction]:
        evidence = self.runtime.evidence(pixels)
        p_fake = self.spec.calibration.probability(evidence.logits)
        is_fake = p_fake >= self.spec.threshold
        maps = signed_maps(
            method, evidence, towards_fake=is_fake, pixels=pixels, forward=self.runtime.logits
        )
        for p, logit, decided, signed in zip(p_fake, evidence.logits, is_fake, maps, strict=True):
            values = towards_verdict(signed, is_fake=bool(decided))
            heatmap = Heatmap(values, method, self.spec.gradcam_layer)
            yield Prediction(float(p), float(logit), heatmap)

    def _predict_batch(
        self, prepared: list[Pixels | ImageReadError], method: str | None
    ) -> Iterator[Prediction | ImageReadError]:
        readable = [item for item in prepared if not isinstance(item, ImageReadError)]
        answers = iter(self._answers(readable, method))
        for item in prepared:
            yield item if isinstance(item, ImageReadError) else next(answers)

    def _prepared(self, source: Source, max_pixels: int) -> Pixels | ImageReadError:
        try:
            return prepare(source, self.spec.preprocessing, max_pixels=max_pixels)
        except ImageReadError as error:
            return error

    def _answers(self, images: list[Pixels], method: str | None) -> list[Prediction]:
        if not images:
            return []
        if method is not None:
            return self.explain_arrays(np.stack(images), method)
        probabilities, logits = self.predict_arrays(np.stack(images))
        pairs = zip(probabilities, logits, strict=True)
        return [Prediction(float(p_fake), float(logit)) for p_fake, logit in pairs]

    def _check(self, pixels: Pixels) -> None:
        width, height = self.spec.input_size
        if pixels.ndim != 4 or pixels.shape[1:] != (height, width, 3) or pixels.dtype != np.uint8:
            raise ContractError(
                "wrong_shape",
                f"Pixels must be uint8 (n, {height}, {width}, 3). "
                f"Received: {pixels.dtype} {pixels.shape}.",
            )
