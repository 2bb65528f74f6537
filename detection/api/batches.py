"""Batches: a zip of thousands of images, sent in pieces, and what became of its files."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from detection.api.base import ApiView, created
from detection.api.errors import Refused
from detection.api.idempotency import idempotent
from detection.api.pagination import NewestFirst, limit_of
from detection.api.serializers.batches import (
    BatchFileSerializer,
    BatchProgressSerializer,
    BatchSerializer,
    OpenBatchSerializer,
    RepeatedSerializer,
)
from detection.models import Analysis, Batch, BatchFile, BatchState
from detection.models.submissions import Source
from detection.services import batches
from detection.services.batches import MOST_PIECE_BYTES

# After so many seconds it is worth asking again how far a batch is.
ASK_AGAIN = "5"
AFTER = "after"
OPEN = """Say how long the zip is; then send it piece by piece to `pieces_url`, each beginning at
`received_bytes`. After the last one it is unpacked, and each image gets its verdict. Ask at `url`
how far it is, and at `results_url` for what became of each file."""
PIECE = """The body is the piece itself, of 256,000 to 8,000,000 bytes (the last one may be
shorter). Where `offset` is not what has arrived, the answer is `wrong_offset` (409) with the right
one in `details`: go on from there. So a piece may be sent again whenever no answer has come."""


class PieceParser(BaseParser):
    """The body as it is, and one byte more than a piece may have at most."""

    media_type = "application/octet-stream"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: dict[str, Any] | None = None,
    ) -> bytes:
        """Return the bytes."""
        content: bytes = stream.read(MOST_PIECE_BYTES + 1)
        return content


class Batches(ApiView):
    """One's batches, and a new one."""

    pagination_class = NewestFirst

    @extend_schema(
        operation_id="batches_list",
        tags=["Batches"],
        summary="Your batches, newest first",
        responses=BatchSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List batches."""
        return self.page(_own(request), BatchSerializer)

    @extend_schema(
        operation_id="batches_create",
        tags=["Batches"],
        summary="Begin a batch",
        description=OPEN,
        request=OpenBatchSerializer,
        responses={201: BatchSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Open a batch."""
        sent = self.given(OpenBatchSerializer).validated_data
        batch = batches.batch_open(
            owner=request.user,
            name=sent["name"],
            upload_bytes=sent["upload_bytes"],
            wants_mail=sent["wants_mail"],
            site=request.build_absolute_uri("/").rstrip("/"),
            source=Source.API,
        )
        return created(self.told(BatchSerializer, batch))


class BatchDetail(ApiView):
    """One batch."""

    @extend_schema(
        operation_id="batches_read",
        tags=["Batches"],
        summary="How far a batch is",
        description="Ask again after `Retry-After` seconds until `is_finished` is true.",
        responses=BatchProgressSerializer,
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Tell how far it is; an end that the sweep has not noted yet is noted now."""
        batch = own_batch(request, public_id)
        if batch.state == BatchState.ANALYSING and batches.batch_finish(batch=batch):
            batch.refresh_from_db()
        return self.state(batch)

    @extend_schema(
        operation_id="batches_delete",
        tags=["Batches"],
        summary="Delete a batch",
        description="It is gone at once; its images and files are deleted within minutes.",
        responses={204: None},
    )
    def delete(self, request: Request, public_id: str) -> Response:
        """Delete it with everything that came of it."""
        batches.batch_delete(batch=own_batch(request, public_id))
        return Response(status=204)

    def state(self, batch: Batch) -> Response:
        """Answer with a batch as it is now."""
        headers = {"Retry-After": ASK_AGAIN} if batch.is_active else {}
        return Response(self.told(BatchProgressSerializer, batch), headers=headers)


class BatchPieces(ApiView):
    """The zip of a batch, piece by piece."""

    parser_classes = [PieceParser]
    errors = (503,)

    @extend_schema(
        operation_id="batches_pieces",
        tags=["Batches"],
        summary="Send the next piece of the zip",
        description=PIECE,
        parameters=[
            OpenApiParameter(
                "offset", int, required=True, description="Where in the zip the piece begins."
            )
        ],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: BatchSerializer},
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Take a piece in."""
        batch = own_batch(request, public_id)
        offset = _number(request, "offset")
        if offset is None:
            raise Refused("invalid", "Say where in the zip the piece begins.", field="offset")
        chunk = request.data if isinstance(request.data, bytes) else b""
        batch = batches.batch_receive(batch=batch, offset=offset, chunk=chunk)
        return created(self.told(BatchSerializer, batch))


class BatchResults(ApiView):
    """What became of each file."""

    filters = (AFTER,)

    @extend_schema(
        operation_id="batches_results",
        tags=["Batches"],
        summary="What became of each file, in the order of the zip",
        description="Files that were not taken in have an `error` and no `analysis`.",
        parameters=[
            OpenApiParameter("limit", int, description="How many there are on a page, 1 to 100."),
            OpenApiParameter(
                AFTER,
                int,
                description="Number of the last file before the page: follow `next`.",
            ),
        ],
        responses=BatchFileSerializer(many=True),
    )
    def get(self, request: Request, public_id: str) -> Response:
        """List the files of a batch, each with its answer."""
        batch, limit = own_batch(request, public_id), limit_of(request)
        after = _number(request, AFTER)
        files = batch.files.order_by("number")
        if after is not None:
            files = files.filter(number__gt=after)
        rows = list(files[: limit + 1])
        shown = rows[:limit]
        context = {"request": request, "answers": _answers(shown)}
        told = BatchFileSerializer(shown, many=True, context=context).data
        address = None
        if len(rows) > limit:
            address = replace_query_param(
                request.build_absolute_uri(), AFTER, str(shown[-1].number)
            )
        return Response({"next": address, "results": told})

    # As lists are described: see `NewestFirst`.
    pagination_class = NewestFirst


class BatchCancel(BatchDetail):
    """Stopping a batch."""

    http_method_names = ["post"]

    @extend_schema(
        operation_id="batches_cancel",
        tags=["Batches"],
        summary="Stop a batch",
        description="Verdicts that are there stay; what still waits gets none. Twice is harmless.",
        request=None,
        responses=BatchProgressSerializer,
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Stop it."""
        batches.batch_cancel(batch=own_batch(request, public_id))
        return self.state(own_batch(request, public_id))


class BatchRepeat(BatchDetail):
    """Running again what failed."""

    http_method_names = ["post"]

    @extend_schema(
        operation_id="batches_repeat_failed",
        tags=["Batches"],
        summary="Run again what failed, and nothing else",
        request=None,
        responses={202: RepeatedSerializer},
    )
    @idempotent
    def post(self, request: Request, public_id: str) -> Response:
        """Queue failed analyses once more."""
        count = batches.batch_repeat_failed(batch=own_batch(request, public_id))
        if not count:
            raise Refused("not_retryable", "No analysis of this batch can be run again now.")
        batch = own_batch(request, public_id)
        batch.repeated = count
        return Response(self.told(RepeatedSerializer, batch), status=202)


def own_batch(request: Request, public_id: str) -> Any:
    """Return a batch of the person's own.

    Raises:
        Http404: There is none, or it is somebody else's.
    """
    return get_object_or_404(_own(request), public_id=public_id)


def _own(request: Request) -> Any:
    return Batch.objects.visible_to(request.user).select_related("submission")


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 18):
        raise Refused("invalid", "This is no number of bytes or files.", field=name)
    return int(text)


def _answers(files: list[BatchFile]) -> dict[int, Analysis]:
    """Return the answers that stand for these files, by their images."""
    images = [file.image_id for file in files if file.image_id is not None]
    current = Analysis.objects.filter(image__in=images).on_images().current()
    rows = current.for_lists().select_related("answered_from")
    return {analysis.image_id: analysis for analysis in rows.defer("answered_from__findings")}
