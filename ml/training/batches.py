"""Batches in an order that seed and epoch alone decide, made ready while the device computes."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ml.contract import TrainingConfig
from ml.datasets import LabelledImages
from ml.errors import TrainingError
from ml.training import subjects
from ml.training.augmentation import augment, degrade, mix
from ml.training.mixture import mixed_order

T = TypeVar("T")
Batch = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]
AHEAD = 6


class _End:
    """What comes after the last item."""


END = _End()


class Batches:
    """The training images, epoch by epoch.

    A batch is pixels uint8 (size, h, w, 3) and targets float32 (size, 1 or 11): FAKE first, then
    the ten subjects where the configuration gives them weight. What does not fill a batch at an
    epoch's end is left to other epochs.

    Args:
        config: Seed, size of a batch, and how images are changed.
        images: To learn from.
        is_new: Mask (n,) of the images that `config.new_share` is about.

    Raises:
        TrainingError: `too_few_images` or, from the names, `no_subjects`.
    """

    def __init__(
        self,
        config: TrainingConfig,
        images: LabelledImages,
        is_new: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        self.config, self.pixels = config, images.pixels
        self.labels, self.is_new = images.labels, is_new
        self.targets = images.labels.astype(np.float32)[:, None]
        if config.subject_weight:
            self.targets = np.hstack([self.targets, subjects.one_hot(images.names)])
        self.steps = len(images) // config.batch_size
        if not self.steps:
            raise TrainingError(
                "too_few_images",
                f"{len(images)} training images do not fill a batch of {config.batch_size}.",
            )

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of one epoch, counted from 1 over both cycles."""
        config = self.config
        finetuning = epoch > config.epochs
        cutmix = config.finetune_cutmix if finetuning else config.cutmix
        rng = np.random.default_rng([config.seed, epoch])
        order = self._order(rng)
        for start in range(0, self.steps * config.batch_size, config.batch_size):
            chosen = order[start : start + config.batch_size]
            pixels, targets = self.pixels[chosen], self.targets[chosen]
            augment(pixels, rng, config, erase_size=0 if finetuning else config.erase_size)
            if rng.random() < cutmix:
                targets = mix(pixels, targets, rng)
            if config.degradation:
                degrade(pixels, rng, config.degradation)
            yield pixels, targets

    def _order(self, rng: np.random.Generator) -> npt.NDArray[np.intp]:
        """Return the images of an epoch, in its order."""
        share = self.config.new_share
        if share is None or self.is_new is None:
            return rng.permutation(len(self.pixels))
        return mixed_order(self.labels, self.is_new, share, rng)


def ahead(items: Iterator[T], depth: int = AHEAD) -> Generator[T, None, None]:
    """Make items in a thread, in their order and `depth` of them in advance.

    What making an item raises is raised in its place. The thread ends with the generator: close
    it, where it is not used up.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as thread:
        wanted = deque(thread.submit(next, items, END) for _ in range(depth))
        try:
            while not isinstance(item := wanted.popleft().result(), _End):
                wanted.append(thread.submit(next, items, END))
                yield item
        finally:
            thread.shutdown(cancel_futures=True)
