"""What is kept: submissions and analyses, labelled data, training runs, and the models."""

from detection.models.datasets import (
    Dataset,
    DatasetImport,
    Decision,
    Feedback,
    FeedbackState,
    Item,
    ItemState,
    Label,
    LabelReview,
    Role,
    Snapshot,
    SnapshotItem,
    Split,
    Work,
)
from detection.models.explanations import Explanation, Method
from detection.models.faces import Face
from detection.models.judged import VerdictKind
from detection.models.registry import ModelVersion, Promotion, RegisteredModel, Track
from detection.models.submissions import (
    Analysis,
    Refusal,
    State,
    Submission,
    SubmittedImage,
)
from detection.models.training import AuditEvent, Evaluation, RunEvent, ShadowAnswer, TrainingRun

__all__ = [
    "Analysis",
    "AuditEvent",
    "Dataset",
    "DatasetImport",
    "Decision",
    "Evaluation",
    "Explanation",
    "Face",
    "Feedback",
    "FeedbackState",
    "Item",
    "ItemState",
    "Label",
    "LabelReview",
    "Method",
    "ModelVersion",
    "Promotion",
    "Refusal",
    "RegisteredModel",
    "Role",
    "RunEvent",
    "ShadowAnswer",
    "Snapshot",
    "SnapshotItem",
    "Split",
    "State",
    "Submission",
    "SubmittedImage",
    "Track",
    "TrainingRun",
    "VerdictKind",
    "Work",
]
