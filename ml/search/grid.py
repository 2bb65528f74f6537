"""The 36 topologies of the CIFAKE study: 12 convolutional parts, 24 dense heads on the best one."""

from dataclasses import dataclass
from itertools import product

from ml.contract.training import Option

FILTERS = (16, 32, 64, 128)
UNITS = (32, 64, 128, 256, 512, 1024, 2048, 4096)
LAYERS = (1, 2, 3)


@dataclass(frozen=True, slots=True, order=True)
class Topology:
    """One shape of the architecture `topology`; without dense layers `dense_units` is 0."""

    conv_layers: int
    filters: int
    dense_layers: int = 0
    dense_units: int = 0

    @property
    def name(self) -> str:
        """A name that is a file's name too: `conv-2x32`, `conv-2x32-dense-1x64`."""
        name = f"conv-{self.conv_layers}x{self.filters}"
        return name + f"-dense-{self.dense_layers}x{self.dense_units}" * bool(self.dense_layers)

    @property
    def stage(self) -> int:
        """1 where the convolutional part alone is tried, 2 where a head is."""
        return 2 if self.dense_layers else 1

    def options(self) -> dict[str, Option]:
        """Return what the architecture `topology` is built with."""
        options: dict[str, Option] = {"conv_layers": self.conv_layers, "filters": self.filters}
        heads: dict[str, Option] = {"dense_layers": self.dense_layers}
        if self.dense_layers:
            heads["dense_units"] = self.dense_units
        return options | heads

    def features(self, side: int = 32) -> int:
        """Count what the convolutional part hands on of a square image."""
        for _ in range(self.conv_layers):
            side = (side - 2) // 2
        return side * side * self.filters

    def parameters(self, side: int = 32) -> int:
        """Count the weights and biases for square images, without building the network."""
        channels, total = 3, 0
        for _ in range(self.conv_layers):
            total += (9 * channels + 1) * self.filters
            channels = self.filters
        inputs = self.features(side)
        for _ in range(self.dense_layers):
            total += (inputs + 1) * self.dense_units
            inputs = self.dense_units
        return total + inputs + 1


CONVOLUTIONAL = tuple(Topology(layers, filters) for layers, filters in product(LAYERS, FILTERS))


def heads(base: Topology) -> tuple[Topology, ...]:
    """Return the 24 dense heads on the convolutional part of `base`."""
    return tuple(
        Topology(base.conv_layers, base.filters, layers, units)
        for layers, units in product(LAYERS, UNITS)
    )
