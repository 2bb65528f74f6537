"""Submissions, images and analyses in the admin panel."""

import re
from typing import Any

from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.decorators import display

from detection.admin.datasets.from_analyses import AddsToDataset
from detection.admin.evidence import changes_text, findings_text, reasons_text
from detection.admin.growing import REACH, GrowingAdmin, of_owners, people_like
from detection.admin.links import (
    DeletesNamelessly,
    ReadOnlyAdmin,
    ReadOnlyInline,
    RecordsLooks,
    object_link,
    picture,
)
from detection.admin.registry.repeating import RepeatsAnalyses
from detection.models import (
    Analysis,
    Face,
    Refusal,
    State,
    Submission,
    SubmittedImage,
    Track,
    VerdictKind,
)
from detection.models.judged import Judged
from detection.services import intake
from detection.services.audit import audit_record

VERDICT_COLOURS = {
    VerdictKind.LIKELY_AI: "warning",
    VerdictKind.LIKELY_REAL: "info",
}
STATE_COLOURS = {State.FINISHED: "success", State.FAILED: "danger", State.RUNNING: "info"}
PUBLIC_ID, SHA256 = re.compile(r"[0-9a-f]{24}"), re.compile(r"[0-9a-fA-F]{64}")
# Longer ones would stretch the list beyond a desk's screen.
SHOWN_NAME, SHOWN_OWNER = 32, 24


def thumbnail(image: SubmittedImage) -> SafeString:
    """Return the small preview of an image, or a dash where its time has run out."""
    if image.is_forgotten:
        return format_html('<span title="{}">—</span>', image.forgotten_sentence)
    url = reverse("image_thumbnail", args=[image.public_id])
    return picture(url, f"Preview of {image.file_name}", 48)


class ImageInline(ReadOnlyInline):
    """The images of a submission."""

    model = SubmittedImage
    fields = ["preview_cell", "file_name", "format", "width", "height", "byte_size", "verdicts"]
    readonly_fields = ["preview_cell", "verdicts"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SubmittedImage]:
        """Fetch the analyses of all images at once."""
        on_images = Prefetch("analyses", Analysis.objects.on_images().current())
        return super().get_queryset(request).prefetch_related(on_images)

    @admin.display(description="")
    def preview_cell(self, image: SubmittedImage) -> SafeString:
        """Show the picture."""
        return thumbnail(image)

    @admin.display(description="Analysis")
    def verdicts(self, image: SubmittedImage) -> SafeString | str:
        """Link to the analysis."""
        analysis = next(iter(image.analyses.all()), None)
        if analysis is None:
            return "—"
        text = analysis.get_verdict_display() or analysis.get_state_display()
        return object_link(analysis, text)


class RefusalInline(ReadOnlyInline):
    """The files of a submission that were not taken in."""

    model = Refusal
    fields = ["file_name", "code", "sentence"]
    show_change_link = False


