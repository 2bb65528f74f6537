"""Cells of the admin panel: links between objects, and pictures."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline

SMALL = 64


class ReadOnlyAdmin(ModelAdmin):
    """Shows what happened; nobody writes history here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: these rows come about by services."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a stored act stays what it was."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse, unless a panel allows it through its own service."""
        return False


class DeletesByService(ModelAdmin):
    """Deletes through a service, which takes along whatever belongs to the rows.

    Django would ask for the right to delete each of these by itself, and nobody has that.
    """

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Tell what goes along, without asking for rights on it."""
        objects, counts, _, protected = super().get_deleted_objects(objs, request)
        return objects, counts, set(), protected


class ReadOnlyInline(TabularInline):
    """Rows of another table, to look at."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: these rows come about by services."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a stored act stays what it was."""
        return False


def object_link(target: Model | None, text: str = "") -> SafeString | str:
    """Return a link to the admin page of an object, or a dash where there is none."""
    if target is None:
        return "—"
    meta = target._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[target.pk])
    return format_html('<a class="text-link" href="{}">{}</a>', url, text or target)


def picture(url: str, text: str, side: int) -> SafeString:
    """Return a picture that fits into a square of this side, with an alternative text."""
    return format_html(
        '<img src="{}" alt="{}" width="{}" loading="lazy" class="{} rounded-default">',
        url,
        text,
        side,
        # In a table a small one would shrink to nothing; a large one must not leave its card.
        "max-w-none" if side <= SMALL else "max-w-full",
    )
