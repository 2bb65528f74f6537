"""From a picture to the numbers that everything else in the photo track is made of."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ml.errors import ArtifactError, PhotoError
from ml.photo import forensics, network
from ml.photo.crops import LEAST_SIDE, SIDE, Pixels, cut, positions
from ml.quiet import silenced

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MEMBERS", "Extractor", "PictureFeatures"]

# Member -> how many numbers it has of a crop.
MEMBERS = {"forensics": forensics.FEATURES, "network": network.FEATURES}
BAND = 512  # rows
# Raised when crops or features of the same pixels change, for what is kept of pictures.
FORM = 1

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class PictureFeatures:
    """What was measured in the n crops of one picture.

    Attributes:
        size: Upright (width, height) in pixels.
        positions: (left, top) of each crop, a square of `ml.photo.crops.SIDE` pixels.
        crops: Member -> float32 (n, d), a row a crop.
        places: float32 (n, GRID, GRID), where a direction was asked for: what each place of each
            crop adds to the mean over places of the network's features along that direction.
    """

    size: tuple[int, int]
    positions: tuple[tuple[int, int], ...]
    crops: dict[str, Floats]
    places: Floats | None = None

    def pooled(self) -> dict[str, Floats]:
        """Return the mean over the crops, (d,) for each member."""
        return {member: rows.mean(0) for member, rows in self.crops.items()}


class Extractor:
    """Looks at pictures; several threads may share one, and each gets a network of its own.

    Attributes:
        fingerprint: Tells features apart that do not compare, as they were measured otherwise.

    Args:
        graph: From `ml.photo.network.graph`.
        threads: Cores for one pass of the network; `None` is one, as crops are small and threads
            that look at different pictures gain more.

    Raises:
        ArtifactError: `invalid_graph` when these are not the bytes of such a graph.
    """

    def __init__(self, graph: bytes, *, threads: int | None = None) -> None:
        self._graph = graph
        self._threads = threads or 1
        self._lock = threading.Lock()
        with silenced():  # The first interpreter of a process announces its delegate.
            self._idle = [_Network(graph, self._threads)]
        self.fingerprint = hashlib.sha256(b"%d" % FORM + graph).hexdigest()

    def extract(self, image: "Image.Image", *, direction: Floats | None = None) -> PictureFeatures:
        """Measure a picture.

        Args:
            image: Upright RGB, from `ml.preprocessing.open_upright`.
            direction: Weights (FEATURES,) of the network's features, where places are wanted.

        Raises:
            PhotoError: `too_small` where a side is shorter than `LEAST_SIDE`.
        """
        if min(image.size) < LEAST_SIDE:
            raise PhotoError(
                "too_small",
                f"A picture must be at least {LEAST_SIDE} pixels wide and high; "
                f"this one has {image.width} x {image.height}.",
            )
        pixels = _pixels(image)
        places = positions(pixels)
        crops = cut(pixels, places)
        with self._network() as looking:
            means, maps = looking.look(crops, direction)
        members = {"forensics": forensics.describe(crops), "network": means}
        return PictureFeatures(image.size, tuple(places), members, maps)

    @contextmanager
    def _network(self) -> "Iterator[_Network]":
        """Lend a network that nobody uses: an interpreter is not re-entrant."""
        with self._lock:
            one = self._idle.pop() if self._idle else None
        one = one or _Network(self._graph, self._threads)
        try:
            yield one
        finally:
            with self._lock:
                self._idle.append(one)


def _pixels(image: "Image.Image") -> Pixels:
    """Return the pixels, copied some rows at a time: at once Pillow would hold them twice more."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, BAND):
        rows = image.crop((0, top, image.width, min(top + BAND, image.height)))
        pixels[top : top + BAND] = np.asarray(rows)
    return pixels


class _Network:
    """The graph, laid out for one crop at a time: more at once take memory and gain nothing."""

    def __init__(self, graph: bytes, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            self._interpreter = Interpreter(model_content=graph, num_threads=threads)
            self._interpreter.allocate_tensors()
            (entry,) = self._interpreter.get_input_details()
            outputs = self._interpreter.get_output_details()
        except ValueError as error:
            raise _invalid(str(error)) from error
        self._input = entry["index"]
        found = {tuple(output["shape"][1:].tolist()): output["index"] for output in outputs}
        coarse = network.GRID // 2
        wanted = {
            (network.FEATURES,): "means",
            (network.GRID, network.GRID, network.FINE): "fine",
            (coarse, coarse, network.FEATURES - network.FINE): "coarse",
        }
        if set(found) != set(wanted) or tuple(entry["shape"]) != (1, SIDE, SIDE, 3):
            raise _invalid(f"outputs of the shapes {sorted(found)}")
        self._outputs = {name: found[shape] for shape, name in wanted.items()}

    def look(self, crops: Pixels, direction: Floats | None) -> tuple[Floats, Floats | None]:
        """Return means (n, FEATURES), and (n, GRID, GRID) along a direction where one is given."""
        means = np.empty((len(crops), network.FEATURES), np.float32)
        maps = np.empty((len(crops), network.GRID, network.GRID), np.float32)
        for index in range(len(crops)):
            self._interpreter.set_tensor(self._input, crops[index : index + 1])
            self._interpreter.invoke()
            means[index] = self._value("means")
            if direction is not None:
                coarse = self._value("coarse") @ direction[network.FINE :]
                maps[index] = self._value("fine") @ direction[: network.FINE]
                maps[index] += np.kron(coarse, np.ones((2, 2), np.float32))
        return means, None if direction is None else maps

    def _value(self, name: str) -> Any:
        return self._interpreter.get_tensor(self._outputs[name])[0]


def _invalid(received: str) -> ArtifactError:
    return ArtifactError(
        "invalid_graph",
        f"The compiled graph is not one that this version can run. Received: {received}.",
    )
