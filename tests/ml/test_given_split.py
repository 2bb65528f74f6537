"""A split that data comes with is kept, and the rarer class is repeated until both are even."""

import json
from pathlib import Path

import numpy as np
import pytest

from ml import artifacts
from ml.cli import main
from ml.datasets import LabelledImages
from ml.errors import DatasetError
from ml.training import TrainingData
from tests.ml.conftest import blob


def labelled(real: int, fake: int, first: int = 0) -> LabelledImages:
    labels = np.array([0] * real + [1] * fake, np.uint8)
    names = tuple(str(first + index) for index in range(len(labels)))
    pixels = np.arange(first, first + len(labels), dtype=np.uint8)[:, None, None, None]
    return LabelledImages(np.broadcast_to(pixels, (len(labels), 8, 8, 3)), labels, names, names)


@pytest.mark.parametrize(("real", "fake"), [(7, 4), (3, 10), (5, 5), (9, 1)])
def test_both_classes_become_even(real: int, fake: int) -> None:
    data = TrainingData.given(labelled(real, fake), labelled(2, 1, first=100))
    most = max(real, fake)
    assert np.bincount(data.train.labels).tolist() == [most, most]
    rarer = int(fake < real)
    _, counts = np.unique(
        data.train.pixels[data.train.labels == rarer, 0, 0, 0], return_counts=True
    )
    assert len(counts) == min(real, fake)
    assert counts.max() - counts.min() <= 1
    assert (data.record.train_images, data.record.validation_images) == (real + fake, 3)
    assert np.bincount(data.validation.labels).tolist() == [2, 1]


def test_an_image_on_both_sides_is_refused() -> None:
    with pytest.raises(DatasetError) as caught:
        TrainingData.given(labelled(4, 4), labelled(2, 2, first=6))
    assert caught.value.code == "test_overlaps_training"


def folder(root: Path, counts: tuple[int, int], first: int) -> Path:
    for label, (name, count) in enumerate(zip(("REAL", "FAKE"), counts, strict=True)):
        (root / name).mkdir(parents=True)
        for seed in range(first, first + count):
            (root / name / f"{seed}.jpg").write_bytes(blob(label, seed))
    return root


def test_training_and_export_take_it_from_the_command_line(tmp_path: Path) -> None:
    train, val = folder(tmp_path / "train", (20, 12), 0), folder(tmp_path / "val", (6, 4), 50)
    split = ["--data", str(train), "--validation", str(val)]
    run, model = str(tmp_path / "run"), tmp_path / "model"
    small = ["--architecture", "tiny", "--epochs", "1", "--warmup-epochs", "0", "--batch-size", "8"]
    assert main(["train", *split, "--out", run, *small]) == 0
    assert main(["export", *split, "--run", run, "--out", str(model), "--name", "given"]) == 0
    spec = artifacts.read_spec(model)
    assert spec.training is not None
    record = spec.training.data
    assert (record.train_images, record.validation_images) == (32, 10)
    assert json.loads(spec.to_json())["track"] == "thumbnail"
