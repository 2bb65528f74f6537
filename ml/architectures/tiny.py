"""The smallest network with every part that matters, so that tests of the rest take no time."""

import keras
from keras import layers


def build(*, input_size: tuple[int, int], precision: str, width: int = 4) -> keras.Model:
    """Build one 3x3 convolution with normalisation, global average and one logit.

    The layer `features` has the size of the input and `width` channels.
    """
    columns, rows = input_size
    image = keras.Input((rows, columns, 3), name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1, dtype=precision)(image)
    x = layers.Conv2D(width, 3, padding="same", use_bias=False, dtype=precision)(x)
    x = layers.BatchNormalization(dtype=precision, momentum=0.8)(x)
    x = layers.Activation("relu", dtype=precision, name="features")(x)
    x = layers.GlobalAveragePooling2D(dtype=precision)(x)
    logit = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(image, logit, name="tiny")
