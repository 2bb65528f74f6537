"""An analysis: one look of a model at one image, from the queue to its verdict."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from detection.models.judged import Judged, VerdictKind, new_public_id
from detection.models.registry import ModelVersion, Track
from detection.models.submissions import SubmittedImage, may_review, preview_name

# Findings whose worth depends on whom the installation trusts; that can change.
TRUST_CODES = (
    *("signed", "signed_ai", "signed_ai_parts", "signed_capture"),
    *("unknown_signer", "unknown_signer_ai"),
)
# Reasons why there is no verdict: no model was validated for such an image.
BEYOND_CODES = ("no_validated_model", "unlike_validated", "out_of_domain")
# As long as the poll interval of a page times a few: until then a queued analysis is just waiting.
STUCK_AFTER = timedelta(minutes=2)


class State(models.TextChoices):
    """Where an analysis is; the last three are never left but by an explicit retry."""

    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Being analysed"
    FINISHED = "finished", "Finished"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


UNFINISHED = (State.QUEUED, State.RUNNING)


class Queue(models.TextChoices):
    """Which workers take an analysis up; the name of the Celery queue that wakes them."""

    INFERENCE = "inference", "Inference"
    FACES = "faces", "Faces"
    BACKGROUND = "background", "Background"


class Priority(models.IntegerChoices):
    """What goes first within a queue."""

    SINGLE = 0, "Somebody waits for it"
    BATCH = 1, "Part of a batch"


class AnalysisQuerySet(models.QuerySet["Analysis"]):
    """Reads of analyses."""

    def visible_to(self, user: Any) -> Self:
        """Only analyses of this user's images."""
        return self.filter(owner_id=user.pk)

    def media_for(self, user: Any) -> Self:
        """Analyses whose heatmaps this user may open."""
        return self if may_review(user) else self.visible_to(user)

    def on_images(self) -> Self:
        """Those that give an image its verdict; what was found out about faces stands beside."""
        return self.exclude(track=Track.FACE)

    def current(self) -> Self:
        """Of each image the newest answer, and what was found out about its faces.

        A repeat counts once it has finished: until then, and where it failed, the answer before it
        stands. It may be of another track: that of photographs was not always there. Kept as a
        column by `services.standing`, as no list could look at all analyses of all its images.
        """
        return self.filter(is_current=True)

    def repeats(self) -> Self:
        """Those that look once more at an image that has its verdict already."""
        return self.filter(is_repeat=True)

    def first_looks(self) -> Self:
        """Those that somebody waits for."""
        return self.filter(is_repeat=False)

    def on_faces(self) -> Self:
        """Those that look for faces and judge these alone."""
        return self.filter(track=Track.FACE)

    def unfinished(self) -> Self:
        """Waiting or being analysed."""
        return self.filter(state__in=UNFINISHED)

    def for_display(self) -> Self:
        """With everything that a page shows, in one query."""
        return self.select_related("image__submission", "model_version__model")

    def with_tags(self) -> Self:
        """With the tags of their images, in one query more for all of them."""
        return self.prefetch_related("image__tags")

    def with_batches(self) -> Self:
        """With the places of their images in batches, and the names of these."""
        return self.select_related("image__batch_file__batch")

    def matching(self, text: str, *, tags: Sequence[int] | None = None) -> Self:
        """Those of images whose file name, path in a batch, note or one of whose tags has it.

        `tags` are the keys of their owner's tags that have it, where these are known already.
        """
        found = models.Q(image__file_name__icontains=text) | models.Q(image__note__icontains=text)
        found |= models.Q(image__batch_file__path__icontains=text)
        if tags is None:
            folded = " ".join(text.casefold().split())
            # The owner's own tags: nobody else's are looked through.
            given = self._tags_given().filter(
                tag__owner=models.OuterRef("owner"), tag__name__icontains=folded
            )
            found |= models.Q(models.Exists(given))
        elif tags:
            found |= models.Q(models.Exists(self._tags_given().filter(tag__in=tags)))
        return self.filter(found)

    def tagged(self, name: str) -> Self:
        """Those of images that their owner gave this tag, named as tags are kept."""
        given = self._tags_given().filter(tag__owner=models.OuterRef("owner"), tag__name=name)
        return self.filter(models.Exists(given))

    def _tags_given(self) -> "models.QuerySet[Any]":
        """Return the tags of each analysis' image, to ask for them without doubling rows."""
        tag: Any = SubmittedImage._meta.get_field("tags").related_model
        through: Any = tag.images.through
        return through.objects.filter(submittedimage=models.OuterRef("image"))

    def older_than(self, created_at: datetime, pk: int) -> Self:
        """Those that come after this place, newest first."""
        # The first condition bounds what the index is read for, the second drops what ties.
        later = models.Q(created_at__lt=created_at) | models.Q(pk__lt=pk)
        return self.filter(later, created_at__lte=created_at)

    def newer_than(self, created_at: datetime, pk: int) -> Self:
        """Those that come before this place, newest first."""
        earlier = models.Q(created_at__gt=created_at) | models.Q(pk__gt=pk)
        return self.filter(earlier, created_at__gte=created_at)

    def counted(self) -> dict[str, int]:
        """How many these are, how far, and with which verdict, in one query."""
        finished = models.Q(state=State.FINISHED)
        wanted = {
            "total": models.Count("pk"),
            "finished": models.Count("pk", filter=finished),
            "failed": models.Count(
                "pk", filter=models.Q(state__in=[State.FAILED, State.CANCELLED])
            ),
            "unfinished": models.Count("pk", filter=models.Q(state__in=UNFINISHED)),
        }
        for kind in VerdictKind.values:
            wanted[kind] = models.Count("pk", filter=finished & models.Q(verdict=kind))
        return self.aggregate(**wanted)

    def for_lists(self) -> Self:
        """With what a row of a list shows; findings are long and stay where they are."""
        return self.for_display().defer("findings", "would_change")

    def newest_first(self) -> Self:
        """Latest hand-in first."""
        return self.order_by("-created_at", "-pk")

    def newest(self, count: int) -> Self:
        """So many of the latest, with what a list shows: keys first, then the rows of these.

        In one query with its joins a database may begin at their other end, and sort all there is.
        """
        keys = list(self.newest_first().values_list("pk", flat=True)[:count])
        return self.model._default_manager.filter(pk__in=keys).for_lists().newest_first()  # type: ignore[return-value]

    def oldest_first(self) -> Self:
        """As they are to be worked on; nobody waits for a repeat."""
        return self.order_by("is_repeat", "pk")

    def waiting_in(self, queue: str) -> Self:
        """Those that wait for the workers of a queue."""
        return self.filter(state=State.QUEUED, queue=queue)

    def never_enqueued(self, before: datetime) -> Self:
        """Waiting without a task: the broker was away when they came in."""
        return self.filter(state=State.QUEUED, enqueued_at=None, created_at__lt=before)

    def lost_in_queue(self, before: datetime) -> Self:
        """Waiting for so long that their task may be gone."""
        return self.filter(state=State.QUEUED, enqueued_at__lt=before)

    def abandoned(self, before: datetime) -> Self:
        """Claimed by a worker that has not answered since."""
        return self.filter(state=State.RUNNING, started_at__lt=before)

    def held_by(self, worker: str) -> Self:
        """Claimed by the worker of this name."""
        return self.filter(state=State.RUNNING, worker=worker)

    def active_since(self, moment: datetime) -> Self:
        """Claimed or ended since then: signs that a worker is alive."""
        # Said by state, as then all of it lies in two stretches of one index.
        claimed = models.Q(state=State.RUNNING, started_at__gte=moment)
        ended = models.Q(state__in=[State.FINISHED, State.FAILED], finished_at__gte=moment)
        return self.filter(claimed | ended)


