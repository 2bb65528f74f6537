"""Copies stay together on one side, and what was trained on is no test."""

from pathlib import Path

import numpy as np
import pytest

from ml import datasets
from ml.errors import DatasetError
from ml.splits import check_apart, split
from tests.ml.conftest import blob
from tests.ml.test_datasets import FOUR, folder, zipped


class TestSplit:
    """Copies on one side, classes balanced, and the same again for the same seed."""

    labels = np.array([0] * 60 + [1] * 60, np.uint8)
    hashes = tuple(f"{'fake' if index >= 60 else 'real'}{index // 3}" for index in range(120))

    def test_copies_of_one_image_stay_on_one_side(self) -> None:
        train, validation = split(self.labels, self.hashes, 30, seed=1)
        assert {self.hashes[i] for i in train}.isdisjoint(self.hashes[i] for i in validation)

    def test_every_image_is_on_one_side_and_classes_are_balanced(self) -> None:
        train, validation = split(self.labels, self.hashes, 30, seed=1)
        assert sorted([*train, *validation]) == list(range(120))
        assert np.bincount(self.labels[validation]).tolist() == [15, 15]

    def test_it_depends_on_the_seed_but_not_on_the_order(self) -> None:
        _, first = split(self.labels, self.hashes, 30, seed=1)
        _, again = split(self.labels[::-1], self.hashes[::-1], 30, seed=1)
        _, other = split(self.labels, self.hashes, 30, seed=2)
        assert {self.hashes[i] for i in first} == {self.hashes[::-1][i] for i in again}
        assert {self.hashes[i] for i in first} != {self.hashes[i] for i in other}

    @pytest.mark.parametrize("wanted", [120, 200])
    def test_too_few_images_are_refused(self, wanted: int) -> None:
        with pytest.raises(DatasetError) as caught:
            split(self.labels, self.hashes, wanted, seed=1)
        assert caught.value.code == "too_few_images"
        assert "Received: 60 REAL and 60 FAKE" in caught.value.sentence


class TestApart:
    """Test images that were trained on are refused, but for a share that is tolerated by name."""

    training = tuple("abcdefgh")

    @pytest.mark.parametrize(("test", "tolerated"), [("xyz", 0.0), ("xyzh", 0.25), ("ab", 1.0)])
    def test_within_the_tolerated_share_copies_are_told(self, test: str, tolerated: float) -> None:
        copies = check_apart(self.training, tuple(test), tolerated=tolerated)
        assert copies == set(test) & set(self.training)

    @pytest.mark.parametrize(("test", "tolerated"), [("xyzh", 0.0), ("xyzh", 0.2), ("xhh", 0.5)])
    def test_beyond_it_they_are_refused(self, test: str, tolerated: float) -> None:
        with pytest.raises(DatasetError) as caught:
            check_apart(self.training, tuple(test), tolerated=tolerated)
        assert caught.value.code == "test_overlaps_training"
        assert f"{test.count('h')} of {len(test)}" in caught.value.sentence

    def test_real_files_are_known_by_content_and_not_by_name(self, tmp_path: Path) -> None:
        train = folder(tmp_path / "train", FOUR)
        other = {"REAL/new.jpg": FOUR["a/REAL/1.jpg"], "FAKE/1.jpg": blob(1, 99)}
        test = zipped(tmp_path / "test.zip", other)
        with pytest.raises(DatasetError, match="Received: 1 of 2"):
            check_apart(datasets.hashes(train), tuple(datasets.hashes(test)))
