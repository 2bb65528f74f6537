"""Handing in, and how far it is."""

import math
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiRequest, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from detection.api.base import ApiView, created
from detection.api.errors import Refused
from detection.api.examples import HANDED_IN, ONE_SUBMISSION, SUBMISSION_ROW
from detection.api.idempotency import idempotent_in_steps, noting
from detection.api.pagination import NewestFirst
from detection.api.parsers import BoundedJSONParser, FilesParser
from detection.api.serializers.common import RefusalSerializer
from detection.api.serializers.submissions import (
    AddressesSerializer,
    FilesSerializer,
    HandedInSerializer,
    SubmissionSerializer,
    SubmissionStateSerializer,
)
from detection.models import Submission
from detection.models.submissions import Source
from detection.services import intake
from detection.services.fetches import FetchRefused, fetch_request
from detection.services.quotas import usage_of

# After so many seconds it is worth asking again how far something is.
ASK_AGAIN = "1"
HAND_IN = """Send files as `multipart/form-data`, each in a part named `images`; or, where the
installation allows it, addresses of images as JSON, which a worker then fetches.

Files that cannot be taken in stand under `refusals`, each with a code; the others go on. Where none
can be taken in, there is no submission, and the answer is an error with the refusals in `details`.

With an `Idempotency-Key` it may be sent again whenever no answer has come."""


class Submissions(ApiView):
    """Handing in, and what was handed in."""

    parser_classes = [FilesParser, BoundedJSONParser]
    errors = (503,)
    pagination_class = NewestFirst

    @extend_schema(
        operation_id="submissions_list",
        tags=["Submissions"],
        summary="What you handed in, newest first",
        responses=SubmissionSerializer(many=True),
        examples=[SUBMISSION_ROW],
    )
    def get(self, request: Request) -> Response:
        """List submissions."""
        return self.page(Submission.objects.visible_to(request.user), SubmissionSerializer)

    @extend_schema(
        operation_id="submissions_create",
        tags=["Submissions"],
        summary="Hand in images",
        description=HAND_IN,
        request={
            "multipart/form-data": FilesSerializer,
            "application/json": OpenApiRequest(
                AddressesSerializer,
                examples=[OpenApiExample("One", {"url": "https://example.org/picture.jpg"})],
            ),
        },
        responses={201: HandedInSerializer, 202: HandedInSerializer},
        examples=[HANDED_IN],
    )
    @idempotent_in_steps
    def post(self, request: Request) -> Response:
        """Take files in, or have them fetched."""
        if not request.FILES and (request.content_type or "").startswith("application/json"):
            return self._fetch(request)
        files: list[UploadedFile] = request.FILES.getlist("images")
        if not files:
            sentence = "Send at least one file, each in a part named 'images'."
            raise Refused("no_file", sentence, field="images")
        made = intake.submission_create(
            owner=request.user, files=files, source=Source.API, on_made=noting(request)
        )
        if not made.analyses:
            raise _nothing_taken(made)
        return created(self.told(HandedInSerializer, made))

    def _fetch(self, request: Request) -> Response:
        sent = self.given(AddressesSerializer)
        try:
            submission = fetch_request(
                owner=request.user,
                urls=sent.addresses,
                source=Source.API,
                on_made=noting(request),
            )
        except FetchRefused as refused:
            field = "url" if "url" in sent.validated_data else "urls"
            about = {"url": refused.url} if refused.url else None
            raise Refused(refused.code, refused.sentence, field=field, details=about) from None
        made = intake.HandedIn(submission, fetches=list(submission.fetches.all()))
        return created(self.told(HandedInSerializer, made), status=202)


class SubmissionDetail(ApiView):
    """One submission."""

    @extend_schema(
        operation_id="submissions_read",
        tags=["Submissions"],
        summary="How far a submission is",
        description="Ask again after `Retry-After` seconds until `is_finished` is true.",
        responses=SubmissionStateSerializer,
        examples=[ONE_SUBMISSION],
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Tell how far it is."""
        submission = get_object_or_404(_own(request), public_id=public_id)
        body = self.told(SubmissionStateSerializer, submission)
        headers = {} if body["is_finished"] else {"Retry-After": ASK_AGAIN}
        return Response(body, headers=headers)

    @extend_schema(
        operation_id="submissions_delete",
        tags=["Submissions"],
        summary="Delete a submission",
        description="With its images, verdicts, reports and files, at once and for good.",
        responses={204: None},
    )
    def delete(self, request: Request, public_id: str) -> Response:
        """Delete it with everything in it."""
        get_object_or_404(_own(request), public_id=public_id)
        intake.submissions_delete(submissions=_own(request).filter(public_id=public_id))
        return Response(status=204)


def _own(request: Request) -> Any:
    return Submission.objects.visible_to(request.user)


def _nothing_taken(made: intake.HandedIn) -> Refused:
    """Return why, and keep nothing: there is no page on which anybody would look for it."""
    owner, refusals = made.submission.owner, made.refusals
    made.submission.delete()
    details = {"refusals": RefusalSerializer(refusals, many=True).data}
    if len({refusal.code for refusal in refusals}) > 1:
        sentence = "None of the files can be taken in; the details say why."
        return Refused("nothing_taken", sentence, field="images", details=details)
    first, wait = refusals[0], None
    if first.code == "quota_exceeded":
        wait = math.ceil((usage_of(owner).resets_at - timezone.now()).total_seconds())
    return Refused(first.code, first.sentence, field="images", details=details, retry_after=wait)
