"""A residual network that keeps full resolution for long: the traces of a generator are fine."""

from collections.abc import Sequence

import keras
from keras import layers


def build(
    *,
    input_size: tuple[int, int],
    precision: str,
    widths: Sequence[int] = (32, 64, 128),
    blocks: int = 2,
) -> keras.Model:
    """Build the network: a 3x3 stem, one stage per width, global average, one logit.

    The first stage works at full resolution, each further one at half of the one before; with
    three widths on 32x32 pixels the layer `features` is (8, 8, widths[-1]). After He et al. 2016
    (arXiv 1512.03385); the default has 697,697 parameters.
    """
    width, height = input_size
    image = keras.Input((height, width, 3), name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1, dtype=precision)(image)
    x = _relu(_conv_norm(x, widths[0], precision), precision)
    last = len(widths) * blocks - 1
    for index in range(len(widths) * blocks):
        stage, position = divmod(index, blocks)
        stride = 2 if stage and position == 0 else 1
        name = "features" if index == last else None
        x = _block(x, widths[stage], stride, precision, name)
    x = layers.GlobalAveragePooling2D(dtype=precision)(x)
    logit = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(image, logit, name="residual")


def _block(
    x: keras.KerasTensor, width: int, stride: int, precision: str, name: str | None
) -> keras.KerasTensor:
    y = _relu(_conv_norm(x, width, precision, stride=stride), precision)
    y = _conv_norm(y, width, precision)
    if stride != 1 or x.shape[-1] != width:
        x = _conv_norm(x, width, precision, stride=stride, kernel=1)
    return _relu(layers.Add(dtype=precision)([x, y]), precision, name)


def _conv_norm(
    x: keras.KerasTensor, width: int, precision: str, *, stride: int = 1, kernel: int = 3
) -> keras.KerasTensor:
    x = layers.Conv2D(
        width,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        dtype=precision,
    )(x)
    return layers.BatchNormalization(dtype=precision)(x)


def _relu(x: keras.KerasTensor, precision: str, name: str | None = None) -> keras.KerasTensor:
    return layers.Activation("relu", dtype=precision, name=name)(x)