class Analysis(Judged):
    """One run of one model version over one image.

    In the face track it finds faces and has no verdict itself: each `Face` has one.
    """

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    image = models.ForeignKey(SubmittedImage, models.CASCADE, related_name="analyses")
    # The submission's, kept here too: history and fair turns ask for it at every step. Without a
    # constraint: MySQL would lock the user's row for it after the submission's, and whoever deletes
    # an account locks them the other way round.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="analyses",
        db_constraint=False,
        db_index=False,
    )
    track = models.CharField(max_length=16, choices=Track, default=Track.THUMBNAIL)
    # Asked for once more, with the champion of that day; nobody waits for it.
    is_repeat = models.BooleanField("repeated", default=False)
    # Of those of its image the one whose answer counts; see `services.standing`.
    is_current = models.BooleanField("stands", default=True)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    queue = models.CharField(max_length=16, choices=Queue, default=Queue.INFERENCE)
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.SINGLE)
    # Its place among those that wait: people take turns, however many each of them has.
    turn = models.PositiveBigIntegerField(default=0)
    # The earlier analysis of the same file by the same version whose result this one has taken.
    answered_from = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    model_version = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, blank=True, related_name="analyses"
    )
    # What the file itself says: `detection.findings.Finding` as JSON, strongest first.
    findings = models.JSONField(default=list, blank=True)
    # What the image looked like when it was signed, as its Content Credentials say.
    signed_thumbnail = models.FileField(upload_to=preview_name, max_length=100, blank=True)
    # Between these it was not decided: a setting moves them, and not what was said before.
    band_low = models.FloatField(null=True, blank=True)
    band_high = models.FloatField(null=True, blank=True)
    # How far the image lies from those the version was validated on: above 1 it is unlike them.
    novelty = models.FloatField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    # Which worker holds or held it, by its Celery node name.
    worker = models.CharField(max_length=255, blank=True)
    # Counts the claims since it was handed in or retried; with `started_at` it names the one claim
    # that may store its result.
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField("created", default=timezone.now, editable=False)
    enqueued_at = models.DateTimeField("enqueued", null=True, blank=True)
    started_at = models.DateTimeField("started", null=True, blank=True)
    finished_at = models.DateTimeField("ended", null=True, blank=True)
    milliseconds = models.PositiveIntegerField("work in ms", null=True, blank=True)

    objects = AnalysisQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = "analyses"
        indexes = [
            models.Index(fields=["state", "enqueued_at"], name="analysis_waiting"),
            # What ended lately, for those who watch: counted without a look at the rows.
            models.Index(fields=["state", "finished_at", "track"], name="analysis_ended"),
            models.Index(
                fields=["state", "queue", "priority", "turn", "id"], name="analysis_in_turn"
            ),
            models.Index(
                fields=["owner", "state", "queue", "priority", "turn"], name="analysis_of_owner"
            ),
            # Somebody's history is read from these two alone, page by page, without its rows.
            models.Index(
                fields=["owner", "-created_at", "-id", "is_current", "track", "image"],
                name="analysis_history",
            ),
            models.Index(
                fields=["owner", "state", "verdict", "-created_at", "-id", "is_current", "track"],
                name="analysis_by_verdict",
            ),
            models.Index(fields=["-created_at", "-id"], name="analysis_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.image} · {self.get_verdict_display() or self.get_state_display()}"

    @property
    def is_photo(self) -> bool:
        """Tell whether it is of the track of photographs."""
        return self.track == Track.PHOTO

    @property
    def shows_number(self) -> bool:
        """Tell whether people see its number: of a photograph beyond the domain it means nothing.

        Of a thumbnail it is shown there too, plainly marked.
        """
        is_beyond = self.is_photo and self.in_domain is False
        return self.state == State.FINISHED and self.p_fake is not None and not is_beyond

    @property
    def band(self) -> tuple[float, float] | None:
        """Between which probabilities the model did not decide; of old rows, as it is today."""
        if self.band_low is not None and self.band_high is not None:
            return self.band_low, self.band_high
        return None if self.model_version is None else self.model_version.band

    @property
    def may_be_examined_anew(self) -> bool:
        """Tell whether the same model may come to another verdict: by another trust list.

        Or because the verdict is from before files were examined; an examined one says something.
        """
        codes = {finding["code"] for finding in self.findings}
        return not codes or bool(codes.intersection(TRUST_CODES))

    @property
    def beyond_code(self) -> str:
        """Why there is no verdict, where no model was validated for such an image; else empty."""
        if self.state != State.FINISHED or self.verdict != VerdictKind.INCONCLUSIVE:
            return ""
        codes = (reason["code"] for reason in self.reasons)
        return next((code for code in codes if code in BEYOND_CODES), "")

    @property
    def leaning(self) -> str:
        """What the model holds for more probable, in words; empty without a probability."""
        if self.p_fake is None:
            return ""
        return "AI-generated" if self.p_fake >= 0.5 else "real"

    @property
    def is_unfinished(self) -> bool:
        """Tell whether an answer is still to come."""
        return self.state in UNFINISHED

    @property
    def can_retry(self) -> bool:
        """Tell whether running it again makes sense: it failed, or nobody takes it up."""
        if self.image.is_forgotten or self.image.is_lost:
            return False
        if self.state in (State.FAILED, State.CANCELLED):
            return True
        waiting_since = self.enqueued_at or self.created_at
        return self.state == State.QUEUED and timezone.now() - waiting_since > STUCK_AFTER
