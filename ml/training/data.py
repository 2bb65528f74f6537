"""The two sides of a split, one to learn from and one to judge by, and the record of both."""

from dataclasses import dataclass

from ml.contract import DataRecord, TrainingConfig
from ml.datasets import LabelledImages, content_sha256
from ml.splits import split


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
        record = DataRecord(
            source=images.source,
            train_images=len(kept),
            train_sha256=content_sha256(kept.hashes),
            validation_images=len(held),
            validation_sha256=content_sha256(held.hashes),
            unreadable_images=len(images.unreadable),
        )
        return cls(kept, held, record)
