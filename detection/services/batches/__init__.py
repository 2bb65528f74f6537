"""Batches: thousands of images that come as one zip, from its first piece to the mail."""

from detection.services.batches.ending import (
    batch_cancel,
    batch_delete,
    batch_delete_run,
    batch_finish,
    batch_mail,
    batch_repeat_failed,
)
from detection.services.batches.progress import BatchProgress, batch_progress, batches_tally
from detection.services.batches.receiving import (
    MOST_PIECE_BYTES,
    BatchRefused,
    batch_open,
    batch_receive,
)
from detection.services.batches.sweeping import batches_sweep, pieces_sweep, worker_started
from detection.services.batches.unpacking import batch_fail, batch_unpack, claimed_by

__all__ = [
    "MOST_PIECE_BYTES",
    "BatchProgress",
    "BatchRefused",
    "batch_cancel",
    "batch_delete",
    "batch_delete_run",
    "batch_fail",
    "batch_finish",
    "batch_mail",
    "batch_open",
    "batch_progress",
    "batch_receive",
    "batch_repeat_failed",
    "batch_unpack",
    "batches_sweep",
    "batches_tally",
    "claimed_by",
    "pieces_sweep",
    "worker_started",
]
