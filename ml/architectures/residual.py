"""A residual network that loses no pixel early: the traces of a generator are fine."""

from collections.abc import Sequence

import keras
from keras import layers

from ml.errors import ContractError


def build(
    *,
    input_size: tuple[int, int],
    precision: str,
    widths: Sequence[int] = (32, 64, 128),
    blocks: int | Sequence[int] = 2,
    stem_stride: int = 1,
    towers: int = 1,
) -> keras.Model:
    """Build the network: a stem, one stage per width, global average, one logit.

    The first stage works at the stem's resolution, each further one at half of the one before;
    with three widths on 32x32 pixels the layer `features` is (8, 8, towers * widths[-1]). After He
    et al. 2016 (arXiv 1512.03385); the default has 697,697 parameters.

    Args:
        input_size: (width, height) of the pixels.
        precision: Keras dtype policy of all layers but the last.
        widths: Channels of each stage.
        blocks: Residual blocks of each stage, or one number for all.
        stem_stride: 1 for a 3x3 stem at full resolution; 2 for a 4x4 one that halves it, moving
            the four pixels of each 2x2 cell into channels: wide layers at half resolution learn
            more in the same time than narrow ones at the full one.
        towers: Independent networks side by side. Their feature maps are joined before the one
            pooling and the one dense layer, so that an ensemble that averages its members'
            logits is a single network with a single explanation.

    Raises:
        ContractError: `invalid_option` when `blocks` does not name each stage.
    """
    counts = [blocks] * len(widths) if isinstance(blocks, int) else list(blocks)
    if len(counts) != len(widths):
        raise ContractError(
            "invalid_option",
            f"blocks must be one number or one per width. Received: {blocks!r} for {widths!r}.",
        )
    width, height = input_size
    image = keras.Input((height, width, 3), name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1, dtype=precision)(image)
    if towers == 1:
        features = _tower(x, widths, counts, stem_stride, precision, "features")
    else:
        members = [
            keras.Model(
                x, _tower(x, widths, counts, stem_stride, precision, None), name=f"tower_{index}"
            )
            for index in range(towers)
        ]
        join = layers.Concatenate(dtype=precision, name="features")
        features = join([member(x) for member in members])
    pooled = layers.GlobalAveragePooling2D(dtype=precision)(features)
    logit = layers.Dense(1, dtype="float32", name="logit")(pooled)
    return keras.Model(image, logit, name="residual")


def _tower(
    x: keras.KerasTensor,
    widths: Sequence[int],
    counts: Sequence[int],
    stem_stride: int,
    precision: str,
    name: str | None,
) -> keras.KerasTensor:
    """Return the feature map of one network; its last layer is called `name`."""
    stem = _conv_norm(x, widths[0], precision, stride=stem_stride, kernel=2 + stem_stride)
    x = _relu(stem, precision)
    for stage, (width, count) in enumerate(zip(widths, counts, strict=True)):
        for position in range(count):
            stride = 2 if stage and position == 0 else 1
            is_last = stage == len(widths) - 1 and position == count - 1
            x = _block(x, width, stride, precision, name if is_last else None)
    return x


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
    # Not .99: the averages must keep up with the steps that Muon takes at the start.
    return layers.BatchNormalization(momentum=0.95, dtype=precision)(x)


def _relu(x: keras.KerasTensor, precision: str, name: str | None = None) -> keras.KerasTensor:
    return layers.Activation("relu", dtype=precision, name=name)(x)
