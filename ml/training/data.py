"""The two sides of a split, one to learn from and one to judge by, and the record of both."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.contract import DataRecord, TrainingConfig
from ml.datasets import LabelledImages, content_sha256
from ml.splits import check_apart, split


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """The two sides of a split, the record of what they are, and which training images are new.

    `is_new` is a mask (n,) over `train`, `None` where nobody asks.
    """

    train: LabelledImages
    validation: LabelledImages
    record: DataRecord
    is_new: npt.NDArray[np.bool_] | None = None

    @classmethod
    def divide(cls, images: LabelledImages, config: TrainingConfig) -> "TrainingData":
        """Split off `config.validation_images`, grouped by content, seeded and balanced."""
        train, validation = split(
            images.labels, images.hashes, config.validation_images, config.seed
        )
        kept, held = images.take(train), images.take(validation)
        return cls(kept, held, _record(kept, held, images.source, len(images.unreadable)))

    @classmethod
    def given(
        cls,
        train: LabelledImages,
        validation: LabelledImages,
        *,
        new: AbstractSet[str] | None = None,
    ) -> "TrainingData":
        """Take a split as its authors made it; the rarer class is repeated until both are even.

        Args:
            train: To learn from.
            validation: To choose by.
            new: Content hashes of the images that count as new, for `TrainingConfig.new_share`.

        Raises:
            DatasetError: `test_overlaps_training` when an image is on both sides.
        """
        check_apart(train.hashes, validation.hashes)
        unreadable = len(train.unreadable) + len(validation.unreadable)
        record = _record(train, validation, train.source, unreadable)
        indices = _evened(train)
        is_new = None
        if new is not None:
            is_new = np.array([content_hash in new for content_hash in train.hashes])[indices]
        return cls(train.take(indices), validation, record, is_new)


def _record(
    train: LabelledImages, validation: LabelledImages, source: str, unreadable: int
) -> DataRecord:
    return DataRecord(
        source=source,
        train_images=len(train),
        train_sha256=content_sha256(train.hashes),
        validation_images=len(validation),
        validation_sha256=content_sha256(validation.hashes),
        unreadable_images=unreadable,
    )


def _evened(images: LabelledImages) -> npt.NDArray[np.intp]:
    """Return all indices, those of the rarer class repeated evenly until both are as many."""
    members = [np.flatnonzero(images.labels == label) for label in (0, 1)]
    rarer = min(members, key=len)
    missing = len(images) - 2 * len(rarer)
    again = rarer[np.arange(missing) * len(rarer) // max(missing, 1)]
    return np.concatenate([np.arange(len(images)), again])
