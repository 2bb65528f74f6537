"""One form for every error below /api/: `{"error": {"code", "message", "field"?, "details"?}}`.

`code` is for programs and stays as it is; `message` is a sentence for people. Services' own
refusals (an exception with a `code` and a `sentence`) come out in it by themselves.
"""

from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response

from detection import telemetry

# Which refusals of services have a status of their own; all others are 422.
STATUS = {
    "wrong_offset": 409,
    "not_receiving": 409,
    "too_many_batches": 409,
    "piece_too_large": 413,
    "upload_too_large": 413,
    "beyond_end": 413,
    "file_too_large": 413,
    "body_too_large": 413,
    "too_many_files": 409,
    "submission_gone": 404,
    "image_gone": 404,
    "image_forgotten": 410,
    "gone": 404,
    "not_retryable": 409,
    "not_finished": 409,
    "no_verdict": 409,
    "settled": 409,
    "idempotency_mismatch": 409,
    "idempotency_in_progress": 409,
    "quota_exceeded": 429,
    "fetch_off": 403,
    "too_many_fetches": 409,
    "too_many_webhooks": 409,
    "webhook_off": 409,
    "still_waiting": 409,
    "no_pdf_library": 503,
    "pdf_failed": 503,
}
SENTENCES = {
    "not_found": (
        "There is nothing at this address. All but report.pdf and report.json end with a slash."
    ),
    "forbidden": "You may not do this.",
    "bad_request": "The request cannot be understood.",
    "database_unavailable": "The database cannot be reached at the moment; try again in a minute.",
    "internal": "Something went wrong here. It was written down; try again later.",
}
# DRF's own codes, by the names that are documented here.
CODES = {"parse_error": "malformed", "permission_denied": "forbidden", "error": "bad_request"}


class Refused(Exception):
    """A refusal of the interface itself; those of services look the same.

    Args:
        status: The HTTP status; by default what `STATUS` says of the code, else 422.
        field: The name of the value that it is about.
        details: More for programs.
        retry_after: After which time it is worth trying again.
    """

    def __init__(
        self,
        code: str,
        sentence: str,
        *,
        status: int | None = None,
        field: str = "",
        details: Any = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.status = status
        self.field = field
        self.details = details
        self.retry_after = retry_after


def error_body(code: str, message: str, *, field: str = "", details: Any = None) -> dict[str, Any]:
    """Return the one form."""
    error: dict[str, Any] = {"code": code, "message": message}
    if field:
        error["field"] = field
    if details is not None:
        error["details"] = details
    return {"error": error}


def error_page(request: HttpRequest, status: int, code: str) -> JsonResponse:
    """Answer in the one form where no endpoint of the interface has been reached, or it broke."""
    telemetry.error_met("api", code)
    return JsonResponse(error_body(code, SENTENCES[code]), status=status)


def is_api(request: HttpRequest) -> bool:
    """Tell whether a program is asking."""
    return request.path.startswith("/api/")


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to an expected error; `None` lets any other through, to the log."""
    if isinstance(error, Http404):
        error = exceptions.NotFound("There is no such thing, or it is not yours.")
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(SENTENCES["forbidden"])
    if isinstance(error, exceptions.ValidationError):
        return _invalid(error)
    if isinstance(error, exceptions.APIException):
        return _answered(error)
    if isinstance(getattr(error, "code", None), str) and hasattr(error, "sentence"):
        return refusal_answer(error)
    refused = _unreadable(error)
    return refusal_answer(refused) if refused else None


def refusal_answer(refused: Any) -> Response:
    """Return the answer to a refusal: anything with a `code` and a `sentence`."""
    telemetry.error_met("api", refused.code)
    body = error_body(
        refused.code,
        refused.sentence,
        field=getattr(refused, "field", ""),
        details=getattr(refused, "details", None),
    )
    status = getattr(refused, "status", None) or STATUS.get(refused.code, 422)
    seconds = getattr(refused, "retry_after", getattr(refused, "retry_seconds", None))
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return Response(body, status=status, headers=headers)


def _answered(error: exceptions.APIException) -> Response:
    detail: Any = error.detail
    code = CODES.get(detail.code, detail.code)
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    message = str(detail).rstrip(".") + "."
    telemetry.error_met("api", code)
    return Response(error_body(code, message), status=error.status_code, headers=headers)


def _invalid(error: exceptions.ValidationError) -> Response:
    """Return the first trouble as code, sentence and field, and all of them as details."""
    found = list(_troubles(error.detail, ""))
    first = found[0] if found else {"message": "The values are not valid.", "field": ""}
    telemetry.error_met("api", "invalid")
    body = error_body("invalid", first["message"], field=first["field"], details=found)
    return Response(body, status=422)


def _troubles(detail: Any, field: str) -> Any:
    """Yield each trouble of a validation, however deep it lies, with its field as a path."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            path = field if name == "non_field_errors" else f"{field}.{name}".lstrip(".")
            yield from _troubles(inner, path)
    elif isinstance(detail, list):
        for inner in detail:
            yield from _troubles(inner, field)
    else:
        message = str(detail).rstrip(".") + "."
        yield {"field": field, "code": detail.code, "message": message}


def _unreadable(error: Exception) -> Refused | None:
    """Return the refusal of a body that cannot be taken."""
    if isinstance(error, TooManyFilesSent):
        return Refused("too_many_files", "These are too many files for one request.")
    if isinstance(error, TooManyFieldsSent):
        return Refused("malformed", "These are too many fields for one request.", status=400)
    if isinstance(error, RequestDataTooBig):
        return Refused("body_too_large", "This is too large for one request.")
    if isinstance(error, UnreadablePostError):
        sentence = "The rest of the request did not come, or too slowly."
        return Refused("incomplete", sentence, status=408)
    if isinstance(error, SuspiciousOperation):
        return Refused("bad_request", SENTENCES["bad_request"], status=400)
    return None
