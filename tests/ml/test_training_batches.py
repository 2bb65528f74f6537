"""Batches come in the order that seed and epoch decide, and their thread ends with them."""

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import numpy as np
import pytest

from ml.contract import TrainingConfig
from ml.datasets import LabelledImages
from ml.errors import TrainingError
from ml.training.batches import Batch, Batches, ahead
from tests.ml.conftest import CONFIG


def threads() -> int:
    return sum(thread.name.startswith("batches") for thread in threading.enumerate())


def equal(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(before[0], now[0]) and np.array_equal(before[1], now[1])
        for before, now in zip(one, other, strict=True)
    )


class TestAhead:
    """Items are made in another thread and taken in this one."""

    def test_order_is_kept_and_the_thread_ends(self) -> None:
        assert list(ahead(iter(range(100)), depth=3)) == list(range(100))
        assert threads() == 0

    def test_items_are_made_before_they_are_asked_for(self) -> None:
        made = threading.Semaphore(0)

        def items() -> Iterator[int]:
            for number in range(10):
                made.release()
                yield number

        with closing(ahead(items(), depth=3)) as numbers:
            assert next(numbers) == 0
            for _ in range(4):  # the one that was taken, and three in advance
                assert made.acquire(timeout=60)

    def test_no_more_are_made_than_in_advance(self) -> None:
        made: list[int] = []

        def items() -> Iterator[int]:
            for number in range(100):
                made.append(number)
                yield number

        with closing(ahead(items(), depth=3)) as numbers:
            assert next(numbers) == 0
        assert len(made) <= 4

    def test_an_error_comes_in_its_place(self) -> None:
        def items() -> Iterator[int]:
            yield 1
            raise ZeroDivisionError("in the thread")

        numbers = ahead(items())
        assert next(numbers) == 1
        with pytest.raises(ZeroDivisionError, match="in the thread"):
            next(numbers)
        assert threads() == 0

    def test_it_may_be_left_early(self) -> None:
        with closing(ahead(iter(range(10**9)))) as numbers:
            assert list(islice(numbers, 5)) == [0, 1, 2, 3, 4]
            assert threads() == 1
        assert threads() == 0


class TestBatches:
    """All augmentation at once, twice."""

    config = dataclasses.replace(
        CONFIG, erase_size=2, cutmix=0.5, degradation=0.5, rotation=10.0, zoom=0.1
    )

    def made(self, images: LabelledImages, config: TrainingConfig, epoch: int = 1) -> list[Batch]:
        return list(Batches(config, images).epoch(epoch))

    def test_the_same_epoch_is_the_same_again(self, images: LabelledImages) -> None:
        assert equal(self.made(images, self.config), self.made(images, self.config))
        assert equal(
            self.made(images, self.config), list(ahead(Batches(self.config, images).epoch(1)))
        )

    def test_epochs_and_seeds_differ(self, images: LabelledImages) -> None:
        first = self.made(images, self.config)
        assert not equal(first, self.made(images, self.config, epoch=2))
        other = dataclasses.replace(self.config, seed=8)
        assert not equal(first, self.made(images, other))

    def test_the_images_themselves_stay_as_they_are(self, images: LabelledImages) -> None:
        before = images.pixels.copy()
        self.made(images, self.config)
        np.testing.assert_array_equal(images.pixels, before)

    def test_cutmix_belongs_to_its_cycle(self, images: LabelledImages) -> None:
        wide = images.pixels.repeat(2, axis=1).repeat(2, axis=2)  # four JPEG blocks each
        config = dataclasses.replace(CONFIG, finetune_epochs=1, finetune_cutmix=1.0)
        batches = Batches(config, dataclasses.replace(images, pixels=wide))
        first, second = (
            {value for _, targets in batches.epoch(epoch) for value in targets.ravel().tolist()}
            for epoch in (CONFIG.epochs, CONFIG.epochs + 1)
        )
        assert first == {0.0, 1.0}
        assert {0.25, 0.75} & second

    def test_an_epoch_has_each_image_once_at_most(self, images: LabelledImages) -> None:
        plain = dataclasses.replace(CONFIG, horizontal_flip=False)
        batches = self.made(images, plain)
        assert [len(pixels) for pixels, _ in batches] == [16] * 12
        seen = np.concatenate([pixels for pixels, _ in batches]).reshape(192, -1)
        assert len(np.unique(seen, axis=0)) == 192


class TestSubjects:
    """The number in brackets of CIFAKE's file names."""

    config = dataclasses.replace(CONFIG, subject_weight=0.5, batch_size=4)

    def named(self, images: LabelledImages, *names: str) -> LabelledImages:
        return dataclasses.replace(images.take(np.arange(len(names))), names=names)

    def test_targets_are_fake_and_then_the_subject(self, images: LabelledImages) -> None:
        names = ("train/REAL/0000.jpg", "a/0001 (2).jpg", "0002 (10).jpg", "0003 (7).JPEG")
        ((_, targets),) = Batches(self.config, self.named(images, *names)).epoch(1)
        assert targets.shape == (4, 11)
        assert sorted(targets[:, 1:].argmax(axis=1).tolist()) == [0, 1, 6, 9]
        assert (targets[:, 1:].sum(axis=1) == 1).all()

    @pytest.mark.parametrize("wrong", ["0003 (11).jpg", "0003 (1).jpg", "cat.jpg", "0003(2).jpg"])
    def test_names_that_tell_none_are_refused(self, images: LabelledImages, wrong: str) -> None:
        named = self.named(images, "0000.jpg", "0001 (2).jpg", "0002 (3).jpg", f"REAL/{wrong}")
        with pytest.raises(TrainingError, match="Received: ") as caught:
            Batches(self.config, named)
        assert caught.value.code == "no_subjects"
        assert wrong in caught.value.sentence

    def test_numbered_files_without_subjects_are_refused(self, images: LabelledImages) -> None:
        with pytest.raises(TrainingError) as caught:
            Batches(self.config, self.named(images, *(f"{number:04}.jpg" for number in range(4))))
        assert caught.value.code == "no_subjects"
