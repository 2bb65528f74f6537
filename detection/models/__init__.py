"""What is kept: submissions and analyses, labelled data, training runs, and the models."""

from detection.models.analyses import Analysis, Priority, Queue, State
from detection.models.audit import AuditEvent
from detection.models.batches import Batch, BatchFile, BatchPiece, BatchState
from detection.models.data_exports import DataExport
from detection.models.datasets import (
    Dataset,
    Decision,
    Feedback,
    FeedbackState,
    Item,
    ItemState,
    Label,
    LabelReview,
    Role,
    Work,
)
from detection.models.explanations import Explanation, Method
from detection.models.faces import Face
from detection.models.fetches import UrlFetch
from detection.models.forensic_views import ForensicViews, ViewKind
from detection.models.idempotency import IdempotentRequest
from detection.models.imports import DatasetImport
from detection.models.judged import Certainty, VerdictKind
from detection.models.leftovers import Leftover
from detection.models.pending import PendingFiles
from detection.models.registry import ModelVersion, Promotion, RegisteredModel, Track
from detection.models.retraining import RetrainingSchedule, RunNotice, StepMeasurement
from detection.models.sharing import IssuedReport, ShareLink
from detection.models.snapshots import Snapshot, SnapshotItem, Split
from detection.models.submissions import Refusal, Submission, SubmittedImage
from detection.models.tags import Tag
from detection.models.training import (
    Evaluation,
    RunEvent,
    ShadowAnswer,
    Stage,
    TrainingRun,
)
from detection.models.usage import UsageDay
from detection.models.webhooks import DeliveryState, Event, Webhook, WebhookDelivery

__all__ = [
    "Analysis",
    "AuditEvent",
    "Batch",
    "BatchFile",
    "BatchPiece",
    "BatchState",
    "Certainty",
    "DataExport",
    "Dataset",
    "DatasetImport",
    "Decision",
    "DeliveryState",
    "Evaluation",
    "Event",
    "Explanation",
    "Face",
    "Feedback",
    "FeedbackState",
    "ForensicViews",
    "IdempotentRequest",
    "IssuedReport",
    "Item",
    "ItemState",
    "Label",
    "LabelReview",
    "Leftover",
    "Method",
    "ModelVersion",
    "PendingFiles",
    "Priority",
    "Promotion",
    "Queue",
    "Refusal",
    "RegisteredModel",
    "RetrainingSchedule",
    "Role",
    "RunEvent",
    "RunNotice",
    "ShadowAnswer",
    "ShareLink",
    "Snapshot",
    "SnapshotItem",
    "Split",
    "Stage",
    "State",
    "StepMeasurement",
    "Submission",
    "SubmittedImage",
    "Tag",
    "Track",
    "TrainingRun",
    "UrlFetch",
    "UsageDay",
    "VerdictKind",
    "ViewKind",
    "Webhook",
    "WebhookDelivery",
    "Work",
]
