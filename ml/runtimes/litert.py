"""Runs a compiled graph through LiteRT: no TensorFlow, and the gradient in closed form."""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ml.contract import Evidence
from ml.errors import ArtifactError
from ml.quiet import silenced
from ml.runtimes import Floats, Pixels

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

__all__ = ["LiteRTRuntime"]

# An interpreter's buffers are laid out for one size of batch, and laying them out takes longer
# than a pass. Each of these sizes gets its own on first need; other batches are cut into them.
SIZES = (32, 8, 2, 1)


@dataclass(frozen=True, slots=True)
class _Answer:
    """Of one batch: logits (n,), maps (n, h, w, channels)."""

    logits: Floats
    maps: Floats


class LiteRTRuntime:
    """A graph from `ml.compiling`, run on processors by XNNPACK.

    Behind a global average and one dense layer, the gradient of the logit by the feature map is
    the dense layer's kernel divided by the number of places, whatever the image. The graph holds
    it as a constant, so an explanation costs no second pass.

    Interpreters are not re-entrant: a lock lets threads that share a runtime take turns.

    Args:
        graph: A compiled graph's bytes.
        threads: Cores for one pass; `None` takes all.

    Raises:
        ArtifactError: `invalid_graph` when these are not the bytes of such a graph.
    """

    def __init__(self, graph: bytes, *, threads: int | None = None) -> None:
        self._graph = graph
        self._threads = threads or os.cpu_count() or 1
        self._lock = threading.Lock()
        self._passes: dict[int, _Pass] = {}
        with silenced():  # The first interpreter of a process announces its delegate.
            first = self._pass(SIZES[-1])
        self._gradient, self._map_shape = first.gradient, first.map_shape

    def logits(self, pixels: Pixels) -> Floats:
        """Return logits (n,) for pixels (n, height, width, 3)."""
        with self._lock:
            parts = [self._pass(len(part)).logits(part) for part in _cut(pixels)]
        return np.concatenate([np.zeros(0, np.float32), *parts])

    def evidence(self, pixels: Pixels) -> Evidence:
        """Return logits (n,), maps and gradients (n, h, w, channels)."""
        with self._lock:
            parts = [self._pass(len(part)).answer(part) for part in _cut(pixels)]
        empty = np.zeros((0, *self._map_shape), np.float32)
        maps = np.concatenate([empty, *(part.maps for part in parts)])
        return Evidence(
            np.concatenate([np.zeros(0, np.float32), *(part.logits for part in parts)]),
            maps,
            np.broadcast_to(self._gradient, maps.shape),
        )

    def _pass(self, size: int) -> "_Pass":
        if size not in self._passes:
            self._passes[size] = _Pass(self._graph, size, self._threads)
        return self._passes[size]


class _Pass:
    """An interpreter whose buffers are laid out for one size of batch."""

    def __init__(self, graph: bytes, size: int, threads: int) -> None:
        self._interpreter = _interpreter(graph, threads)
        (entry,) = self._interpreter.get_input_details()
        self._input = entry["index"]
        shape = [size, *entry["shape_signature"][1:]]
        self._interpreter.resize_tensor_input(self._input, shape, strict=True)
        self._interpreter.allocate_tensors()
        outputs = self._interpreter.get_output_details()
        by_rank = {len(output["shape_signature"]): output["index"] for output in outputs}
        if set(by_rank) != {1, 2, 4}:
            raise _invalid(f"outputs of {len(by_rank)} kinds")
        self._logits, self._maps = by_rank[2], by_rank[4]
        self.map_shape = tuple(self._interpreter.get_tensor(self._maps).shape[1:])
        self.gradient: Floats = self._interpreter.get_tensor(by_rank[1])

    def logits(self, pixels: Pixels) -> Floats:
        """Run one pass, and copy the logits alone."""
        self._interpreter.set_tensor(self._input, pixels)
        self._interpreter.invoke()
        values: npt.NDArray[np.float32] = self._interpreter.get_tensor(self._logits)
        return values[:, 0]

    def answer(self, pixels: Pixels) -> _Answer:
        """Run one pass, and copy logits and feature maps."""
        return _Answer(self.logits(pixels), self._interpreter.get_tensor(self._maps))


def _interpreter(graph: bytes, threads: int) -> "Interpreter":
    from ai_edge_litert.interpreter import Interpreter

    try:
        return Interpreter(model_content=graph, num_threads=threads)
    except ValueError as error:
        raise _invalid(str(error)) from error


def _invalid(received: str) -> ArtifactError:
    return ArtifactError(
        "invalid_graph",
        f"The compiled graph is not one that this version can run. Received: {received}.",
    )


def _cut(pixels: Pixels) -> Iterator[Pixels]:
    """Cut a batch into parts of `SIZES`, the largest first."""
    start = 0
    while start < len(pixels):
        size = next(size for size in SIZES if size <= len(pixels) - start)
        yield pixels[start : start + size]
        start += size
