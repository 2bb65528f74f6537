"""Lists page by page, each beginning after the last row of the one before: nothing is counted.

A page is a step along an index on the moment and the key, so the ten-thousandth costs what the
first does, and rows that come in meanwhile move none to another page.
"""

import base64
import binascii
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.crypto import salted_hmac
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from detection.api.errors import Refused

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST_KEY = 2**63 - 1
DEFAULT_LIMIT, MOST = 25, 100


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
        limit = _limit(request.query_params.get("limit"))
        if cursor := request.query_params.get("cursor"):
            moment, key = _place(cursor)
            # So said, an index on (created_at, id) is entered at the place and read on from it.
            after = Q(created_at__lt=moment) | Q(pk__lt=key)
            queryset = queryset.filter(after, created_at__lte=moment)
        rows = list(queryset.order_by("-created_at", "-pk")[: limit + 1])
        page = rows[:limit]
        self.next = None
        if len(rows) > limit:
            address = request.build_absolute_uri()
            self.next = replace_query_param(address, "cursor", _cursor(page[-1]))
        return page

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with the address of the next."""
        return Response({"next": self.next, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return how a page looks."""
        following = {
            "type": "string",
            "format": "uri",
            "nullable": True,
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
        return [
            {
                "name": "limit",
                "in": "query",
                "description": "How many there are on a page.",
                "schema": limit,
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "Where the page begins: follow `next`, and make none yourself.",
                "schema": {"type": "string"},
            },
        ]


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdecimal()) or len(text) > 3 or not 1 <= int(text) <= MOST:
        raise Refused("invalid", f"A page has 1 to {MOST} entries.", field="limit")
    return int(text)


def _cursor(row: Any) -> str:
    """Return the place of a row: its moment in microseconds, and its key.

    The key is veiled, as addresses tell no primary keys, by which rows could be counted.
    """
    moment = (row.created_at - EPOCH) // timedelta(microseconds=1)
    packed = struct.pack(">qq", moment, row.pk ^ _veil(moment))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _place(cursor: str) -> tuple[datetime, int]:
    try:
        packed = base64.b64decode(cursor.encode("ascii") + b"==", b"-_", validate=True)
        moment, veiled = struct.unpack(">qq", packed)
        return EPOCH + timedelta(microseconds=moment), veiled ^ _veil(moment)
    except (UnicodeError, binascii.Error, struct.error, OverflowError):
        raise Refused("invalid", "This is no cursor of ours.", field="cursor") from None


def _veil(moment: int) -> int:
    digest = salted_hmac("detection.api.cursor", str(moment), algorithm="sha256").digest()
    return int.from_bytes(digest[:8], "big") & LARGEST_KEY
