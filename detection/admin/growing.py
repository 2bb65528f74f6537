"""Lists of the panel whose tables grow for ever: each looks at the newest rows, and leads on.

Django counts all rows of a list and reads as many as a rare filter takes. Here filters, counts and
actions reach back by a fixed number of rows; the page says until when, and leads further back.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.dateparse import parse_datetime
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

# How many rows a list reaches back at once.
REACH = 2000
OLDER = "created_at__lt"
# So many people whose address begins with what is looked for.
MOST_PEOPLE = 20


class NewestRows(ChangeList):
    """Rows of the newest ones, or of those before the moment that the address names."""

    # Until when the list reaches back, where there are older rows.
    reaches_back_to: datetime | None = None

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Return the rows that the filters leave of those that the list reaches."""
        found = super().get_queryset(request, exclude_parameters)
        admin: Any = self.model_admin
        reached = admin.rows_of(self.root_queryset, self.query)
        if (before := _moment(request.GET)) is not None:
            reached = reached.filter(created_at__lt=before)
        reached = reached.order_by("-created_at", "-pk")
        last = reached.values_list("created_at", flat=True)[REACH - 1 : REACH].first()
        self.reaches_back_to = last
        # Rows of one moment stay together: they are all of this page or all of the next.
        return found if last is None else found.filter(created_at__gte=last)

    @property
    def further(self) -> str:
        """The address of the same list before that."""
        assert self.reaches_back_to is not None  # noqa: S101 - asked for only where it is
        return self.get_query_string({OLDER: self.reaches_back_to.isoformat()}, remove=["p"])


class GrowingAdmin(ModelAdmin):
    """An admin of rows with `created_at` and an index on it and the key."""

    ordering = ["-created_at", "-pk"]
    # Any other order would sort the whole table.
    sortable_by = ["created_at"]
    show_full_result_count = False
    list_per_page = 50
    list_after_template = "admin/_reaches_back.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that does not look at everything."""
        return NewestRows

    def rows_of(self, rows: QuerySet[Any], query: str) -> QuerySet[Any]:
        """Return the rows to which an index leads from what is looked for; else all of them."""
        return rows


def people_like(query: str) -> list[int]:
    """Return the keys of those whose address begins so."""
    users: Any = get_user_model().objects
    found = users.filter(email__istartswith=query).order_by("email")
    return list(found.values_list("pk", flat=True)[:MOST_PEOPLE])


def of_owners(rows: QuerySet[Any], owners: list[int]) -> QuerySet[Any]:
    """Return the rows of these people; said so that one person's index is read in its order."""
    return rows.filter(owner=owners[0]) if len(owners) == 1 else rows.filter(owner__in=owners)


def _moment(given: QueryDict) -> datetime | None:
    """Return the moment of the address; Django refuses what is none before this is asked."""
    try:
        return parse_datetime(given.get(OLDER, ""))
    except ValueError:
        return None
