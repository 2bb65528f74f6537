"""Who did what when, of all that moves data, runs and models."""

import json
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from detection.admin.links import ReadOnlyAdmin
from detection.models import AuditEvent
from detection.services.audit import LOOK, event_holds

# So much of all details, and of each of them, stands in the list.
SHOWN, VALUE = 120, 40
BROKEN = "DOES NOT HOLD: this event or the one before it was changed"


class Looks(admin.SimpleListFilter):
    """Looks at other people's pictures: one page of them leaves dozens, and hides every act."""

    title = "looks at pictures"
    parameter_name = "looks"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer them beside the others, and alone."""
        return [("too", "Shown too"), ("only", "Only these")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Name what is shown where nothing is chosen."""
        first, *others = super().choices(changelist)
        yield {**first, "display": "Left out"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> Any:
        """Leave them out, unless they are chosen or looked for."""
        if self.value() == "only":
            return queryset.filter(action=LOOK)
        is_wanted = self.value() == "too" or any(
            name == "q" or name.startswith(("action", "user_email")) for name in request.GET
        )
        return queryset if is_wanted else queryset.exclude(action=LOOK)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """The record of acts, newest first; nobody changes it."""

    list_display = ["when", "act", "subject", "who", "in_short"]
    list_display_links = ["when"]
    list_filter = [Looks, "action", "created_at", "user_email"]
    search_fields = ["subject", "user_email", "action"]
    search_help_text = "Subject, e-mail address or act"
    show_full_result_count = False
    list_per_page = 50
    fields = ["created_at", "act", "subject", "who", "all_details", "place", "seal"]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        """Bring the person along, as of some only a number was kept with the act."""
        return super().get_queryset(request).select_related("user")

    @admin.display(description="When", ordering="created_at")
    def when(self, event: AuditEvent) -> SafeString:
        """Show the moment on one line."""
        moment = date_format(timezone.localtime(event.created_at), "DATETIME_FORMAT")
        return format_html('<span class="whitespace-nowrap">{}</span>', moment)

    @admin.display(description="Act", ordering="action")
    def act(self, event: AuditEvent) -> str:
        """Name the act in words: its code is the service's name."""
        return event.action.replace("_", " ").capitalize()

    @admin.display(description="Who", ordering="user_email")
    def who(self, event: AuditEvent) -> str:
        """Name the person: staff as they were called then, others as long as they are here."""
        if event.user_email.startswith("user ") and event.user is not None:
            return str(event.user)
        return event.user_email or "the installation"

    @admin.display(description="Place in the chain")
    def place(self, event: AuditEvent) -> str:
        """Tell where it is sealed; `manage.py audit` checks the chain."""
        return str(event.number) if event.number else "not sealed yet"

    @admin.display(description="Seal")
    def seal(self, event: AuditEvent) -> SafeString | str:
        """Show the digest, and whether it holds."""
        if not event.number:
            return "—"
        told = "holds" if event_holds(event) else BROKEN
        return format_html('{}<br><code class="break-all">{}</code>', told, event.digest)

    @admin.display(description="Details")
    def in_short(self, event: AuditEvent) -> str:
        """Tell the details on one line."""
        details = {name: _plain(value) for name, value in event.details.items() if value}
        told = (f"{name}: {_cut(value, VALUE)}" for name, value in details.items())
        return _cut(", ".join(told), SHOWN)

    @admin.display(description="Details")
    def all_details(self, event: AuditEvent) -> SafeString:
        """Tell all details."""
        text = json.dumps(event.details, indent=2, ensure_ascii=False)
        return format_html('<pre class="whitespace-pre-wrap break-words text-xs">{}</pre>', text)


def _plain(value: Any) -> str:
    """Return a value as people read it."""
    if isinstance(value, list):
        return ", ".join(_plain(one) for one in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(value: Any, most: int) -> str:
    text = str(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"
