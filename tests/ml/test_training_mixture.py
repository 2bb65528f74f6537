"""An epoch shows new images in the share that was asked for, and keeps the classes even."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from ml.contract import ContractError, TrainingConfig
from ml.datasets import LabelledImages
from ml.training import TrainingData
from ml.training.batches import Batches
from ml.training.mixture import mixed_order
from tests.ml.conftest import CONFIG

RNG = np.random.default_rng(1)


def mask(count: int, *new: int) -> npt.NDArray[np.bool_]:
    return np.isin(np.arange(count), new)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_each_class_has_the_share_of_new_images(share: float) -> None:
    labels = np.repeat([0, 1], 40).astype(np.uint8)
    is_new = mask(80, *range(4), *range(40, 48))  # four of the one class, eight of the other
    order = mixed_order(labels, is_new, share, np.random.default_rng(3))
    assert len(order) == 80
    for label in (0, 1):
        shown = order[labels[order] == label]
        assert len(shown) == 40
        assert is_new[shown].mean() == pytest.approx(share)


def test_images_come_again_only_once_all_have_come() -> None:
    labels = np.zeros(30, np.uint8)
    order = mixed_order(labels, mask(30, 0, 1, 2), 0.5, RNG)
    times = np.bincount(order, minlength=30)
    assert times[:3].tolist() == [5, 5, 5]
    assert sorted(set(times[3:].tolist())) == [0, 1]
    assert times.sum() == 30


@pytest.mark.parametrize("new", [range(10), range(0)])
def test_a_class_of_one_kind_is_shown_whole(new: range) -> None:
    order = mixed_order(np.zeros(10, np.uint8), mask(10, *new), 0.5, RNG)
    assert sorted(order.tolist()) == list(range(10))


def test_the_same_seed_draws_the_same() -> None:
    labels = np.repeat([0, 1], 20).astype(np.uint8)
    orders = [
        mixed_order(labels, mask(40, 1, 30), 0.3, np.random.default_rng(9)).tolist()
        for _ in range(2)
    ]
    assert orders[0] == orders[1]


def test_batches_and_evened_classes_follow_it() -> None:
    config = dataclasses.replace(
        CONFIG, new_share=0.5, batch_size=8, horizontal_flip=False, degradation=0.0
    )
    labels = np.array([0] * 24 + [1] * 8, np.uint8)
    pixels = np.broadcast_to(
        np.arange(32, dtype=np.uint8)[:, None, None, None], (32, 8, 8, 3)
    ).copy()
    names = tuple(map(str, range(32)))
    train = LabelledImages(pixels, labels, names, names)
    held = LabelledImages(pixels[:2], labels[[0, -1]], ("a", "b"), ("a", "b"))
    new = {str(index) for index in (0, 1, 31)}
    data = TrainingData.given(train, held, new=new)
    shown = [
        (pixels[:, 0, 0, 0].tolist(), targets[:, 0].tolist())
        for pixels, targets in Batches(config, data.train, data.is_new).epoch(1)
    ]
    images = [image for batch, _ in shown for image in batch]
    targets = [target for _, batch in shown for target in batch]
    assert len(images) == 48
    assert sum(targets) == 24
    assert sum(str(image) in new for image in images) == 24


def test_without_a_share_images_come_as_they_are(images: LabelledImages) -> None:
    plain = list(Batches(CONFIG, images).epoch(1))
    marked = list(Batches(CONFIG, images, np.zeros(len(images), bool)).epoch(1))
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(plain, marked, strict=True))


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_lies_between_nothing_and_all(share: float) -> None:
    with pytest.raises(ContractError):
        TrainingConfig(new_share=share)
