"""One labelled image in the admin panel, and the pictures that pages about data show."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.decorators import display

from detection.admin.datasets.pages import LABEL_COLOURS
from detection.admin.links import (
    DeletesNamelessly,
    ReadOnlyAdmin,
    ReadOnlyInline,
    object_link,
    picture,
)
from detection.models import Feedback, Item, ItemState, LabelReview
from detection.services.datasets import items_delete
from detection.services.pictures import PictureFailed, item_picture

STATE_COLOURS = {
    ItemState.PENDING: "warning",
    ItemState.ACCEPTED: "success",
    ItemState.REJECTED: "danger",
}
SIDES = {"thumbnail": 128, "picture": 1024}
SHOWN_NAME = 60
SHOWN_SIDE = 256


class ReviewInline(ReadOnlyInline):
    """Who said what of the label."""

    model = LabelReview
    fields = ["reviewer", "decision", "label", "note", "created_at"]
    readonly_fields = ["created_at"]


@admin.register(Item)
class ItemAdmin(DeletesNamelessly, ReadOnlyAdmin):
    """Labelled images of all datasets."""

    list_display = [
        *("picture_cell", "name_cell", "dataset_cell", "label_cell", "state_cell"),
        *("source", "format", "created_at"),
    ]
    list_display_links = ["name_cell"]
    list_filter = ["state", "label", "dataset", "format"]
    list_select_related = ["dataset"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["file_name", "sha256", "public_id"]
    search_help_text = "File name, sha256 or id"
    fields = [
        "large_cell",
        ("label", "state"),
        ("dataset_cell", "source"),
        ("format", "size_cell"),
        ("analysis_cell", "added_cell"),
        "consent_cell",
        "hash_cell",
        "public_id",
    ]
    readonly_fields = [
        *("large_cell", "dataset_cell", "size_cell", "analysis_cell", "added_cell"),
        *("consent_cell", "hash_cell", "public_id"),
    ]
    inlines = [ReviewInline]

    class Media:
        css = {"all": ["css/datasets.css"]}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow it, through the service that also deletes the file."""
        return super(ReadOnlyAdmin, self).has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Item) -> None:
        """Delete row and file."""
        items_delete(items=Item.objects.filter(pk=obj.pk), user=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Item]) -> None:
        """Delete rows and files of the chosen images."""
        items_delete(items=Item.objects.filter(pk__in=queryset), user=request.user)

    def get_urls(self) -> list[URLPattern]:
        """Add the pictures."""
        ours = [
            path(
                f"<slug:public_id>/{name}/",
                self.admin_site.admin_view(self.picture_view, cacheable=True),
                {"side": side},
                name=f"detection_item_{name}",
            )
            for name, side in SIDES.items()
        ]
        return [*ours, *super().get_urls()]

    def picture_view(self, request: HttpRequest, public_id: str, side: int) -> HttpResponse:
        """Serve an image as WebP, upright and no larger than this side, to staff alone."""
        item = get_object_or_404(Item.objects.media_for(request.user), public_id=public_id)
        try:
            content = item_picture(item=item, side=side)
        except PictureFailed:
            raise Http404("The stored image cannot be read.") from None
        response = HttpResponse(content, content_type="image/webp")
        response["Content-Security-Policy"] = "default-src 'none'; sandbox"
        # A stored file never changes under its address; shared caches must not keep it.
        response["Cache-Control"] = "private, max-age=86400, immutable"
        return response

    @admin.display(description="")
    def picture_cell(self, item: Item) -> SafeString:
        """Show the picture, small."""
        return picture(picture_url(item), f"Image {item.file_name}", 48)

    @admin.display(description="Image")
    def large_cell(self, item: Item) -> SafeString:
        """Show the picture."""
        return picture(picture_url(item, "picture"), f"Image {item.file_name}", SHOWN_SIDE)

    @admin.display(description="File", ordering="file_name")
    def name_cell(self, item: Item) -> str:
        """Name the file, shortened where it would stretch the table."""
        return Truncator(item.file_name).chars(SHOWN_NAME)

    @admin.display(description="Dataset", ordering="dataset__name")
    def dataset_cell(self, item: Item) -> SafeString | str:
        """Link to the dataset."""
        return object_link(item.dataset)

    @display(description="Label", ordering="label", label=LABEL_COLOURS)
    def label_cell(self, item: Item) -> tuple[str, str]:
        """Label the label."""
        return item.label, item.get_label_display()

    @display(description="State", ordering="state", label=STATE_COLOURS)
    def state_cell(self, item: Item) -> tuple[str, str]:
        """Label the state."""
        return item.state, item.get_state_display()

    @admin.display(description="Size")
    def size_cell(self, item: Item) -> str:
        """Tell pixels and bytes."""
        return f"{item.width} x {item.height}, {item.byte_size / 1000:,.1f} kB"

    @admin.display(description="sha256")
    def hash_cell(self, item: Item) -> SafeString:
        """Tell the hash of the file."""
        return format_html('<code class="data-hash">{}</code>', item.sha256)

    @admin.display(description="Handed in as")
    def analysis_cell(self, item: Item) -> SafeString | str:
        """Link to the analysis it came from."""
        return object_link(item.analysis)

    @admin.display(description="Agreed to by")
    def consent_cell(self, item: Item) -> str:
        """Tell who agreed to its use, when, and to which words; a dash for what was imported."""
        reports = item.feedback.consenting().select_related("user")
        return "; ".join(_consent(report) for report in reports) or "—"

    @admin.display(description="Added by")
    def added_cell(self, item: Item) -> SafeString | str:
        """Link to who added it."""
        return object_link(item.added_by)


def _consent(report: Feedback) -> str:
    """Return who agreed, when, and to which words."""
    when = f" on {report.consented_at:%-d %B %Y, %H:%M UTC}" if report.consented_at else ""
    words = ", before the words were kept"
    if report.agreed_words:
        words = f": “{report.agreed_words}” (words of {report.consent_words})"
    return f"{report.user}{when}{words}"


def picture_url(item: Item, name: str = "thumbnail") -> str:
    """Return where an image is served to staff."""
    return reverse(f"admin:detection_item_{name}", args=[item.public_id])
