"""What the pages about data share: their tabs, rights, pagers and messages."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from detection.models import Dataset

TABS = {
    "overview": "Overview",
    "images": "Images",
    "near": "Near-copies",
    "imports": "Add images",
    "change": "Settings",
}
# The colours of verdicts: neither answer is the good one.
LABEL_COLOURS = {"fake": "warning", "real": "info"}
WORK_COLOURS = {
    "running": "info",
    "finished": "success",
    "failed": "danger",
    "cancelled": "warning",
    "in_vain": "danger",
}


def require(request: HttpRequest, *rights: str) -> None:
    """Answer 403 where somebody lacks one of these rights, named as in `view_dataset`."""
    for right in rights:
        if not request.user.has_perm(f"detection.{right}"):
            raise PermissionDenied


def refuse_writing(request: HttpRequest) -> None:
    """Answer 403 where somebody posts to a page that shows what stays as it is."""
    if request.method == "POST":
        raise PermissionDenied


def tabs(dataset: Dataset, active: str) -> list[dict[str, Any]]:
    """Return the links between the pages of a dataset."""
    return [
        {
            "title": title,
            "link": reverse(f"admin:detection_dataset_{name}", args=[dataset.pk]),
            "active": name == active,
        }
        for name, title in TABS.items()
    ]


def dataset_page(
    request: HttpRequest, dataset: Dataset, name: str, **context: Any
) -> TemplateResponse:
    """Render one of the pages of a dataset."""
    return panel_page(
        request,
        f"admin/datasets/{name}.html",
        title=dataset.name,
        dataset=dataset,
        opts=Dataset._meta,
        original=dataset,
        tabs=tabs(dataset, name),
        **context,
    )


def panel_page(request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
    """Render a page of the panel, with its side bar."""
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})


def page_of(request: HttpRequest, rows: QuerySet | list, size: int) -> Page:
    """Return the page that the address asks for, the nearest one where there is no such."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def tell_refusals(request: HttpRequest, sentences: list[str]) -> None:
    """Say once of each reason how often it kept something out."""
    for sentence in sorted(set(sentences)):
        messages.warning(request, f"{sentences.count(sentence)} not added: {sentence}")
