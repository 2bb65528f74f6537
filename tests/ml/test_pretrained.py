"""The weights that ship are whole, small, documented, and answer as they always did."""

import io

import numpy as np
import pytest
from PIL import Image

from ml import artifacts, recipes
from ml.cli.judging import SHIPPED
from ml.contract import Prediction
from ml.evaluation import evaluate
from ml.inference import Detector
from ml.modelcard import CIFAKE, FILE_NAME, render
from tests.data import cifake_images, data_file

# File -> P(FAKE) when the weights were published. A class order, a scale or a resize that changes
# anywhere between the file and the logit shows here.
GOLDEN: dict[str, float] = {
    "real-0000 (10).jpg": 0.0013,
    "real-0000 (2).jpg": 0.0015,
    "real-0000 (3).jpg": 0.0018,
    "real-0000 (4).jpg": 0.0047,
    "fake-0 (10).jpg": 0.9981,
    "fake-0 (2).jpg": 0.9980,
    "fake-0 (3).jpg": 0.9988,
    "fake-0 (4).jpg": 0.9988,
}
GOLDEN_PATTERN = 0.9950


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load(SHIPPED)


def pattern() -> bytes:
    """A file that every machine can make: coloured stripes with a little noise."""
    rng = np.random.default_rng(11)
    pixels = rng.integers(0, 30, (32, 32, 3)) + 100
    pixels[:, ::4] += 60
    pixels[8:20, 8:20, 0] += 50
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def p_fake(detector: Detector, content: bytes) -> float:
    (result,) = detector.predict([content])
    assert isinstance(result, Prediction)
    return result.p_fake


def test_the_shipped_model_is_whole_and_small() -> None:
    artifacts.verify(SHIPPED)
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 14 * 2**20


def test_its_spec_tells_all_that_is_promised() -> None:
    spec = artifacts.read_spec(SHIPPED)
    assert spec.input_size == (32, 32)
    assert spec.in_domain(32, 32)
    assert not spec.in_domain(640, 480)
    assert 0 < spec.calibration.band_low < 0.5 < spec.calibration.band_high < 1
    assert spec.training is not None
    assert spec.training.data.train_images + spec.training.data.validation_images == 100_000
    assert spec.training.kept.epoch == spec.training.config.all_epochs
    assert spec.training.config == recipes.find("cifake-residual").config


def test_its_figures_reach_the_bar() -> None:
    record = artifacts.read_spec(SHIPPED).evaluation
    assert record is not None
    assert record.weights_sha256 == artifacts.read_spec(SHIPPED).weights_sha256
    assert (record.n, record.unreadable) == (20_000, ())
    assert record.accuracy >= 0.986
    assert record.deduplicated is not None
    assert record.deduplicated.n == 19_622
    assert record.tiers["jpeg_q40"].accuracy >= 0.958
    assert record.tiers["noise_0.10"].accuracy >= 0.962
    assert record.tiers["blur_0.6"].accuracy >= 0.874


def test_its_false_alarms_on_validation_bound_its_band() -> None:
    spec = artifacts.read_spec(SHIPPED)
    table, record = spec.calibration.false_alarms, spec.evaluation
    assert table is not None
    assert record is not None
    assert (table.real, table.threshold(0.01), table.threshold(0.005)) == (3000, 0.713371, 0.960038)
    served = spec.bounded(0.01).calibration
    assert (
        record.band == (served.band_low, served.band_high) == (spec.calibration.band_low, 0.713371)
    )
    assert record.max_false_alarms == 0.01
    assert record.false_alarms == pytest.approx(0.0119)
    assert record.coverage > 0.993


def test_its_card_is_the_one_of_its_spec() -> None:
    card = (SHIPPED / FILE_NAME).read_text(encoding="utf-8")
    assert card == render(artifacts.read_spec(SHIPPED), CIFAKE)


def test_a_pattern_gets_the_answer_it_always_got(detector: Detector) -> None:
    assert p_fake(detector, pattern()) == pytest.approx(GOLDEN_PATTERN, abs=0.02)


def test_real_cifake_images_get_the_answers_they_always_got(detector: Detector) -> None:
    files = cifake_images("REAL", 4) | cifake_images("FAKE", 4)
    found = {name: p_fake(detector, content) for name, content in files.items()}
    assert found == pytest.approx(GOLDEN, abs=0.01)


def test_a_sample_of_the_test_images_is_judged_as_the_record_says(detector: Detector) -> None:
    record = evaluate(detector, data_file("cifake", "test.zip"), limit=600)
    published = detector.spec.evaluation
    assert published is not None
    assert record.accuracy == pytest.approx(published.accuracy, abs=0.02)


def test_its_probabilities_lean_on_the_picture_and_not_on_the_file(detector: Detector) -> None:
    """Brought to the form by another road, an image keeps its answer for the most part."""
    files = cifake_images("REAL", 40) | cifake_images("FAKE", 40)
    kept = [
        (p_fake(detector, content) >= 0.5) == (p_fake(detector, as_png(content)) >= 0.5)
        for content in files.values()
    ]
    assert np.mean(kept) >= 0.95


def as_png(content: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(content)).save(buffer, "PNG")
    return buffer.getvalue()
