"""Cells of the admin panel: links between objects, and pictures."""

from typing import Any

from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline

from detection.admin.asking import who_is_it
from detection.services.audit import look_record

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

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Delete one, by somebody who said lately who it is."""
        if self.has_delete_permission(request):
            who_is_it(request)
        answer: HttpResponse = super().delete_view(request, object_id, extra_context)
        return answer

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """List them; before several are deleted, ask who it is."""
        is_sure = "post" in request.POST and request.POST.get("action") == "delete_selected"
        if is_sure and self.has_delete_permission(request):
            who_is_it(request)
        answer: HttpResponse = super().changelist_view(request, extra_context)
        return answer

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Tell what goes along, without asking for rights on it."""
        objects, counts, _, protected = super().get_deleted_objects(objs, request)
        return objects, counts, set(), protected


class DeletesNamelessly(DeletesByService):
    """Deletes what is of people, and records it by number: names of theirs go for good."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name what was chosen, and only count what goes along: files, sessions, addresses."""
        objects, counts, lacking, protected = super().get_deleted_objects(objs, request)
        # Below each of the chosen ones, as a list, stands what belongs to it.
        chosen = [one for one in objects if not isinstance(one, list)]
        return chosen, counts, lacking, protected

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Record who deleted which rows."""
        content_type = ContentType.objects.get_for_model(self.model, for_concrete_model=False)
        return LogEntry.objects.bulk_create(
            LogEntry(
                user_id=request.user.pk or 0,
                content_type=content_type,
                object_id=str(row.pk),
                object_repr=f"{self.model._meta.verbose_name} {row.pk}",
                action_flag=DELETION,
                change_message="",
            )
            for row in queryset
        )


class RecordsLooks(ModelAdmin):
    """Pages on what a person handed in: that somebody of the staff looked is recorded."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show it, and keep who did."""
        answer: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        shown = self.get_object(request, object_id) if answer.status_code == 200 else None
        if shown is not None and shown.owner_id != request.user.pk:
            name = str(self.model._meta.verbose_name)
            look_record(user=request.user, subject=f"{name} {shown.public_id}")
        return answer


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
