"""The weights for faces are whole, documented, and answer as they did when they were published."""

import zipfile

import numpy as np
import pytest

from ml import artifacts, recipes
from ml.facedata import FORM
from ml.faces import cut, find_faces
from ml.inference import Detector
from ml.modelcard import FACES, FILE_NAME, render
from ml.preprocessing import prepare_upright
from tests.data import ROOT, data_file
from tests.portraits import portraits

SHIPPED = ROOT / "ml" / "pretrained" / "faces-inception"
# P(FAKE) of the first test portraits of each class when the weights were published: whatever
# changes between the portrait and the logit shows here, the place of the face included.
GOLDEN = {
    "REAL": [0.2849, 0.8007, 0.0924, 0.5616],
    "FAKE": [0.9230, 0.7386, 0.9531, 0.4123],
}


def test_the_model_is_whole_and_small() -> None:
    artifacts.verify(SHIPPED)
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 8 * 2**20


def test_its_spec_is_one_of_the_face_track() -> None:
    spec = artifacts.read_spec(SHIPPED)
    assert (spec.track, spec.architecture) == ("face", "inception_resnet_v1")
    assert spec.preprocessing == FORM
    assert spec.in_domain(320, 320)
    assert not spec.in_domain(1024, 1024)
    assert spec.training is not None
    assert spec.training.data.train_images == 1204
    assert spec.training.config == recipes.find("faces-inception").config


def test_its_figures_are_of_the_test_part_and_come_with_intervals() -> None:
    record = artifacts.read_spec(SHIPPED).evaluation
    assert record is not None
    assert record.weights_sha256 == artifacts.read_spec(SHIPPED).weights_sha256
    assert record.n == 328
    assert record.confusion["fake_as_fake"] + record.confusion["fake_as_real"] == 118
    assert record.bootstrap is not None
    low, high = record.bootstrap.intervals["roc_auc"]
    assert record.roc_auc is not None
    assert low < record.roc_auc < high


def test_its_card_is_the_one_of_its_spec_and_names_the_limits() -> None:
    card = (SHIPPED / FILE_NAME).read_text(encoding="utf-8")
    assert card == render(artifacts.read_spec(SHIPPED), FACES)
    for words in ("no product-grade detector", "CC BY-NC-SA 4.0", "research and\nevaluation only"):
        assert words in card


@pytest.mark.parametrize("label", ["REAL", "FAKE"])
def test_portraits_get_the_answers_they_always_got(label: str) -> None:
    detector = Detector.load(SHIPPED)
    pixels = [
        prepare_upright(cut(image, find_faces(image)[0]), FORM) for image in portraits(4, label)
    ]
    found, _ = detector.predict_arrays(np.stack(pixels))
    assert found.tolist() == pytest.approx(GOLDEN[label], abs=0.02)


def test_no_test_portrait_was_trained_on() -> None:
    with zipfile.ZipFile(data_file("faces", "faces.zip")) as archive:
        files = [(i.filename.split("/")[0], (i.CRC, i.file_size)) for i in archive.infolist()]
    sealed = {content for part, content in files if part == "test"}
    assert len(sealed) == 328
    assert not sealed & {content for part, content in files if part in ("train", "val")}
