"""ResNet50 of Keras, begun from ImageNet's weights and trained from a given depth on."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
from keras import layers

from ml.contract.checks import require
from ml.errors import ArtifactError

WEIGHTS_FILE = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
IMAGENET, NONE = "imagenet", "none"
BASE_LAYERS = 175
SMALLEST = 32  # pixels a side; below that nothing is left for the last stage
BGR_MEAN = (103.939, 116.779, 123.68)  # of ImageNet's images


def build(
    *,
    input_size: tuple[int, int],
    precision: str,
    resolution: int = 224,
    weights: str = NONE,
    trainable_layers: int = 150,
    dropout: float = 0.5,
) -> keras.Model:
    """Build ResNet50 without its top, then global average pooling, dropout and one logit.

    Images of any `input_size` are first brought to `resolution` x `resolution` (bilinear), then to
    the form of ResNet50's own `preprocess_input` (BGR, ImageNet's mean subtracted). The layer
    `features` is (7, 7, 2048) at 224. After He et al. 2016 (arXiv 1512.03385).

    Args:
        input_size: (width, height) of the images in pixels.
        precision: Keras dtype policy of the layers that compute.
        resolution: Side in pixels at which the network works, 32 or more.
        weights: `imagenet` (Keras fetches them, or finds them in its own folder), `none` (a random
            start), or the path of a file with the weights of ResNet50 without its top.
        trainable_layers: So many of the base's 175 layers, counted from its end, are trained; the
            others stay as they are, their batch normalisation with the statistics it has.
        dropout: Share of the 2,048 features that is left out in training.

    Raises:
        ArtifactError: `missing_weights` where the file is absent or cannot be fetched;
            `invalid_weights` where it does not fit.
        ContractError: `invalid_field`.
    """
    require(resolution >= SMALLEST, "resolution", f"{SMALLEST} or more", resolution)
    depth = f"in 0..{BASE_LAYERS}"
    require(0 <= trainable_layers <= BASE_LAYERS, "trainable_layers", depth, trainable_layers)
    require(0 <= dropout < 1, "dropout", "in [0, 1)", dropout)
    width, height = input_size
    image = keras.Input((height, width, 3), name="pixels")
    # Told here, because this layer is in training mode by default and hands that on to all others.
    x = layers.Resizing(resolution, resolution, dtype="float32")(image, training=False)
    with _policy(precision):
        base = _base(_preprocessed(x), weights)
    for layer in base.layers[: len(base.layers) - trainable_layers]:
        layer.trainable = False
    x = layers.Activation("linear", dtype=precision, name="features")(base.output)
    x = layers.GlobalAveragePooling2D(dtype=precision)(x)
    x = layers.Dropout(dropout, dtype=precision)(x)
    logit = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(image, logit, name="resnet50")


def _preprocessed(rgb: keras.KerasTensor) -> keras.KerasTensor:
    """Do what `keras.applications.resnet50.preprocess_input` does, in layers alone.

    Keras' function leaves bare operations in the graph, which an HDF5 file cannot hold.
    """
    rows = layers.Permute((3, 1, 2), dtype="float32")(rgb)
    channels = [
        layers.Cropping2D(((index, 2 - index), (0, 0)), dtype="float32")(rows)
        for index in (2, 1, 0)
    ]
    bgr = layers.Permute((2, 3, 1), dtype="float32")(
        layers.Concatenate(axis=1, dtype="float32")(channels)
    )
    offset = [-mean for mean in BGR_MEAN]
    return layers.Rescaling(1.0, offset=offset, dtype="float32")(bgr)


def _base(pixels: keras.KerasTensor, weights: str) -> keras.Model:
    """Let Keras build the base and fill it, and say in one sentence why that did not work."""
    if weights == NONE:
        return keras.applications.ResNet50(include_top=False, weights=None, input_tensor=pixels)
    if weights != IMAGENET and not Path(weights).is_file():
        raise ArtifactError("missing_weights", f"There is no file {weights}: {_ways(weights)}")
    try:
        with warnings.catch_warnings():
            # Of a file that does not fit Keras tells a hundred times before it raises.
            warnings.filterwarnings("ignore", "Skipping nested container")
            return keras.applications.ResNet50(
                include_top=False, weights=weights, input_tensor=pixels
            )
    except (ValueError, KeyError, OSError) as error:
        raise ArtifactError(
            "invalid_weights",
            f"{weights} does not hold the weights of ResNet50 without its top: {_ways(weights)}",
        ) from error
    except Exception as error:
        # Keras' downloader raises nothing narrower.
        if "fetch failure" not in str(error):
            raise
        raise ArtifactError(
            "missing_weights", f"ImageNet's weights could not be fetched: {_ways(weights)}"
        ) from error


def _ways(received: str) -> str:
    return (
        f"give `--weights PATH` with Keras' file {WEIGHTS_FILE}, lay that file into the folder "
        f"`models` of Keras' home (by default ~/.keras/models), or train from a random start with "
        f"`--weights none`. Received: {received!r}."
    )


@contextmanager
def _policy(precision: str) -> Iterator[None]:
    """Keras' ready networks take their precision from the process; give it back afterwards."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
