"""Datasets in the admin panel: what is in them, near-copies, and the ways in."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display

from detection.admin.asking import who_is_it
from detection.admin.datasets import reading
from detection.admin.datasets.forms import GridForm
from detection.admin.datasets.from_analyses import from_analyses_view
from detection.admin.datasets.pages import dataset_page, page_of, require, tabs
from detection.admin.datasets.ways_in import WaysIn
from detection.admin.links import DeletesByService
from detection.models import Dataset, Item, Role
from detection.models.datasets import ItemQuerySet
from detection.services.datasets import (
    DatasetRefused,
    dataset_create,
    dataset_delete,
    dataset_update,
    items_delete,
)

GRID_SIZE = 60
GROUPS_SIZE = 20
ROLE_COLOURS = {Role.TRAINING: "success", Role.TEST: "info", Role.REGRESSION: "primary"}


@admin.register(Dataset)
class DatasetAdmin(WaysIn, DeletesByService):
    """Collections of labelled images."""

    list_display = [
        "name_cell",
        "role_cell",
        "image_cell",
        "balance_cell",
        "pending_cell",
        "created_at",
    ]
    list_display_links = None
    list_filter = ["role"]
    search_fields = ["name", "description"]
    fields = ["name", "role", "description"]
    change_form_outer_before_template = "admin/datasets/_tabs.html"

    class Media:
        css = {"all": ["css/datasets.css"]}

    # -- the list --------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dataset]:
        """Count images with the rows, where rows are shown."""
        rows: QuerySet[Dataset] = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and match.url_name == "detection_dataset_changelist"
        return Dataset.objects.with_counts() if is_list else rows

    @admin.display(description="Name", ordering="name")
    def name_cell(self, dataset: Dataset) -> SafeString:
        """Link to what is in it."""
        url = reverse("admin:detection_dataset_overview", args=[dataset.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', url, dataset.name)

    @display(description="Role", ordering="role", label=ROLE_COLOURS)
    def role_cell(self, dataset: Dataset) -> tuple[str, str]:
        """Label what it is for."""
        return dataset.role, dataset.get_role_display()

    @admin.display(description="Images", ordering="item_count")
    def image_cell(self, dataset: Any) -> str:
        """Count the images."""
        return f"{dataset.item_count:,}"

    @admin.display(description="Real | AI-generated")
    def balance_cell(self, dataset: Any) -> SafeString | str:
        """Show how the reviewed images divide."""
        return balance_bar(dataset.real_count, dataset.fake_count)

    @admin.display(description="To review", ordering="pending_count")
    def pending_cell(self, dataset: Any) -> SafeString | str:
        """Count what waits for a review, and lead there."""
        if not dataset.pending_count:
            return "—"
        url = f"{reverse('admin:detection_labelreview_queue')}?dataset={dataset.pk}"
        text = f"{dataset.pending_count:,}"
        return format_html('<a class="text-link" href="{}">{}</a>', url, text)

    # -- acts through services ---------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Dataset, form: ModelForm, change: bool) -> None:
        """Create or change by the service; the form has checked what it refuses."""
        given = {name: form.cleaned_data[name] for name in ("name", "role", "description")}
        if change:
            dataset_update(dataset=obj, user=request.user, **given)
        else:
            obj.pk = dataset_create(user=request.user, **given).pk

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the tabs above the form, and say what the service refuses."""
        context = dict(extra_context or {})
        if object_id and object_id.isdecimal():
            dataset = Dataset.objects.filter(pk=object_id).first()
            context["tabs"] = tabs(dataset, "change") if dataset else []
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except DatasetRefused as refused:
            messages.error(request, refused.sentence)
            return HttpResponseRedirect(request.path)

    def response_post_save_add(self, request: HttpRequest, obj: Dataset) -> HttpResponseRedirect:
        """Go on to adding images."""
        return _to("imports", obj)

    def response_post_save_change(self, request: HttpRequest, obj: Dataset) -> HttpResponseRedirect:
        """Go back to the dataset."""
        return _to("overview", obj)

    def delete_model(self, request: HttpRequest, obj: Dataset) -> None:
        """Delete rows and files."""
        dataset_delete(dataset=obj, user=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Dataset]) -> None:
        """Delete rows and files of the chosen datasets."""
        for dataset in queryset:
            dataset_delete(dataset=dataset, user=request.user)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Tell in figures what goes along: of 100,000 images no list is of use to anybody."""
        rows: Any = Dataset.objects.with_counts().filter(pk__in=[one.pk for one in objs])
        told: list[Any] = []
        for dataset in rows:
            told.append(f"{dataset}, images and their files: {dataset.item_count:,}")
            told.append(reading.rests_on(dataset))
        return told, {"datasets": len(rows)}, set(), []

    # -- pages -------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of a dataset."""
        pages = {
            "overview": self.overview_view,
            "images": self.images_view,
            "images/delete": self.images_delete_view,
            "near": self.near_view,
            "imports": self.imports_view,
            "upload": self.upload_view,
            "server": self.server_view,
        }
        ours = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"detection_dataset_{name.replace('/', '_')}",
            )
            for name, view in pages.items()
        ]
        ours.append(
            path(
                "from-analyses/",
                self.admin_site.admin_view(from_analyses_view),
                name="detection_dataset_from_analyses",
            )
        )
        return [*ours, *super().get_urls()]

    def overview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what is in a dataset."""
        require(request, "view_dataset")
        dataset = get_object_or_404(Dataset, pk=pk)
        return dataset_page(request, dataset, "overview", facts=reading.facts(dataset))

    def images_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the images, a page at a time."""
        require(request, "view_dataset", "view_item")
        dataset = get_object_or_404(Dataset, pk=pk)
        form = GridForm(request.GET)
        chosen = dataset.items.filter(**form.filters()).order_by("pk")
        sources = dataset.items.exclude(source="").tallied("source")[:50]
        return dataset_page(
            request,
            dataset,
            "images",
            form=form,
            page=page_of(request, chosen, GRID_SIZE),
            sources=sources,
            can_delete=request.user.has_perm("detection.delete_item"),
        )

    @method_decorator(require_POST)
    def images_delete_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask about the ticked images first, and delete them once that is answered."""
        require(request, "delete_item")
        dataset = get_object_or_404(Dataset, pk=pk)
        ticked = request.POST.getlist("item")[: 10 * GRID_SIZE]
        items: ItemQuerySet = Item.objects.filter(dataset=dataset, public_id__in=ticked)
        url = f"{reverse('admin:detection_dataset_images', args=[pk])}?{request.GET.urlencode()}"
        if not items.exists():
            messages.warning(request, "Nothing is deleted: tick the images first.")
        elif "confirmed" not in request.POST:
            return dataset_page(request, dataset, "images_delete", items=items, back=url)
        else:
            who_is_it(request)
            count = items_delete(items=items, user=request.user)
            messages.success(request, f"{count} image{'' if count == 1 else 's'} deleted.")
        return HttpResponseRedirect(url)

    def near_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show images that look alike."""
        require(request, "view_dataset", "view_item")
        dataset = get_object_or_404(Dataset, pk=pk)
        page = page_of(request, reading.near_groups(dataset), GROUPS_SIZE)
        return dataset_page(
            request, dataset, "near", page=page, groups=reading.groups_with_items(list(page))
        )


def balance_bar(real: int, fake: int) -> SafeString | str:
    """Return a bar of two parts with the numbers beside it."""
    if not real + fake:
        return "—"
    return format_html(
        '<span class="balance" title="{} real, {} AI-generated"><span>{}</span>'
        '<progress class="balance-bar" max="{}" value="{}"></progress><span>{}</span></span>',
        *(f"{real:,}", f"{fake:,}", f"{real:,}"),
        *(real + fake, real, f"{fake:,}"),
    )


def _to(name: str, dataset: Dataset) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse(f"admin:detection_dataset_{name}", args=[dataset.pk]))
