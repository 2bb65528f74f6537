"""Lists page by page, each beginning after the last row of the one before: nothing is counted.

A page is a step along an index on the moment and the key, so the ten-thousandth costs what the
first does, and rows that come in meanwhile move none to another page.
"""

import base64
import binascii
import struct
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.crypto import salted_hmac
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from detection.api.errors import Refused
from detection.services.history import EPOCH, Place

LARGEST_KEY = 2**63 - 1
DEFAULT_LIMIT, MOST = 25, 100
LIMIT, CURSOR = "limit", "cursor"


class NewestFirst(BasePagination):
    """Pages of rows with `created_at`, newest first, of the same moment by their keys.

    `limit` (1 to 100) says how many there are on a page; `next` is the address of the next one.
    """

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        """Return the rows of the page that is asked for.

        Raises:
            Refused: `invalid`, for a limit or a cursor that is none.
        """
        limit, place = limit_of(request), place_of(request)
        if place is not None:
            # So said, an index on (created_at, id) is entered at the place and read on from it.
            after = Q(created_at__lt=place.created_at) | Q(pk__lt=place.pk)
            queryset = queryset.filter(after, created_at__lte=place.created_at)
        rows = list(queryset.order_by("-created_at", "-pk")[: limit + 1])
        page, last = rows[:limit], rows[limit - 1 : limit]
        self.request = request
        self.further = Place(last[0].created_at, last[0].pk) if len(rows) > limit else None
        return page

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with the address of the next."""
        return paged(self.request, data, self.further)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return how a page looks."""
        following = {
            "type": "string",
            "format": "uri",
            "nullable": True,
            "example": "https://veripix.example.org/api/v1/analyses/?cursor=AAZhQx1dfogFr3XtlZTd3w",
            "description": "The address of the next page; null on the last one.",
        }
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": following, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Return the parameters of a page."""
        limit = {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT}
        told = {
            LIMIT: ("How many there are on a page.", limit),
            CURSOR: (
                "Where the page begins: follow `next`, and make none yourself.",
                {"type": "string"},
            ),
        }
        return [
            {"name": name, "in": "query", "description": text, "schema": schema}
            for name, (text, schema) in told.items()
        ]


def paged(request: Request, rows: Any, further: Place | None) -> Response:
    """Answer with a page and the address of the next, which begins at `further`."""
    address = None
    if further is not None:
        address = replace_query_param(request.build_absolute_uri(), CURSOR, _cursor(further))
    return Response({"next": address, "results": rows})


def limit_of(request: Request) -> int:
    """Return how many rows are wanted on a page.

    Raises:
        Refused: `invalid`.
    """
    text = request.query_params.get(LIMIT)
    if text is None:
        return DEFAULT_LIMIT
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(MOST))
    if not is_number or not 1 <= int(text) <= MOST:
        raise Refused("invalid", f"A page has 1 to {MOST} entries.", field=LIMIT)
    return int(text)


def place_of(request: Request) -> Place | None:
    """Return where the page begins; `None` for the first one.

    Raises:
        Refused: `invalid`.
    """
    cursor = request.query_params.get(CURSOR)
    if cursor is None:
        return None
    try:
        packed = base64.b64decode(cursor.encode("ascii") + b"==", b"-_", validate=True)
        moment, veiled = struct.unpack(">QQ", packed)
        return Place(EPOCH + timedelta(microseconds=moment), veiled ^ _veil(moment))
    except (UnicodeError, binascii.Error, struct.error, OverflowError):
        raise Refused("invalid", "This is no cursor of ours.", field=CURSOR) from None


def queries_check(request: Request, known: Iterable[str]) -> None:
    """See that a list is asked for nothing that it would pass over.

    Args:
        request: What was sent.
        known: The names that the list understands.

    Raises:
        Refused: `unknown_filter`, or `invalid` for one that is given twice.
    """
    names = sorted(known)
    for name, values in request.query_params.lists():
        if name not in names:
            sentence = f"There is no such filter here; there are {', '.join(names)}."
            raise Refused("unknown_filter", sentence, field=name)
        if len(values) > 1:
            raise Refused("invalid", "A filter can be given once.", field=name)


def _cursor(place: Place) -> str:
    """Return a place as a text: its moment in microseconds, and its key.

    The key is veiled, as addresses tell no primary keys, by which rows could be counted.
    """
    moment = (place.created_at - EPOCH) // timedelta(microseconds=1)
    packed = struct.pack(">QQ", moment, place.pk ^ _veil(moment))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _veil(moment: int) -> int:
    digest = salted_hmac("detection.api.cursor", str(moment), algorithm="sha256").digest()
    return int.from_bytes(digest[:8], "big") & LARGEST_KEY
