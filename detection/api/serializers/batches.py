"""A batch: a zip of thousands of images, how it comes in, and what became of its files."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from detection.api.serializers.analyses import BriefAnalysisSerializer
from detection.api.serializers.common import Address, StoredErrorSerializer
from detection.models import Batch, BatchFile, BatchState
from detection.services.batches import MOST_PIECE_BYTES, BatchProgress, batch_progress


class OpenBatchSerializer(serializers.Serializer):
    """A zip that is about to be sent."""

    name = serializers.CharField(max_length=255, help_text="What the zip is called.")
    upload_bytes = serializers.IntegerField(
        min_value=1, max_value=2**60, help_text="How long it is, in bytes."
    )
    wants_mail = serializers.BooleanField(
        default=False, help_text="Whether a mail tells you when it has ended."
    )


class BatchSerializer(serializers.Serializer):
    """A batch, as lists tell it."""

    id = serializers.CharField(source="public_id")
    url = Address("api_batch")
    page = Address("batch_detail", help_text="Where people read it.")
    pieces_url = Address("api_batch_pieces", help_text="Where the next piece of the zip goes.")
    results_url = Address("api_batch_results")
    submission = serializers.CharField(source="submission.public_id")
    name = serializers.CharField()
    state = serializers.ChoiceField(BatchState.choices)
    upload_bytes = serializers.IntegerField()
    received_bytes = serializers.IntegerField(
        help_text="The offset at which the next piece begins."
    )
    most_piece_bytes = serializers.SerializerMethodField(
        help_text="How many bytes a piece may have."
    )
    files_total = serializers.IntegerField(
        allow_null=True, help_text="Files in the zip; null until its directory was read."
    )
    files_seen = serializers.IntegerField(help_text="How many of them are unpacked.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    error = serializers.SerializerMethodField()

    def get_most_piece_bytes(self, batch: Batch) -> int:
        """The bound."""
        return MOST_PIECE_BYTES

    @extend_schema_field(StoredErrorSerializer(allow_null=True))
    def get_error(self, batch: Batch) -> Any:
        """Why it was not unpacked to its end."""
        return StoredErrorSerializer(batch).data if batch.error_code else None


class BatchCountsSerializer(serializers.Serializer):
    """How many of its images are how far, by their answers that stand."""

    total = serializers.IntegerField()
    unfinished = serializers.IntegerField()
    finished = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    likely_ai = serializers.IntegerField()
    likely_real = serializers.IntegerField()
    inconclusive = serializers.IntegerField()
    copies = serializers.IntegerField(
        help_text="Of the finished, those answered by the stored result of the same file."
    )
    refused = serializers.IntegerField(help_text="Files that were not taken in.")


class BatchProgressSerializer(BatchSerializer):
    """A batch, and how far it is."""

    is_finished = serializers.SerializerMethodField(
        help_text="Whether it has ended: finished, failed or cancelled."
    )
    counts = serializers.SerializerMethodField()
    seconds_left = serializers.SerializerMethodField(
        help_text="By the rate of the last minute; null where that says nothing."
    )

    def get_is_finished(self, batch: Batch) -> bool:
        """Tell whether nothing is still to come."""
        return not batch.is_active

    @extend_schema_field(BatchCountsSerializer)
    def get_counts(self, batch: Batch) -> Any:
        """Count its images by state and verdict."""
        return BatchCountsSerializer(self._progress(batch)).data

    def get_seconds_left(self, batch: Batch) -> float | None:
        """Tell how long the rest may take."""
        return self._progress(batch).seconds_left

    def _progress(self, batch: Batch) -> BatchProgress:
        if not hasattr(self, "_read_progress"):
            self._read_progress = batch_progress(batch=batch)
        return self._read_progress


class RepeatedSerializer(BatchProgressSerializer):
    """A batch, and how many of its analyses are run again."""

    repeated = serializers.IntegerField()


class BatchFileSerializer(serializers.Serializer):
    """A file of a batch: its analysis, or why it was not taken in."""

    number = serializers.IntegerField(help_text="Its place in the zip, from 0.")
    path = serializers.CharField()
    analysis = serializers.SerializerMethodField()
    same_as = serializers.SerializerMethodField(
        help_text="The analysis of the same file whose stored result this one has taken."
    )
    error = serializers.SerializerMethodField()

    @extend_schema_field(BriefAnalysisSerializer(allow_null=True))
    def get_analysis(self, file: BatchFile) -> Any:
        """The answer that stands; `None` where there is no image."""
        analysis = self.context["answers"].get(file.image_id)
        return analysis and BriefAnalysisSerializer(analysis, context=self.context).data

    def get_same_as(self, file: BatchFile) -> str | None:
        """The public id."""
        analysis = self.context["answers"].get(file.image_id)
        return analysis.answered_from.public_id if analysis and analysis.answered_from else None

    @extend_schema_field(StoredErrorSerializer(allow_null=True))
    def get_error(self, file: BatchFile) -> Any:
        """Why it was not taken in."""
        return StoredErrorSerializer(file).data if file.error_code else None
