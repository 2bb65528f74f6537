"""The interface's description of itself, for programs and, as a page, for people."""

from pathlib import Path

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from rest_framework.request import Request

from detection.api.base import AnyAnswer, OpenApiView

# Made by `make schema`; `make check` sees whether it is what the code says.
DESCRIPTION = Path(__file__).with_name("openapi.yaml")


class Schema(OpenApiView):
    """The description as it is kept: the same wherever this version runs."""

    content_negotiation_class = AnyAnswer
    schema = None

    def get(self, request: Request) -> HttpResponse:
        """Serve the file."""
        kind = "application/vnd.oai.openapi;version=3.0"
        return HttpResponse(DESCRIPTION.read_bytes(), content_type=kind)


@require_safe
# Swagger UI draws its arrows as pictures within its own style sheet.
@csp_update({"img-src": ["data:"]})
def docs(request: HttpRequest) -> HttpResponse:
    """Show the description as a page on which calls can be tried."""
    return render(request, "api/docs.html")
