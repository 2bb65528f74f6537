"""The CIFAKE study's own family of networks: 1-3 convolutions, then 0-3 dense layers, one logit."""

import keras
from keras import layers

from ml.contract.checks import require

CONV_LAYERS = range(1, 4)
DENSE_LAYERS = range(4)


def build(
    *,
    input_size: tuple[int, int],
    precision: str,
    conv_layers: int = 2,
    filters: int = 32,
    dense_layers: int = 1,
    dense_units: int = 64,
) -> keras.Model:
    """Build one topology; the default is the study's best, with 84,001 parameters at 32x32.

    After Bird & Lotfi 2024 (arXiv 2303.14126): each convolution is 3x3 with ReLU and followed by
    2x2 max pooling; dense layers have ReLU; pixels are scaled to [0, 1]. Not told there and chosen
    here: no padding (it gives the parameter count of a published copy), Keras' own initialisers,
    and no dense layer at all where the convolutional part alone is tried.

    The layer `features` is the last convolution's activation, (13, 13, filters) by default.
    """
    require(conv_layers in CONV_LAYERS, "conv_layers", "1, 2 or 3", conv_layers)
    require(dense_layers in DENSE_LAYERS, "dense_layers", "0, 1, 2 or 3", dense_layers)
    require(filters >= 1, "filters", "at least 1", filters)
    require(not dense_layers or dense_units >= 1, "dense_units", "at least 1", dense_units)
    width, height = input_size
    smallest = 3 * 2**conv_layers - 2  # each convolution takes 2 pixels, each pooling halves
    require(min(width, height) >= smallest, "the image side", f">= {smallest}", input_size)
    image = keras.Input((height, width, 3), name="pixels")
    x = layers.Rescaling(1 / 255, dtype=precision)(image)
    for index in range(conv_layers):
        name = "features" if index == conv_layers - 1 else f"convolution_{index + 1}"
        x = layers.Conv2D(filters, 3, activation="relu", dtype=precision, name=name)(x)
        x = layers.MaxPooling2D(dtype=precision)(x)
    x = layers.Flatten(dtype=precision)(x)
    for _ in range(dense_layers):
        x = layers.Dense(dense_units, activation="relu", dtype=precision)(x)
    logit = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(image, logit, name="topology")
