"""A small learnable data set, and one tiny network trained on it for the whole session."""

import io
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ml import datasets
from ml.contract import ModelSpec, Preprocessing, TrainingConfig
from ml.datasets import LabelledImages

FORM = Preprocessing(8, 8)
CONFIG = TrainingConfig(
    architecture="tiny",
    epochs=3,
    batch_size=16,
    peak_learning_rate=0.05,
    ema_momentum=0.9,
    validation_images=40,
)


def jpeg(pixels: npt.NDArray[np.uint8]) -> bytes:
    """An image file of the form that CIFAKE's files have."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=75)
    return buffer.getvalue()


def blob(label: int, seed: int) -> bytes:
    """An 8x8 file: FAKE (1) is reddish, REAL (0) bluish, so that a tiny network can learn it."""
    rng = np.random.default_rng([label, seed])
    pixels = rng.integers(60, 180, (8, 8, 3))
    pixels[..., 0 if label else 2] += 40
    return jpeg(pixels.astype(np.uint8))


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip with 100 images of each class."""
    path = tmp_path_factory.mktemp("data") / "blobs.zip"
    with zipfile.ZipFile(path, "w") as file:
        for label, name in enumerate(("REAL", "FAKE")):
            for seed in range(100):
                file.writestr(f"blobs/{name}/{seed:03}.jpg", blob(label, seed))
    return path


@pytest.fixture(scope="session")
def images(archive: Path) -> LabelledImages:
    """The archive, read."""
    return datasets.load(archive, FORM)


@pytest.fixture(scope="session")
def run_dir(images: LabelledImages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny network."""
    from ml.training import TrainingData, fit

    path = tmp_path_factory.mktemp("run")
    assert fit(CONFIG, TrainingData.divide(images, CONFIG), out_dir=path).status == "finished"
    return path


@pytest.fixture(scope="session")
def model_dir(
    run_dir: Path, images: LabelledImages, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The run's model, as stored; tests that change it work on a copy."""
    from ml.publishing import export
    from ml.training import TrainingData

    path = tmp_path_factory.mktemp("models") / "blobs"
    data = TrainingData.divide(images, CONFIG)
    export(run_dir, data, path, name="blobs", domain="Blobs of 8x8 pixels.")
    return path


@pytest.fixture
def spec(model_dir: Path) -> ModelSpec:
    """The stored model's spec."""
    from ml.artifacts import read_spec

    return read_spec(model_dir)
