"""Makes the graph by which a stored model answers without TensorFlow, and holds it to the network.

Behind a linear head, one whose logit is an affine function of the feature map's average over all
places, the gradient that an explanation needs is the same for every image and place. So the graph
gives logits and feature map, and holds that gradient as a constant.
"""

import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ml import architectures, artifacts
from ml.contract import Evidence, ModelSpec
from ml.errors import ArtifactError, MlError
from ml.quiet import import_tensorflow, silenced
from ml.runtimes import Floats, Pixels
from ml.runtimes.litert import LiteRTRuntime

if TYPE_CHECKING:
    import keras

__all__ = ["Precision", "can_compile", "compile_elsewhere", "compile_network", "compile_stored"]

Precision = Literal["float32", "int8"]
# Largest difference allowed between graph and network, as a share of the largest value.
TOLERANCES: dict[Precision, float] = {"float32": 1e-3, "int8": 0.1}
PROBES = 8
# Of a process that imports TensorFlow and compiles; a machine under load may be slow.
PATIENCE_SECONDS = 600


def can_compile(spec: ModelSpec) -> bool:
    """Tell whether the model's architecture has the linear head that a graph needs."""
    return architectures.find(spec.architecture).has_linear_head


def compile_network(spec: ModelSpec, network: "keras.Model") -> bytes:
    """Return the graph of a network, held to the network on images of noise.

    Args:
        spec: Its layer is explained, and its precision computed in. In `int8` kernels are rounded
            channel by channel beforehand and activations image by image on the way.
        network: From float pixels (n, height, width, 3) in [0, 255] to logits (n, 1).

    Raises:
        ArtifactError: `no_linear_head` when the gradient depends on the image, `graph_differs`
            when logits, feature map or gradient are not those of the network.
    """
    from ml.runtimes.tensorflow import TensorFlowRuntime

    probes = _noise(spec.input_size)
    wanted = TensorFlowRuntime(network, spec.gradcam_layer).evidence(probes)
    gradient = _constant_gradient(wanted.gradients)
    graph = _converted(network, spec.gradcam_layer, gradient, spec.graph_precision)
    tolerance = TOLERANCES[spec.graph_precision]
    _require_equal(LiteRTRuntime(graph).evidence(probes), wanted, tolerance)
    return graph


def compile_stored(directory: Path, precision: Precision = "float32") -> ModelSpec:
    """Compile a stored model and keep the graph beside its weights, its hash in the spec.

    Figures that were measured with another graph are not measured again.

    Raises:
        ArtifactError: As `ml.artifacts.load_network` and `compile_network`.
    """
    stored, network = artifacts.load_network(directory)
    spec = dataclasses.replace(stored, graph_precision=precision)
    return artifacts.add_graph(directory, spec, compile_network(spec, network))


def compile_elsewhere(directory: Path) -> bytes:
    """Return the graph of a stored model, made by a process that takes TensorFlow away with it.

    Raises:
        ArtifactError: As `ml.artifacts.load_network` and `compile_network`, or
            `compiling_failed` when that process ended otherwise.
    """
    with tempfile.TemporaryDirectory(prefix="veripix-graph-") as folder:
        target = Path(folder) / "graph.tflite"
        command = [sys.executable, "-m", "ml.compiling", str(directory.resolve()), str(target)]
        try:
            done = subprocess.run(
                command,
                cwd=Path(__file__).resolve().parent.parent,
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise _told("", str(error)) from error
        if done.returncode != 0:
            raise _told(done.stdout, done.stderr)
        return target.read_bytes()


def _converted(network: "keras.Model", layer: str, gradient: Floats, precision: Precision) -> bytes:
    """Write the network down for LiteRT, from uint8 pixels of any number of images."""
    import keras
    import tensorflow as tf

    explained = keras.Model(network.input, [network.output, network.get_layer(layer).output])
    constant = tf.constant(gradient)

    @tf.function(
        input_signature=[tf.TensorSpec(network.input_shape, tf.uint8, name="pixels")],
        autograph=False,
    )
    def answer(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        logits, maps = explained(tf.cast(pixels, tf.float32), training=False)
        return {"logits": logits, "maps": maps, "gradient": tf.identity(constant)}

    # The converter writes down the variables that a module of TensorFlow's holds, not Keras' own.
    module = tf.Module()
    module.variables_of_the_network = [variable.value for variable in network.variables]
    module.answer = answer
    with silenced():
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [answer.get_concrete_function()], module
        )
        if precision == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        graph: bytes = converter.convert()
    return graph


def _constant_gradient(gradients: Floats) -> Floats:
    """Return the gradient (channels,) that (n, h, w, channels) repeats everywhere."""
    first: Floats = gradients[0, 0, 0]
    if not _are_close(gradients, np.broadcast_to(first, gradients.shape), TOLERANCES["float32"]):
        raise ArtifactError(
            "no_linear_head",
            "The gradient of the logit depends on the image, so the network cannot be compiled.",
        )
    return first


def _require_equal(found: Evidence, wanted: Evidence, tolerance: float) -> None:
    for name in ("logits", "maps", "gradients"):
        if not _are_close(getattr(found, name), getattr(wanted, name), tolerance):
            largest = np.abs(getattr(found, name) - getattr(wanted, name)).max()
            raise ArtifactError(
                "graph_differs",
                f"The compiled graph's {name} are not the network's. Received: a difference of "
                f"{largest:g}.",
            )


def _are_close(found: Floats, wanted: Floats, tolerance: float) -> bool:
    # Nothing is close to NaN, nor infinity to itself: a network that answers so must not pass.
    with np.errstate(invalid="ignore"):
        return bool(np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max())


def _noise(size: tuple[int, int]) -> Pixels:
    width, height = size
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (PROBES, height, width, 3), np.uint8)


def _told(output: str, complaints: str) -> ArtifactError:
    """Return the error that the other process told, or that it told none."""
    try:
        error = json.loads(output)
        return ArtifactError(error["code"], error["sentence"])
    except (ValueError, KeyError, TypeError):
        last = (complaints.strip() or "nothing").splitlines()[-1]
        return ArtifactError(
            "compiling_failed", f"The process that compiles a model ended early: {last}"
        )


def _main(directory: str, target: str) -> int:
    """What the other process does: compile one folder into one file, or say why not."""
    try:
        artifacts.verify(Path(directory))  # Before TensorFlow, which takes seconds.
        import_tensorflow()
        spec, network = artifacts.load_network(Path(directory))
        Path(target).write_bytes(compile_network(spec, network))
    except MlError as error:
        sys.stdout.write(json.dumps({"code": error.code, "sentence": error.sentence}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
