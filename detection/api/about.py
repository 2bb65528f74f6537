"""What needs no token: whether the interface answers."""

from rest_framework.request import Request
from rest_framework.response import Response

from detection.api.base import OpenApiView


class Health(OpenApiView):
    """Whether it answers."""

    def get(self, request: Request) -> Response:
        """Answer as long as it can answer at all."""
        return Response({"status": "ok"})
