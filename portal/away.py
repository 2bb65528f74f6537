"""Answers 503 where a page, an upload or a picture needs the file storage and it is away."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from detection.services.storage import StorageUnavailable

log = logging.getLogger(__name__)


class StorageAway:
    """Middleware that turns `StorageUnavailable` into an answer: JSON for programs, else a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer as if nothing were between."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer this one error; any other goes on."""
        if not isinstance(error, StorageUnavailable):
            return None
        log.warning("%s %s: %s", request.method, request.path, error)
        is_program = request.headers.get("Accept", "").startswith("application/json")
        response: HttpResponse
        if is_program or request.path.startswith("/api/"):
            body = {"error": {"code": error.code, "message": error.sentence}}
            response = JsonResponse(body, status=error.status)
        elif request.headers.get("Sec-Fetch-Dest") == "image":
            response = HttpResponse(error.sentence, status=error.status, content_type="text/plain")
        else:
            response = render(request, "503.html", {"error": error}, status=error.status)
        response["Retry-After"] = str(error.retry_seconds)
        return response