@admin.register(Submission)
class SubmissionAdmin(RecordsLooks, DeletesNamelessly, GrowingAdmin, ReadOnlyAdmin):
    """Who handed in what, and when."""

    list_display = ["__str__", "owner_link", "source", "image_count", "created_at"]
    list_filter = ["source", "created_at"]
    search_fields = ["public_id"]
    search_help_text = "Beginning of the e-mail address, id, or a part of a file name"
    fields = ["public_id", "owner_link", "source", "created_at"]
    readonly_fields = fields
    inlines = [ImageInline, RefusalInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Submission]:
        """Fetch owners and counts for the rows of a page alone."""
        rows = super().get_queryset(request).prefetch_related("owner")
        images = SubmittedImage.objects.filter(submission=OuterRef("pk")).order_by()
        counted = images.values("submission").annotate(count=Count("pk")).values("count")
        return rows.annotate(count_of_images=Coalesce(Subquery(counted), 0))

    def rows_of(self, rows: QuerySet[Submission], query: str) -> QuerySet[Submission]:
        """Lead by id or by the owner's address."""
        if PUBLIC_ID.fullmatch(query):
            return rows.filter(public_id=query)
        return of_owners(rows, people_like(query)) if "@" in query else rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Submission], search_term: str
    ) -> tuple[QuerySet[Submission], bool]:
        """Look for what is no id and no address in the names of files."""
        query = search_term.strip()
        if not query or PUBLIC_ID.fullmatch(query) or "@" in query:
            return self.rows_of(queryset, query), False
        owners = Q(owner__in=people_like(query))
        named = SubmittedImage.objects.filter(submission=OuterRef("pk"), file_name__icontains=query)
        return queryset.filter(owners | Exists(named)), False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow it, through the service that also deletes the files."""
        return super(ReadOnlyAdmin, self).has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Submission) -> None:
        """Delete rows and files."""
        audit_record(
            user=request.user, action="submission_delete", subject=f"submission {obj.public_id}"
        )
        intake.submissions_delete(submissions=Submission.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Submission]) -> None:
        """Delete rows and files of the chosen submissions."""
        for public_id in queryset.values_list("public_id", flat=True):
            audit_record(
                user=request.user, action="submission_delete", subject=f"submission {public_id}"
            )
        intake.submissions_delete(submissions=Submission.objects.filter(pk__in=queryset))

    @admin.display(description="Owner")
    def owner_link(self, submission: Submission) -> SafeString | str:
        """Link to the person."""
        return object_link(submission.owner)

    @admin.display(description="Images")
    def image_count(self, submission: Any) -> int:
        """Count the images."""
        return int(submission.count_of_images)


class FaceInline(ReadOnlyInline):
    """The faces that an analysis found."""

    model = Face
    fields = ["number", "heatmap_cell", "verdict", "percent", "left", "top", "width", "confidence"]
    readonly_fields = ["heatmap_cell", "percent"]
    show_change_link = False

    @admin.display(description="Heatmap")
    def heatmap_cell(self, face: Face) -> SafeString | str:
        """Show the heatmap, if there is one."""
        if not face.heatmap:
            return "—"
        url = reverse("face_heatmap", args=[face.public_id])
        return picture(url, f"Heatmap of face {face.number}", 48)

    @admin.display(description="AI-generated")
    def percent(self, face: Face) -> str:
        """Show the calibrated probability."""
        return percent_text(face)


def percent_text(judged: Judged) -> str:
    """Return the calibrated probability of a judgement as people read it."""
    if judged.percent_fake is None:
        return "—"
    note = "" if judged.in_domain else " (not validated)"
    return f"{judged.percent_fake} %{note}"


@admin.register(Analysis)
class AnalysisAdmin(RecordsLooks, AddsToDataset, RepeatsAnalyses, GrowingAdmin, ReadOnlyAdmin):
    """What was found out, by which version."""

    list_display = [
        "preview_cell",
        "image_name",
        "verdict_cell",
        "percent",
        "version_link",
        "owner_cell",
        "created_cell",
    ]
    list_display_links = ["image_name"]
    sortable_by = ["created_cell"]
    list_filter = [
        *("track", "state", "verdict", "in_domain", "model_version", "is_repeat", "created_at")
    ]
    search_fields = ["public_id"]
    search_help_text = "sha256, id, beginning of the e-mail address, or a part of the file name"
    fields = [
        ("picture_cell", "heatmap_cell"),
        ("verdict", "certainty"),
        ("percent", "in_domain", "novelty"),
        "reasons_cell",
        "findings_cell",
        "changes_cell",
        "version_link",
        "track",
        ("state", "error_code"),
        "error_sentence",
        ("image_name", "submission_link"),
        ("owner_link", "heatmap_method"),
        ("created_at", "enqueued_at"),
        ("started_at", "finished_at"),
        ("milliseconds", "attempts"),
        "worker",
    ]
    readonly_fields = [
        *("picture_cell", "heatmap_cell", "percent"),
        *("image_name", "submission_link", "owner_link", "version_link", "created_at"),
        *("reasons_cell", "findings_cell", "changes_cell"),
    ]

    inlines = [FaceInline]
    actions = ["add_chosen", "repeat_chosen"]
    actions_list = ["label_next", "repeat_every"]
    actions_detail = ["add_this"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Analysis]:
        """Fetch what belongs to the rows of a page alone: a join might begin at its other end."""
        rows = super().get_queryset(request).defer("findings", "would_change")
        return rows.prefetch_related("image__submission", "owner", "model_version__model")

    def rows_of(self, rows: QuerySet[Analysis], query: str) -> QuerySet[Analysis]:
        """Lead by id, by the file's hash or by the owner's address."""
        if PUBLIC_ID.fullmatch(query):
            return rows.filter(public_id=query)
        if SHA256.fullmatch(query):
            images = SubmittedImage.objects.filter(sha256=query.lower()).order_by("-pk")
            return rows.filter(image__in=list(images.values_list("pk", flat=True)[:REACH]))
        return of_owners(rows, people_like(query)) if "@" in query else rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Analysis], search_term: str
    ) -> tuple[QuerySet[Analysis], bool]:
        """Look for what is no id, hash or address in the names of files."""
        query = search_term.strip()
        if not query or PUBLIC_ID.fullmatch(query) or SHA256.fullmatch(query) or "@" in query:
            return self.rows_of(queryset, query), False
        owners = Q(owner__in=people_like(query))
        return queryset.filter(owners | Q(image__file_name__icontains=query)), False

    @admin.display(description="")
    def preview_cell(self, analysis: Analysis) -> SafeString:
        """Show the picture, small."""
        return thumbnail(analysis.image)

    @admin.display(description="Image")
    def picture_cell(self, analysis: Analysis) -> SafeString | str:
        """Show the picture, or say when and why it went."""
        if analysis.image.is_forgotten:
            return analysis.image.forgotten_sentence
        url = reverse("image_preview", args=[analysis.image.public_id])
        return picture(url, f"Preview of {analysis.image.file_name}", 256)

    @admin.display(description="Heatmap")
    def heatmap_cell(self, analysis: Analysis) -> SafeString | str:
        """Show the heatmap, if there is one."""
        if not analysis.heatmap:
            return "—"
        url = reverse("analysis_heatmap", args=[analysis.public_id])
        return picture(url, f"Heatmap of {analysis.image.file_name}", 256)

    @admin.display(description="File")
    def image_name(self, analysis: Analysis) -> str:
        """Name the file, shortened where it would stretch the table."""
        return Truncator(analysis.image.file_name).chars(SHOWN_NAME)

    @display(description="Verdict", label=VERDICT_COLOURS | STATE_COLOURS)
    def verdict_cell(self, analysis: Analysis) -> tuple[str, str]:
        """Label the verdict, or how far it is where there is none yet."""
        if analysis.verdict:
            return analysis.verdict, analysis.get_verdict_display()
        if analysis.track == Track.FACE and analysis.state == State.FINISHED:
            # It has no verdict of its own: what is found out about faces stands beside the image's.
            return "faces", "Faces"
        return analysis.state, analysis.get_state_display()

    @admin.display(description="AI-generated")
    def percent(self, analysis: Analysis) -> str:
        """Show the calibrated probability."""
        return percent_text(analysis)

    @admin.display(description="Model version")
    def version_link(self, analysis: Analysis) -> SafeString | str:
        """Link to the version that answered."""
        return object_link(analysis.model_version)

    @admin.display(description="Owner")
    def owner_link(self, analysis: Analysis) -> SafeString | str:
        """Link to the person."""
        return object_link(analysis.owner)

    @admin.display(description="Owner")
    def owner_cell(self, analysis: Analysis) -> SafeString | str:
        """Link to the person, by so much of the address as there is room for."""
        return object_link(analysis.owner, Truncator(str(analysis.owner)).chars(SHOWN_OWNER))

    @admin.display(description="Created", ordering="created_at")
    def created_cell(self, analysis: Analysis) -> str:
        """Tell when, in as few signs as sort by eye."""
        return f"{timezone.localtime(analysis.created_at):%Y-%m-%d %H:%M}"

    @admin.display(description="Submission")
    def submission_link(self, analysis: Analysis) -> SafeString | str:
        """Link to the act of handing in."""
        return object_link(analysis.image.submission)

    @admin.display(description="Reasons")
    def reasons_cell(self, analysis: Analysis) -> SafeString | str:
        """List the reasons in words."""
        return reasons_text(analysis)

    @admin.display(description="Findings")
    def findings_cell(self, analysis: Analysis) -> SafeString | str:
        """List what the file says of itself."""
        return findings_text(analysis)

    @admin.display(description="What would change it")
    def changes_cell(self, analysis: Analysis) -> SafeString | str:
        """List what would lead to another verdict."""
        return changes_text(analysis)
