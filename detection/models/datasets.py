"""Labelled images: datasets and their items, people's reports and reviews."""

from functools import cached_property
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from detection.models.analyses import Analysis
from detection.models.judged import new_public_id, storage_name
from detection.models.registry import PHOTO_LEAST_SIDE, ModelVersion, Track
from detection.models.submissions import may_review


class Label(models.TextChoices):
    """What an image is; FAKE is the positive class, always."""

    REAL = "real", "Real"
    FAKE = "fake", "AI-generated"


class Role(models.TextChoices):
    """What a dataset is for. Only the first is ever learnt from."""

    TRAINING = "training", "Training"
    TEST = "test", "Sealed test"
    REGRESSION = "regression", "Regression set"


def item_name(instance: models.Model, file_name: str) -> str:
    """Name an item's stored file: random, and nothing of what it was called."""
    return storage_name("items", ".bin")


def archive_name(instance: models.Model, file_name: str) -> str:
    """Name an uploaded archive while it waits to be imported."""
    return storage_name("imports", ".zip")


class DatasetQuerySet(models.QuerySet["Dataset"]):
    """Reads of datasets."""

    def for_training(self) -> Self:
        """Those that a snapshot may take from."""
        return self.filter(role=Role.TRAINING)

    def sealed(self) -> Self:
        """Those that versions are judged on and that nothing may learn from."""
        return self.exclude(role=Role.TRAINING)

    def with_reviewed(self) -> Self:
        """Those that hold reviewed images."""
        held = Item.objects.accepted().filter(dataset=models.OuterRef("pk"))
        return self.filter(models.Exists(held))

    def with_photographs(self) -> Self:
        """Those that hold reviewed images of both classes of a size for the photo track."""
        held = Item.objects.accepted().photographs().filter(dataset=models.OuterRef("pk"))
        return self.filter(*(models.Exists(held.filter(label=label)) for label in Label))

    def with_counts(self) -> Self:
        """With `item_count`, `real_count`, `fake_count` and `pending_count` in the same query."""
        accepted = models.Q(items__state=ItemState.ACCEPTED)
        return self.annotate(
            item_count=models.Count("items"),
            real_count=models.Count("items", filter=accepted & models.Q(items__label=Label.REAL)),
            fake_count=models.Count("items", filter=accepted & models.Q(items__label=Label.FAKE)),
            pending_count=models.Count("items", filter=models.Q(items__state=ItemState.PENDING)),
        )


class Dataset(models.Model):
    """A named collection of labelled images of one track and one role."""

    name = models.CharField(max_length=80, unique=True)
    role = models.CharField(max_length=16, choices=Role, default=Role.TRAINING)
    description = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField("created", default=timezone.now, editable=False)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_sealed(self) -> bool:
        """Tell whether nothing may learn from it."""
        return self.role != Role.TRAINING

    @cached_property
    def usual_size(self) -> tuple[int, int] | None:
        """Width and height of more than half of its reviewed images; `None` without such."""
        sizes = self.items.accepted().tallied("width", "height")
        if not sizes or 2 * sizes[0]["count"] <= sum(size["count"] for size in sizes):
            return None
        return sizes[0]["width"], sizes[0]["height"]

    def is_own_test_of(self, version: ModelVersion) -> bool:
        """Tell whether it is a sealed test of such images as the version was validated for."""
        if self.role != Role.TEST:
            return False
        domain = version.spec["domain"]
        if version.model.track == Track.PHOTO:
            return self.is_of_photographs
        return self.usual_size == (domain["width"], domain["height"])

    @cached_property
    def is_of_photographs(self) -> bool:
        """Tell whether more than half of its reviewed images are large enough for that track."""
        reviewed = self.items.accepted()
        return 2 * reviewed.photographs().count() > reviewed.count()


class ItemState(models.TextChoices):
    """Whether people have settled the label; only accepted items reach a snapshot."""

    PENDING = "pending", "Waiting for review"
    ACCEPTED = "accepted", "Reviewed"
    REJECTED = "rejected", "Rejected"


class ItemQuerySet(models.QuerySet["Item"]):
    """Reads of items."""

    def accepted(self) -> Self:
        """Those with a reviewed label."""
        return self.filter(state=ItemState.ACCEPTED)

    def waiting(self) -> Self:
        """Those whose label somebody has to review, oldest first."""
        return self.filter(state=ItemState.PENDING).order_by("pk")

    def photographs(self) -> Self:
        """Those that are large enough for the photo track."""
        return self.filter(width__gte=PHOTO_LEAST_SIDE, height__gte=PHOTO_LEAST_SIDE)

    def not_reviewed_by(self, user: Any) -> Self:
        """Those on which this user has not decided."""
        return self.exclude(reviews__reviewer_id=user.pk)

    def tallied(self, *columns: str) -> list[dict[str, Any]]:
        """How many there are of each combination in these columns, most frequent first."""
        counted = self.order_by().values(*columns).annotate(count=models.Count("pk"))
        return list(counted.order_by("-count", *columns))

    def media_for(self, user: Any) -> Self:
        """Items whose files this user may open: staff who may review, nobody else."""
        return self if may_review(user) else self.none()


