"""InceptionResnetV1 in its FaceNet layout: the network of the face track, at any width."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers

from ml.errors import ArtifactError

# Filters, height and width of the kernel.
Step = tuple[int, int, int]
Branches = Sequence[Sequence[Step]]

# Named by the places a side that each sees in the original, larger layout.
BLOCK_35: Branches = (
    [(32, 1, 1)],
    [(32, 1, 1), (32, 3, 3)],
    [(32, 1, 1), (32, 3, 3), (32, 3, 3)],
)
REDUCTION_A: Branches = ([(384, 3, 3)], [(192, 1, 1), (192, 3, 3), (256, 3, 3)])
BLOCK_17: Branches = ([(128, 1, 1)], [(128, 1, 1), (128, 1, 7), (128, 7, 1)])
REDUCTION_B: Branches = (
    [(256, 1, 1), (384, 3, 3)],
    [(256, 1, 1), (256, 3, 3)],
    [(256, 1, 1), (256, 3, 3), (256, 3, 3)],
)
BLOCK_8: Branches = ([(192, 1, 1)], [(192, 1, 1), (192, 1, 3), (192, 3, 1)])

LEAST_FILTERS = 8
EMBEDDING = 512
WANTED = (
    "an .npz archive of the VGGFace2 network's arrays under the names that PyTorch's FaceNet gives "
    "them (conv2d_1a.conv.weight, ...), or this network's own .weights.h5"
)


def build(
    *,
    input_size: tuple[int, int],
    precision: str,
    width: float = 1.0,
    dropout: float = 0.2,
    weights: str = "",
) -> keras.Model:
    """Build the network: stem, 5 block35, reduction, 10 block17, reduction, 6 block8, 512, logit.

    After Szegedy et al. 2016 (arXiv 1602.07261) with the filters of FaceNet's published code; at
    width 1 the part up to the embedding has its 23,482,624 trainable parameters. The layer
    `features` ends the middle stage: at 160x160 pixels (8, 8, 896 * width), where the last one
    would leave 3x3 places to explain.

    Args:
        input_size: (width, height); at least 75 pixels a side. FaceNet's is 160x160.
        precision: Keras dtype policy of all layers but the last.
        width: Factor on the filters of every layer; 1 is as published.
        dropout: Share of the pooled features that training leaves out.
        weights: A file with weights for all but the logit; see `load_pretrained`.

    Raises:
        ArtifactError: As `load_pretrained`.
    """
    columns, rows = input_size
    image = keras.Input((rows, columns, 3), name="pixels")
    make = _Maker(precision, width)
    # FaceNet's own scale: 127.5 and 128, not the usual pair.
    x = layers.Rescaling(1 / 128, offset=-127.5 / 128, dtype=precision)(image)
    x = _stem(make, x)
    for index in range(5):
        x = make.residual(x, f"repeat_1.{index}", BLOCK_35, scale=0.17)
    x = make.reduction(x, "mixed_6a", REDUCTION_A)
    for index in range(10):
        name = "features" if index == 9 else None
        x = make.residual(x, f"repeat_2.{index}", BLOCK_17, scale=0.10, output=name)
    x = make.reduction(x, "mixed_7a", REDUCTION_B)
    for index in range(5):
        x = make.residual(x, f"repeat_3.{index}", BLOCK_8, scale=0.20)
    x = make.residual(x, "block8", BLOCK_8, scale=1.0, is_last=True)
    network = keras.Model(image, _head(make, x, dropout), name="inception_resnet_v1")
    if weights:
        load_pretrained(network, Path(weights))
    return network


def load_pretrained(network: keras.Model, path: Path) -> None:
    """Set all weights but those of the logit from a file.

    Args:
        network: From `build`, of the width that the file has (1 for the published weights).
        path: An `.npz` of the arrays of PyTorch's FaceNet (`state_dict` with numpy values), or
            the `.weights.h5` of such a network.

    Raises:
        ArtifactError: `missing_weights` or `invalid_weights`.
    """
    if not path.is_file():
        raise ArtifactError(
            "missing_weights",
            f"The weights file {path} does not exist: give {WANTED}, or leave the option out.",
        )
    try:
        if path.suffix == ".npz":
            _load_arrays(network, path)
        else:
            network.load_weights(path)
    except (ValueError, KeyError, OSError) as error:
        raise ArtifactError(
            "invalid_weights", f"{path.name} does not fit: it must be {WANTED}. Received: {error}"
        ) from error


@dataclass(frozen=True)
class _Maker:
    """Builds the parts, which all share a precision and a width; named as in PyTorch's FaceNet."""

    precision: str
    width: float

    def filters(self, published: int) -> int:
        return max(LEAST_FILTERS, round(published * self.width))

    def conv(
        self,
        x: keras.KerasTensor,
        name: str,
        step: Step,
        *,
        strides: int = 1,
        padding: str = "same",
    ) -> keras.KerasTensor:
        filters, *kernel = step
        x = layers.Conv2D(
            self.filters(filters),
            kernel,
            strides=strides,
            padding=padding,
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=self.precision,
            name=f"{name}.conv",
        )(x)
        return self.relu(self.norm(x, f"{name}.bn"))

    def norm(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        return layers.BatchNormalization(
            epsilon=1e-3, momentum=0.9, dtype=self.precision, name=name
        )(x)

    def relu(self, x: keras.KerasTensor, name: str | None = None) -> keras.KerasTensor:
        return layers.Activation("relu", dtype=self.precision, name=name)(x)

    def pool(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return layers.MaxPooling2D(3, strides=2, dtype=self.precision)(x)

    def branch(
        self, x: keras.KerasTensor, name: str, steps: Sequence[Step], *, halving: bool
    ) -> keras.KerasTensor:
        """Convolve step by step; where `halving`, the last one takes every second place."""
        for index, step in enumerate(steps):
            place = f"{name}.{index}" if len(steps) > 1 else name
            ends = halving and index == len(steps) - 1
            padding = "valid" if ends else "same"
            x = self.conv(x, place, step, strides=2 if ends else 1, padding=padding)
        return x

    def residual(
        self,
        x: keras.KerasTensor,
        name: str,
        branches: Branches,
        *,
        scale: float,
        is_last: bool = False,
        output: str | None = None,
    ) -> keras.KerasTensor:
        """Add what the branches found, scaled down, as unscaled sums made training diverge."""
        found = [
            self.branch(x, f"{name}.branch{index}", steps, halving=False)
            for index, steps in enumerate(branches)
        ]
        y = layers.Concatenate(dtype=self.precision)(found)
        y = layers.Conv2D(x.shape[-1], 1, dtype=self.precision, name=f"{name}.conv2d")(y)
        y = layers.Rescaling(scale, dtype=self.precision)(y)
        x = layers.Add(dtype=self.precision)([x, y])
        return x if is_last else self.relu(x, output)

    def reduction(self, x: keras.KerasTensor, name: str, branches: Branches) -> keras.KerasTensor:
        """Halve the size: the branches beside a maximum."""
        found = [
            self.branch(x, f"{name}.branch{index}", steps, halving=True)
            for index, steps in enumerate(branches)
        ]
        return layers.Concatenate(dtype=self.precision)([*found, self.pool(x)])


def _stem(make: _Maker, x: keras.KerasTensor) -> keras.KerasTensor:
    """From (160, 160, 3) to (17, 17, 256)."""
    x = make.conv(x, "conv2d_1a", (32, 3, 3), strides=2, padding="valid")
    x = make.conv(x, "conv2d_2a", (32, 3, 3), padding="valid")
    x = make.conv(x, "conv2d_2b", (64, 3, 3))
    x = make.pool(x)
    x = make.conv(x, "conv2d_3b", (80, 1, 1), padding="valid")
    x = make.conv(x, "conv2d_4a", (192, 3, 3), padding="valid")
    return make.conv(x, "conv2d_4b", (256, 3, 3), strides=2, padding="valid")


def _head(make: _Maker, x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    """Average over the places, embed, and weigh the embedding into one logit."""
    x = layers.GlobalAveragePooling2D(dtype=make.precision)(x)
    x = layers.Dropout(dropout, dtype=make.precision)(x)
    size = make.filters(EMBEDDING)
    x = layers.Dense(size, use_bias=False, dtype=make.precision, name="last_linear")(x)
    x = make.norm(x, "last_bn")
    return layers.Dense(1, dtype="float32", name="logit")(x)


def _load_arrays(network: keras.Model, path: Path) -> None:
    with np.load(path, allow_pickle=False) as arrays:
        for layer in network.layers:
            if layer.weights and layer.name != "logit":
                layer.set_weights(_arrays_of(layer, arrays))


def _arrays_of(layer: keras.Layer, arrays: "np.lib.npyio.NpzFile") -> list[np.ndarray]:
    """Return a layer's weights in Keras' order and layout; PyTorch has output channels first."""
    name = layer.name
    if isinstance(layer, layers.BatchNormalization):
        parts = ("weight", "bias", "running_mean", "running_var")
        return [arrays[f"{name}.{part}"] for part in parts]
    kernel = arrays[f"{name}.weight"]
    values = [kernel.T if kernel.ndim == 2 else kernel.transpose(2, 3, 1, 0)]
    return [*values, arrays[f"{name}.bias"]] if layer.use_bias else values
