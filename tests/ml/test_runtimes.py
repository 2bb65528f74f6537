"""Every runtime gives the same evidence for a network: the closed form is the general method."""

import dataclasses
import threading
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest

from ml import architectures, artifacts, compiling
from ml.contract import Evidence, ModelSpec
from ml.errors import ArtifactError, ContractError
from ml.explanation import METHODS
from ml.inference import Detector
from ml.runtimes import Runtime
from ml.runtimes.litert import SIZES, LiteRTRuntime
from ml.runtimes.mirrored import MirrorAveraged
from ml.runtimes.tensorflow import TensorFlowRuntime

Floats = npt.NDArray[np.float32]
PIXELS = np.random.default_rng(3).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
TOWERS = {"widths": (4, 8), "blocks": 1, "towers": 2}


def network(head: list[keras.layers.Layer], *, is_trainable: bool = True) -> keras.Model:
    """Feature map = red and green of the image itself, so that it can be known by hand."""
    image = keras.Input((8, 8, 3))
    select = keras.layers.Conv2D(2, 1, use_bias=False, name="features")
    x = select(image)
    select.set_weights([np.array([[1, 0], [0, 1], [0, 0]], np.float32).reshape(1, 1, 3, 2)])
    for layer in head:
        x = layer(x)
    model = keras.Model(image, x)
    model.trainable = is_trainable
    return model


def pooled_head(dense: keras.layers.Dense) -> list[keras.layers.Layer]:
    return [keras.layers.GlobalAveragePooling2D(), dense]


@pytest.fixture(scope="module")
def pair() -> tuple[Runtime, Runtime]:
    """A network of two towers, run by TensorFlow and compiled."""
    model = architectures.build("residual", TOWERS, input_size=(8, 8))
    rng = np.random.default_rng(5)
    # Statistics as after training: fresh ones would leave normalisation without effect.
    model.set_weights([w + 0.1 * rng.random(w.shape) for w in model.get_weights()])
    graph = compiling.compile_network(spec_of("residual"), model)
    return TensorFlowRuntime(model, "features"), LiteRTRuntime(graph, threads=1)


class TestTensorFlow:
    """The gradient is found by differentiating, whatever the head."""

    @pytest.mark.parametrize("is_trainable", [True, False])
    def test_behind_an_average_it_equals_evidence_made_by_hand(self, is_trainable: bool) -> None:
        dense = keras.layers.Dense(1)
        model = network(pooled_head(dense), is_trainable=is_trainable)
        dense.set_weights([np.array([[2.0], [-1.0]], np.float32), np.array([0.5], np.float32)])
        found = TensorFlowRuntime(model, "features").evidence(PIXELS)
        red, green = PIXELS[..., 0].astype(np.float32), PIXELS[..., 1].astype(np.float32)
        # logit = 2 mean(red) - mean(green) + 0.5, so d logit / d red = 2/64 everywhere.
        logits = 2 * red.mean(axis=(1, 2)) - green.mean(axis=(1, 2)) + 0.5
        np.testing.assert_allclose(found.logits, logits, rtol=1e-5)
        np.testing.assert_array_equal(found.maps, np.stack([red, green], axis=-1))
        by_hand = np.broadcast_to([2 / 64, -1 / 64], found.gradients.shape)
        np.testing.assert_allclose(found.gradients, by_hand, rtol=1e-6)

    def test_behind_a_head_that_knows_places_the_gradient_does_too(self) -> None:
        dense = keras.layers.Dense(1, use_bias=False)
        model = network([keras.layers.Flatten(), dense])
        kernel = np.random.default_rng(4).normal(size=(8, 8, 2)).astype(np.float32)
        dense.set_weights([kernel.reshape(128, 1)])
        found = TensorFlowRuntime(model, "features").evidence(PIXELS)
        by_hand = np.broadcast_to(kernel, found.gradients.shape)
        np.testing.assert_allclose(found.gradients, by_hand, rtol=1e-6)

    def test_the_number_of_threads_is_fixed_once_it_runs(self, model_dir: Path) -> None:
        with pytest.raises(ContractError) as caught:
            Detector.load(model_dir, threads=97, runtime="tensorflow")
        assert caught.value.code == "threads_fixed"