class Item(models.Model):
    """One labelled image in a dataset."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="items")
    label = models.CharField(max_length=8, choices=Label)
    state = models.CharField(max_length=16, choices=ItemState, default=ItemState.PENDING)
    # Site, collection or camera: what shares it, shares traces that are none of generation.
    source = models.CharField(max_length=120, blank=True)
    file = models.FileField(upload_to=item_name, max_length=100)
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField("sha256", max_length=64)
    # 64 bits as a signed number; near-copies differ in few of them.
    perceptual_hash = models.BigIntegerField(default=0)
    format = models.CharField(max_length=16)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    byte_size = models.PositiveBigIntegerField("size in bytes")
    # Where it came from, when it was handed in for a verdict; kept when that is deleted.
    analysis = models.ForeignKey(
        Analysis, models.SET_NULL, null=True, blank=True, related_name="items"
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField("added", default=timezone.now, editable=False)

    objects = ItemQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "sha256"], name="item_once_a_dataset"),
        ]
        indexes = [
            models.Index(fields=["sha256"], name="item_sha256"),
            models.Index(fields=["dataset", "state", "label"], name="item_of_dataset"),
            # Engines append the primary key: the review queue reads along it, and counts in it.
            models.Index(fields=["state"], name="item_in_review"),
        ]

    def __str__(self) -> str:
        return self.file_name


class Decision(models.TextChoices):
    """What a reviewer says of a label."""

    ACCEPT = "accept", "Accept"
    CORRECT = "correct", "Correct"
    REJECT = "reject", "Reject"

    def label_of(self, label: str) -> Label:
        """Return the label that is left after this decision on one."""
        is_real = (label == Label.REAL) != (self == Decision.CORRECT)
        return Label.REAL if is_real else Label.FAKE


class LabelReview(models.Model):
    """One person's decision on one item; kept when the person is deleted."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decision = models.CharField(max_length=8, choices=Decision)
    # The label as the reviewer left it; what is rejected keeps its own.
    label = models.CharField(max_length=8, choices=Label)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField("when", default=timezone.now, editable=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["item", "reviewer"], name="review_once_a_person"),
        ]

    def __str__(self) -> str:
        return f"{self.get_decision_display()}: {self.item}"


# What people agree to, by the version that is kept with their consent. Whoever changes a word here
# adds a version: nobody has agreed to words that they were not shown.
CONSENT_WORDS = {
    "2026-11": "You may use this image to train and test the model",
}
NEWEST_WORDS = "2026-11"


class FeedbackState(models.TextChoices):
    """Where a report stands."""

    OPEN = "open", "Open"
    SETTLED = "settled", "Settled"
    DISMISSED = "dismissed", "Dismissed"


class FeedbackQuerySet(models.QuerySet["Feedback"]):
    """Reads of reports."""

    def open(self) -> Self:
        """Those that nobody has settled."""
        return self.filter(state=FeedbackState.OPEN)

    def consenting(self) -> Self:
        """Those whose image may be used to train and test models."""
        return self.filter(has_consent=True)


class Feedback(models.Model):
    """ "This is wrong": what a person says an image is, against its verdict."""

    analysis = models.OneToOneField(Analysis, models.CASCADE, related_name="feedback")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    label = models.CharField(max_length=8, choices=Label)
    note = models.CharField(max_length=1000, blank=True)
    # Explicit: without it the image itself is never used, only the disagreement is seen.
    has_consent = models.BooleanField("may be used for training", default=False)
    # To which of `CONSENT_WORDS`, and when; kept as long as it holds.
    consent_words = models.CharField(
        "agreed to the words of", max_length=16, blank=True, default="", db_default=""
    )
    consented_at = models.DateTimeField("agreed", null=True, blank=True)
    state = models.CharField(max_length=16, choices=FeedbackState, default=FeedbackState.OPEN)
    item = models.ForeignKey(Item, models.SET_NULL, null=True, blank=True, related_name="feedback")
    # Why there is no item although the person consents, such as a copy in a sealed test.
    refusal_code = models.CharField(max_length=40, blank=True)
    refusal_sentence = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField("reported", default=timezone.now, editable=False)
    settled_at = models.DateTimeField("settled", null=True, blank=True)

    objects = FeedbackQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "feedback"

    def __str__(self) -> str:
        return f"{self.get_label_display()}: {self.analysis.image}"

    @property
    def is_open(self) -> bool:
        """Tell whether nobody has settled it, so that the person may still change it."""
        return self.state == FeedbackState.OPEN

    @property
    def agreed_words(self) -> str:
        """What the person agreed to, word by word; empty where that was not kept yet."""
        return CONSENT_WORDS.get(self.consent_words, "")

    @property
    def is_in_training(self) -> bool:
        """Tell whether the image is one that models learn from."""
        return self.item is not None and not self.item.dataset.is_sealed


class Work(models.TextChoices):
    """Where a long piece of work stands; the last three are never left."""

    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE = (Work.QUEUED, Work.RUNNING)
