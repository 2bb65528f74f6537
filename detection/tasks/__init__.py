"""Thin Celery tasks: take an id, call one service.

A task whose name begins with `detection.tasks.background.` goes to the queue `background`, with
`detection.tasks.errands.` to `errands`.
"""

from detection.tasks.analyses import (
    analyse_images,
    explain_analysis,
    sweep,
    take_up_analyses,
)
from detection.tasks.audit import check_audit
from detection.tasks.batches import (
    delete_batch,
    mail_batch,
    sweep_batches,
    sweep_pieces,
    take_up_batches,
    unpack_batch,
)
from detection.tasks.data_exports import (
    make_data_export,
    sweep_data_exports,
    take_up_data_exports,
)
from detection.tasks.forensic_views import draw_views
from detection.tasks.heartbeat import begin_heartbeat
from detection.tasks.idempotency import forget_idempotent_requests
from detection.tasks.imports import import_images, take_up_imports
from detection.tasks.judging import answer_in_shadow, judge_version, repeat_all
from detection.tasks.outgoing import deliver_webhooks, fetch_image, sweep_outgoing
from detection.tasks.retention import forget_images
from detection.tasks.training import (
    retrain_at_night,
    sweep_runs,
    take_up_training,
    train_measure,
    train_model,
)

__all__ = [
    "analyse_images",
    "answer_in_shadow",
    "begin_heartbeat",
    "check_audit",
    "delete_batch",
    "deliver_webhooks",
    "draw_views",
    "explain_analysis",
    "fetch_image",
    "forget_idempotent_requests",
    "forget_images",
    "import_images",
    "judge_version",
    "mail_batch",
    "make_data_export",
    "repeat_all",
    "retrain_at_night",
    "sweep",
    "sweep_batches",
    "sweep_data_exports",
    "sweep_outgoing",
    "sweep_pieces",
    "sweep_runs",
    "take_up_analyses",
    "take_up_batches",
    "take_up_data_exports",
    "take_up_imports",
    "take_up_training",
    "train_measure",
    "train_model",
    "unpack_batch",
]
