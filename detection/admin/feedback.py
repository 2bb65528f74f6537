"""People's reports in the admin panel: what they said, what became of it, and how to close one."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.decorators import display

from detection.admin.links import ReadOnlyAdmin, object_link, picture
from detection.admin.submissions import VERDICT_COLOURS, thumbnail
from detection.models import Feedback, FeedbackState, ItemState
from detection.services.feedback import FeedbackRefused, feedback_close

# The badge does not count further.
MANY = 1000
STATE_COLOURS = {FeedbackState.OPEN: "warning", FeedbackState.SETTLED: "success"}


def may_see_reports(request: HttpRequest) -> bool:
    """Tell whether somebody may read what people report."""
    return request.user.has_perm("detection.view_feedback")


def open_badge(request: HttpRequest) -> str:
    """Return how many reports are open, for the side bar."""
    count = Feedback.objects.open().order_by()[:MANY].count()
    return f"{count}+" if count == MANY else str(count)


@admin.register(Feedback)
class FeedbackAdmin(ReadOnlyAdmin):
    """Verdicts that people say are wrong."""

    list_display = [
        "preview_cell",
        "said_cell",
        "verdict_cell",
        "state_cell",
        "has_consent",
        "image_cell",
        "short_note",
        "created_at",
    ]
    list_display_links = ["said_cell"]
    list_filter = ["state", "has_consent", "label", "analysis__verdict", "created_at"]
    list_select_related = ["analysis__image", "item__dataset"]
    search_fields = ["analysis__image__file_name", "analysis__image__sha256", "note"]
    search_help_text = "File name, sha256 or note"
    show_full_result_count = False
    list_per_page = 50
    fields = [
        ("picture_cell", "heatmap_cell"),
        ("said_cell", "verdict_told"),
        ("state_told", "settled_at"),
        ("has_consent", "image_cell"),
        ("analysis_link", "created_at"),
        "note",
    ]
    readonly_fields = [
        *("picture_cell", "heatmap_cell", "said_cell", "verdict_told", "state_told"),
        *("image_cell", "analysis_link", "settled_at", "created_at"),
    ]
    actions = ["agree", "dismiss"]

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Allow closing reports to those who may settle labels."""
        return request.user.has_perm("detection.add_labelreview")

    @admin.action(description="Close: the report is right", permissions=["close"])
    def agree(self, request: HttpRequest, queryset: QuerySet[Feedback]) -> None:
        """Close the chosen reports as right."""
        self._close(request, queryset, agrees=True)

    @admin.action(description="Close: the report is not confirmed", permissions=["close"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Feedback]) -> None:
        """Close the chosen reports as not confirmed."""
        self._close(request, queryset, agrees=False)

    def _close(self, request: HttpRequest, queryset: QuerySet[Feedback], *, agrees: bool) -> None:
        refusals: list[str] = []
        closed = 0
        for feedback in queryset:
            try:
                feedback_close(feedback=feedback, user=request.user, agrees=agrees)
                closed += 1
            except FeedbackRefused as refused:
                refusals.append(refused.sentence)
        if closed:
            messages.success(request, f"{closed} report{'s' if closed > 1 else ''} closed.")
        for sentence in sorted(set(refusals)):
            messages.warning(request, f"{refusals.count(sentence)} not closed: {sentence}")

    @admin.display(description="")
    def preview_cell(self, feedback: Feedback) -> SafeString:
        """Show the picture, small."""
        return thumbnail(feedback.analysis.image)

    @admin.display(description="Image")
    def picture_cell(self, feedback: Feedback) -> SafeString | str:
        """Show the picture, or say when and why it went."""
        image = feedback.analysis.image
        if image.is_forgotten:
            return image.forgotten_sentence
        url = reverse("image_preview", args=[image.public_id])
        return picture(url, f"Preview of {image.file_name}", 256)

    @admin.display(description="Heatmap")
    def heatmap_cell(self, feedback: Feedback) -> SafeString | str:
        """Show the heatmap, if there is one."""
        analysis = feedback.analysis
        if not analysis.heatmap:
            return "—"
        url = reverse("analysis_heatmap", args=[analysis.public_id])
        return picture(url, f"Heatmap of {analysis.image.file_name}", 256)

    @admin.display(description="The person says", ordering="label")
    def said_cell(self, feedback: Feedback) -> str:
        """Show what the image is said to be."""
        return feedback.get_label_display()

    @display(description="The verdict says", ordering="analysis__verdict", label=VERDICT_COLOURS)
    def verdict_cell(self, feedback: Feedback) -> tuple[str, str]:
        """Label the verdict."""
        return feedback.analysis.verdict, feedback.analysis.get_verdict_display()

    @admin.display(description="The verdict says")
    def verdict_told(self, feedback: Feedback) -> str:
        """Tell the verdict where there is room for words, without a label's colour."""
        return feedback.analysis.get_verdict_display()

    @admin.display(description="State")
    def state_told(self, feedback: Feedback) -> str:
        """Tell the state in words."""
        return feedback.get_state_display()

    @display(description="State", ordering="state", label=STATE_COLOURS)
    def state_cell(self, feedback: Feedback) -> tuple[str, str]:
        """Label the state."""
        return feedback.state, feedback.get_state_display()

    @admin.display(description="Copy in a dataset")
    def image_cell(self, feedback: Feedback) -> SafeString | str:
        """Name the dataset, lead to the review where it waits, or say why there is no copy."""
        item = feedback.item
        if item is not None and item.state == ItemState.PENDING:
            url = f"{reverse('admin:detection_labelreview_queue')}?item={item.pk}"
            text = f"{item.dataset}: review it"
            return format_html('<a class="text-link" href="{}">{}</a>', url, text)
        if item is not None:
            return object_link(item, str(item.dataset))
        if feedback.has_consent:
            return feedback.refusal_sentence or "not there any more"
        return "no consent"

    @admin.display(description="Analysis")
    def analysis_link(self, feedback: Feedback) -> SafeString | str:
        """Link to the analysis."""
        return object_link(feedback.analysis)

    @admin.display(description="Note")
    def short_note(self, feedback: Any) -> str:
        """Show the note, shortened where it would stretch the table."""
        return Truncator(feedback.note).chars(80)
