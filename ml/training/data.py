"""The two sides of a split, one to learn from and one to judge by, and the record of both."""

from dataclasses import dataclass

import numpy as np

from ml.contract import DataRecord, TrainingConfig
from ml.datasets import LabelledImages, content_sha256
from ml.splits import check_apart, split


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """The two sides of a split, and the record of what they are."""

    train: LabelledImages
    validation: LabelledImages
    record: DataRecord

    @classmethod
    def divide(cls, images: LabelledImages, config: TrainingConfig) -> "TrainingData":
        """Split off `config.validation_images`, grouped by content, seeded and balanced."""
        train, validation = split(
            images.labels, images.hashes, config.validation_images, config.seed
        )
        kept, held = images.take(train), images.take(validation)
        return cls(kept, held, _record(kept, held, images.source, len(images.unreadable)))

    @classmethod
    def given(cls, train: LabelledImages, validation: LabelledImages) -> "TrainingData":
        """Take a split as its authors made it; the rarer class is repeated until both are even.

        Raises:
            DatasetError: `test_overlaps_training` when an image is on both sides.
        """
        check_apart(train.hashes, validation.hashes)
        unreadable = len(train.unreadable) + len(validation.unreadable)
        record = _record(train, validation, train.source, unreadable)
        return cls(_evened(train), validation, record)


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


def _evened(images: LabelledImages) -> LabelledImages:
    """Repeat images of the rarer class, spread over it evenly, until both are as many."""
    members = [np.flatnonzero(images.labels == label) for label in (0, 1)]
    rarer = min(members, key=len)
    missing = len(images) - 2 * len(rarer)
    again = rarer[np.arange(missing) * len(rarer) // max(missing, 1)]
    return images.take(np.concatenate([np.arange(len(images)), again]))