class TestLiteRT:
    """The compiled graph gives what the network gives."""

    def test_logits_maps_and_gradients_are_those_of_the_general_method(
        self, pair: tuple[Runtime, Runtime]
    ) -> None:
        general, compiled = pair
        assert_same(compiled.evidence(PIXELS), general.evidence(PIXELS))
        np.testing.assert_allclose(compiled.logits(PIXELS), general.logits(PIXELS), rtol=1e-4)

    def test_so_they_are_averaged_over_the_mirror_image(
        self, pair: tuple[Runtime, Runtime]
    ) -> None:
        general, compiled = (MirrorAveraged(runtime) for runtime in pair)
        assert_same(compiled.evidence(PIXELS), general.evidence(PIXELS))
        assert compiled.evidence(PIXELS).maps.shape == (5, 4, 4, 2 * 16)

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("flip_averaging", [True, False])
    def test_so_is_every_heatmap(
        self, pair: tuple[Runtime, Runtime], method: str, flip_averaging: bool
    ) -> None:
        spec = spec_of("residual", flip_averaging=flip_averaging)
        general, compiled = (
            Detector(spec, runtime).explain_arrays(PIXELS, method) for runtime in pair
        )
        for one, other in zip(general, compiled, strict=True):
            assert one.heatmap is not None
            assert other.heatmap is not None
            assert other.heatmap.method == method
            assert other.p_fake == pytest.approx(one.p_fake, abs=1e-5)
            np.testing.assert_allclose(other.heatmap.values, one.heatmap.values, atol=1e-3)

    def test_the_gradient_is_the_kernel_over_the_places(self) -> None:
        model = architectures.build("tiny", {}, input_size=(8, 8))
        kernel, _ = model.get_layer("logit").get_weights()
        graph = compiling.compile_network(spec_of("tiny"), model)
        gradients = LiteRTRuntime(graph).evidence(PIXELS).gradients
        np.testing.assert_allclose(
            gradients, np.broadcast_to(kernel[:, 0] / 64, gradients.shape), rtol=1e-5
        )

    @pytest.mark.parametrize("count", [0, 1, 3, SIZES[0], SIZES[0] + SIZES[1] + 1])
    def test_every_image_of_a_batch_gets_its_own_answer(
        self, pair: tuple[Runtime, Runtime], count: int
    ) -> None:
        pixels = np.random.default_rng(6).integers(0, 256, (count, 8, 8, 3)).astype(np.uint8)
        general, compiled = pair
        assert_same(compiled.evidence(pixels), general.evidence(pixels))
        np.testing.assert_allclose(compiled.logits(pixels), general.logits(pixels), rtol=1e-4)

    def test_threads_take_turns(self, pair: tuple[Runtime, Runtime]) -> None:
        _, compiled = pair
        batches = [
            np.random.default_rng(n).integers(0, 256, (20, 8, 8, 3)).astype(np.uint8)
            for n in range(8)
        ]
        expected = [compiled.logits(batch) for batch in batches]
        found: dict[int, Floats] = {}

        def answer(number: int) -> None:
            for _ in range(20):
                found[number] = compiled.logits(batches[number])

        threads = [threading.Thread(target=answer, args=(n,)) for n in range(len(batches))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number, logits in enumerate(expected):
            np.testing.assert_array_equal(found[number], logits)

    @pytest.mark.parametrize("content", [b"", b"nonsense", b"\0" * 4096])
    def test_what_is_no_graph_is_refused(self, content: bytes) -> None:
        with pytest.raises(ArtifactError, match="Received: ") as caught:
            LiteRTRuntime(content)
        assert caught.value.code == "invalid_graph"

    def test_a_graph_of_something_else_is_refused(self) -> None:
        with pytest.raises(ArtifactError) as caught:
            LiteRTRuntime(graph_without_explanation())
        assert caught.value.code == "invalid_graph"


class TestChoice:
    """Which runtime a stored model gets."""

    def test_a_compiled_model_runs_without_tensorflow(self, model_dir: Path) -> None:
        assert isinstance(bare(Detector.load(model_dir)), LiteRTRuntime)

    def test_tensorflow_answers_where_it_is_asked_for(self, model_dir: Path) -> None:
        detector = Detector.load(model_dir, runtime="tensorflow")
        assert isinstance(bare(detector), TensorFlowRuntime)
        compiled = Detector.load(model_dir)
        assert_same(compiled.runtime.evidence(PIXELS), detector.runtime.evidence(PIXELS))

    def test_tensorflow_answers_where_the_head_is_not_linear(self, tmp_path: Path) -> None:
        store(tmp_path / "model", "topology", {"conv_layers": 1, "filters": 2, "dense_units": 3})
        detector = Detector.load(tmp_path / "model")
        assert isinstance(bare(detector), TensorFlowRuntime)
        (answer,) = detector.explain_arrays(PIXELS[:1])
        assert answer.heatmap is not None

    def test_a_model_from_before_the_graphs_is_compiled_by_another_process(
        self, tmp_path: Path
    ) -> None:
        store(tmp_path / "model", "tiny", {})
        detector = Detector.load(tmp_path / "model")
        assert isinstance(bare(detector), LiteRTRuntime)
        general = Detector.load(tmp_path / "model", runtime="tensorflow")
        assert_same(detector.runtime.evidence(PIXELS), general.runtime.evidence(PIXELS))
        assert {path.name for path in (tmp_path / "model").iterdir()} == {
            "spec.json",
            "weights.weights.h5",
        }

    def test_no_threads_at_all_are_refused(self, model_dir: Path) -> None:
        with pytest.raises(ContractError, match=r"threads must be at least 1\. Received: 0"):
            Detector.load(model_dir, threads=0)


def bare(detector: Detector) -> Runtime:
    """The runtime below the averaging over the mirror image."""
    runtime = detector.runtime
    return runtime._runtime if isinstance(runtime, MirrorAveraged) else runtime


def spec_of(architecture: str, **changes: object) -> ModelSpec:
    """The spec of a network for 8x8 pixels."""
    from tests.colours import SPEC

    return dataclasses.replace(SPEC, architecture=architecture, **changes)  # type: ignore[arg-type]


def store(directory: Path, architecture: str, options: dict[str, object]) -> None:
    """Store an untrained network without a graph."""
    model = architectures.build(architecture, options, input_size=(8, 8))
    spec = spec_of(architecture, architecture_options=options)
    artifacts.save(directory, spec, model.save_weights)


def graph_without_explanation() -> bytes:
    """A graph that LiteRT can run, but that answers with nothing but its input."""
    import tensorflow as tf

    double = tf.function(lambda pixels: 2 * pixels, autograph=False)
    concrete = double.get_concrete_function(tf.TensorSpec((1, 8, 8, 3), tf.float32))
    graph: bytes = tf.lite.TFLiteConverter.from_concrete_functions(
        [concrete], tf.Module()
    ).convert()
    return graph


def assert_same(found: Evidence, wanted: Evidence) -> None:
    for name in ("logits", "maps", "gradients"):
        one, other = getattr(found, name), getattr(wanted, name)
        assert one.dtype == np.float32, name
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5, err_msg=name)
