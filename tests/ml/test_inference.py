"""A detector answers for files as for arrays, singly as in batches, and errors in their place."""

import dataclasses
import threading
from pathlib import Path

import numpy as np
import pytest

from ml import artifacts
from ml.contract import ContractError, Prediction
from ml.datasets import LabelledImages
from ml.inference import Detector
from ml.preprocessing import ImageReadError
from tests.ml.conftest import blob


@pytest.fixture(scope="module")
def detector(model_dir: Path) -> Detector:
    loaded = Detector.load(model_dir)
    loaded.warm_up()
    return loaded


def probability(result: Prediction | ImageReadError) -> float:
    assert isinstance(result, Prediction)
    return result.p_fake


def test_fake_is_the_positive_class(detector: Detector) -> None:
    fake, real = detector.predict([blob(1, 500), blob(0, 500)])
    assert probability(fake) > 0.9
    assert probability(real) < 0.1


def test_files_bytes_and_arrays_give_the_same(
    detector: Detector, images: LabelledImages, tmp_path: Path
) -> None:
    (tmp_path / "blob.jpg").write_bytes(blob(1, 3))
    from_path, from_bytes = detector.predict([tmp_path / "blob.jpg", blob(1, 3)])
    index = images.names.index("blobs/FAKE/003.jpg")
    p_fake, _ = detector.predict_arrays(images.pixels[index : index + 1])
    assert probability(from_path) == probability(from_bytes)
    assert probability(from_path) == pytest.approx(p_fake[0], abs=1e-6)


def test_the_heatmap_comes_with_the_same_answer(detector: Detector) -> None:
    plain = detector.predict([blob(1, 7)], with_heatmap=False)[0]
    explained = detector.predict([blob(1, 7)])[0]
    assert isinstance(plain, Prediction)
    assert isinstance(explained, Prediction)
    assert plain.heatmap is None
    assert explained.heatmap is not None
    assert plain.p_fake == pytest.approx(explained.p_fake, abs=1e-6)
    assert (explained.heatmap.layer, explained.heatmap.method) == ("features", "grad-cam")
    values = explained.heatmap.values
    assert values.shape == (8, 8)
    assert values.dtype == np.float32
    assert values.min() >= 0
    assert values.max() == pytest.approx(1)


def test_probability_is_the_calibrated_logit(detector: Detector) -> None:
    result = detector.predict([blob(0, 9)])[0]
    assert isinstance(result, Prediction)
    temperature = detector.spec.calibration.temperature
    assert result.p_fake == pytest.approx(1 / (1 + np.exp(-result.logit / temperature)))


def test_an_unreadable_file_gets_its_error_in_its_place(detector: Detector, tmp_path: Path) -> None:
    results = detector.predict([blob(1, 1), tmp_path / "none.jpg", b"words", blob(0, 1)])
    codes = [result.code if isinstance(result, ImageReadError) else "" for result in results]
    assert codes == ["", "missing_file", "not_an_image", ""]
    assert probability(results[0]) > 0.5 > probability(results[3])


def test_nothing_in_nothing_out(detector: Detector) -> None:
    assert detector.predict([]) == []
    p_fake, logits = detector.predict_arrays(np.zeros((0, 8, 8, 3), np.uint8))
    assert len(p_fake) == len(logits) == 0


def test_the_size_of_a_batch_does_not_matter(detector: Detector, images: LabelledImages) -> None:
    p_fake, _ = detector.predict_arrays(images.pixels)
    one_by_one = [detector.predict_arrays(images.pixels[i : i + 1])[0][0] for i in range(0, 200, 9)]
    np.testing.assert_allclose(p_fake[::9], one_by_one, atol=1e-6)
    explained = [prediction.p_fake for prediction in detector.explain_arrays(images.pixels)]
    np.testing.assert_allclose(p_fake, explained, atol=1e-6)


class TestFlipAveraging:
    """Logit and map are means over an image and its mirror image."""

    @pytest.fixture
    def pair(self, model_dir: Path) -> tuple[Detector, Detector]:
        spec, network = artifacts.load_network(model_dir)
        plain = dataclasses.replace(spec, flip_averaging=False)
        averaging = dataclasses.replace(spec, flip_averaging=True)
        return Detector.of(plain, network), Detector.of(averaging, network)

    def test_the_logit_is_the_mean(
        self, pair: tuple[Detector, Detector], images: LabelledImages
    ) -> None:
        plain, averaging = pair
        _, straight = plain.predict_arrays(images.pixels)
        _, mirrored = plain.predict_arrays(images.pixels[:, :, ::-1])
        _, logits = averaging.predict_arrays(images.pixels)
        np.testing.assert_allclose(logits, (straight + mirrored) / 2, atol=1e-5)

    def test_a_mirrored_image_gets_the_mirrored_map(
        self, pair: tuple[Detector, Detector], images: LabelledImages
    ) -> None:
        _, averaging = pair
        straight = averaging.explain_arrays(images.pixels[:20])
        mirrored = averaging.explain_arrays(images.pixels[:20, :, ::-1])
        for one, other in zip(straight, mirrored, strict=True):
            assert one.heatmap is not None
            assert other.heatmap is not None
            np.testing.assert_allclose(one.heatmap.values, other.heatmap.values[:, ::-1], atol=1e-5)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 9, 8, 3), np.uint8),
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((1, 8, 8, 3), np.float32),
    ],
)
def test_arrays_of_another_shape_or_type_are_refused(
    detector: Detector, pixels: np.ndarray
) -> None:
    with pytest.raises(ContractError, match="Received: ") as caught:
        detector.predict_arrays(pixels)
    assert caught.value.code == "wrong_shape"


def test_another_method_gives_another_heatmap_and_the_same_answer(detector: Detector) -> None:
    first, second = (
        detector.predict([blob(1, 7)], method=method)[0] for method in ("grad-cam", "score-cam")
    )
    assert isinstance(first, Prediction)
    assert isinstance(second, Prediction)
    assert first.heatmap is not None
    assert second.heatmap is not None
    assert first.p_fake == second.p_fake
    assert second.heatmap.method == "score-cam"
    assert not np.allclose(first.heatmap.values, second.heatmap.values)


def test_an_unknown_method_is_told(detector: Detector) -> None:
    with pytest.raises(ContractError, match=r"Received: 'x-ray'") as caught:
        detector.predict([blob(1, 7)], method="x-ray")
    assert caught.value.code == "unknown_method"


def test_threads_may_share_a_detector(detector: Detector, images: LabelledImages) -> None:
    expected, _ = detector.predict_arrays(images.pixels)
    found: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: found.append(detector.predict_arrays(images.pixels)[0]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for p_fake in found:
        np.testing.assert_allclose(p_fake, expected, atol=1e-6)
