"""The three-block CNN of a published study: three convolutions, each pooled, and a wide head."""

from collections.abc import Sequence

import keras
from keras import layers

from ml.contract.checks import require


def build(
    *,
    input_size: tuple[int, int],
    precision: str,
    resolution: int = 224,
    filters: Sequence[int] = (32, 64, 128),
    units: int = 128,
) -> keras.Model:
    """Build (3x3 convolution, ReLU, 2x2 max pooling) x 3, flatten, dense, one logit.

    Images of any `input_size` are first brought to `resolution` x `resolution` (bilinear) and to
    [0, 1]. The study's network ends in a sigmoid; here it ends in that sigmoid's argument, like
    every network of the registry. The layer `features` is the last convolution before its pooling:
    (52, 52, 128) at 224, where the network has 11,169,089 parameters.

    Args:
        input_size: (width, height) of the images in pixels.
        precision: Keras dtype policy of the layers that compute.
        resolution: Side in pixels at which the network works; each block takes two of them and
            halves the rest, so that three blocks need 22.
        filters: Of each block's convolution, in order.
        units: Of the dense layer.

    Raises:
        ContractError: `invalid_field`.
    """
    smallest = 3 * 2 ** len(filters) - 2
    require(resolution >= smallest, "resolution", f"{smallest} or more", resolution)
    width, height = input_size
    image = keras.Input((height, width, 3), name="pixels")
    # Told here, because this layer is in training mode by default and hands that on to all others.
    x = layers.Resizing(resolution, resolution, dtype="float32")(image, training=False)
    x = layers.Rescaling(1 / 255, dtype=precision)(x)
    for block, count in enumerate(filters, start=1):
        name = "features" if block == len(filters) else None
        x = layers.Conv2D(count, 3, activation="relu", dtype=precision, name=name)(x)
        x = layers.MaxPooling2D(2, dtype=precision)(x)
    x = layers.Flatten(dtype=precision)(x)
    x = layers.Dense(units, activation="relu", dtype=precision)(x)
    logit = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(image, logit, name="three_block")
