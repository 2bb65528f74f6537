"""Who did what when, of all that moves data, runs and models."""

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from detection.admin.links import ReadOnlyAdmin
from detection.models import AuditEvent

SHOWN = 120


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """The record of acts, newest first; nobody changes it."""

    list_display = ["created_at", "action", "subject", "who", "in_short"]
    list_filter = ["action", "created_at", "user_email"]
    search_fields = ["subject", "user_email", "action"]
    search_help_text = "Subject, e-mail address or act"
    date_hierarchy = "created_at"
    list_per_page = 50
    fields = ["created_at", "action", "subject", "who", "all_details"]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        """Leave the person's row alone: the address was kept with the act."""
        return super().get_queryset(request).defer("user")

    @admin.display(description="Who", ordering="user_email")
    def who(self, event: AuditEvent) -> str:
        """Name the person as they were called then."""
        return event.user_email or "the installation"

    @admin.display(description="Details")
    def in_short(self, event: AuditEvent) -> str:
        """Tell the details on one line."""
        text = ", ".join(f"{name}: {value}" for name, value in event.details.items() if value)
        return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"

    @admin.display(description="Details")
    def all_details(self, event: AuditEvent) -> SafeString:
        """Tell all details."""
        text = json.dumps(event.details, indent=2, ensure_ascii=False)
        return format_html('<pre class="whitespace-pre-wrap break-words text-xs">{}</pre>', text)
