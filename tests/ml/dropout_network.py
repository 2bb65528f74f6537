"""The tiny network with a layer that draws at random, for the tests of what a resumed run draws."""

import keras
from keras import layers


def build(*, input_size: tuple[int, int], precision: str) -> keras.Model:
    """Build it as `ml.architectures.tiny`, wide enough for Muon, with dropout before the logit."""
    columns, rows = input_size
    image = keras.Input((rows, columns, 3), name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1, dtype=precision)(image)
    x = layers.Conv2D(16, 3, padding="same", use_bias=False, dtype=precision)(x)
    x = layers.BatchNormalization(dtype=precision, momentum=0.8)(x)
    x = layers.Activation("relu", dtype=precision)(x)
    x = layers.Conv2D(16, 3, padding="same", dtype=precision)(x)
    x = layers.Activation("relu", dtype=precision, name="features")(x)
    x = layers.GlobalAveragePooling2D(dtype=precision)(x)
    x = layers.Dropout(0.5, dtype=precision)(x)
    logit = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(image, logit, name="dropout")
