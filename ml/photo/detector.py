"""A model of the photo track that is loaded: answers with probability, novelty and score map."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from PIL import Image

from ml import artifacts
from ml.contract import ContractError, Heatmap, ModelSpec, Prediction
from ml.errors import ArtifactError, ImageReadError, PhotoError
from ml.photo.features import MEMBERS, Extractor, PictureFeatures
from ml.photo.heads import PhotoHeads
from ml.photo.scoremap import network_direction, signed_map, towards
from ml.preprocessing import MAX_PIXELS, open_upright

__all__ = ["METHOD", "PhotoDetector"]

METHOD = "score-map"

Source = Path | str | bytes


class PhotoDetector:
    """One model of the photo track in memory; threads may share it.

    Attributes:
        spec: The model's spec.
        heads: What is asked of the features.
        extractor: What measures them.
        threads: Pictures that are looked at at a time, where there are several.
        methods: The one way in which it explains itself.
    """

    methods = (METHOD,)

    def __init__(
        self, spec: ModelSpec, heads: PhotoHeads, extractor: Extractor, *, threads: int = 1
    ) -> None:
        """Make a detector of heads and of what they are fed."""
        self.spec = spec
        self.heads = heads
        self.threads = threads
        self.extractor = extractor
        self._direction = network_direction(heads)

    @classmethod
    def load(cls, directory: Path, *, threads: int | None = None) -> Self:
        """Verify and load a stored model; TensorFlow stays away.

        Args:
            directory: The model's folder.
            threads: Pictures that are looked at at a time, each by one core; `None` is as many as
                there are cores.

        Raises:
            ArtifactError: As `ml.artifacts.read_graph`, and `missing_graph` or `invalid_weights`.
        """
        spec, graph = artifacts.read_graph(directory)
        if graph is None:
            raise ArtifactError(
                "missing_graph", f"The model in {directory} has no graph: fit it anew."
            )
        heads = PhotoHeads.load(directory / spec.weights_file)
        for name, head in heads.members.items():
            if MEMBERS.get(name) != len(head.weights):
                raise ArtifactError(
                    "invalid_weights",
                    f"The model in {directory} was fitted on other features than this version "
                    f"measures: fit it anew. Received: {len(head.weights)} of {name!r}.",
                )
        return cls(spec, heads, Extractor(graph), threads=threads or os.cpu_count() or 1)

    def warm_up(self) -> None:
        """Answer once, so that the first picture does not pay for buffers and caches."""
        self.look(Image.new("RGB", self.spec.input_size, "grey"), with_heatmap=True)

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
            with_heatmap: Also explain.
            method: How; `None` is the one that there is.
            max_pixels: Larger pictures are refused.

        Raises:
            ContractError: `unknown_method`.
        """
        check_method(method)

        def answer(source: Source) -> Prediction | ImageReadError:
            try:
                image = open_upright(source, max_pixels=max_pixels)
                return self.look(image, with_heatmap=with_heatmap)
            except ImageReadError as error:
                return error

        if self.threads == 1 or len(sources) == 1:
            return [answer(source) for source in sources]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(answer, sources))

    def look(self, image: Image.Image, *, with_heatmap: bool = False) -> Prediction:
        """Answer for one upright RGB picture.

        Raises:
            ImageReadError: `too_small`.
        """
        direction = self._direction if with_heatmap else None
        try:
            features = self.extractor.extract(image, direction=direction)
        except PhotoError as error:
            raise ImageReadError(error.code, error.sentence) from error
        pooled = {name: values[None] for name, values in features.pooled().items()}
        logit = float(self.heads.logits(pooled)[0])
        p_fake = float(self.spec.calibration.probability(logit))
        novelty = float(self.heads.novelties(pooled)[0])
        heatmap = self._heatmap(features, p_fake) if with_heatmap else None
        return Prediction(p_fake, logit, heatmap, novelty)

    def _heatmap(self, features: PictureFeatures, p_fake: float) -> Heatmap:
        is_fake = bool(p_fake >= self.spec.threshold)
        values = towards(signed_map(features, self.heads), is_fake=is_fake)
        return Heatmap(values, METHOD, self.spec.gradcam_layer)


def check_method(method: str | None) -> None:
    """Raise `ContractError` with `unknown_method` unless it is the one that there is."""
    if method not in (None, METHOD):
        raise ContractError(
            "unknown_method",
            f"A model of the photo track explains itself by {METHOD} alone. Received: {method!r}.",
        )
