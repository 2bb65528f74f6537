"""What every endpoint is made of: a token, its scope, a bound on how often, one form of errors."""

from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException, MethodNotAllowed, Throttled
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from detection.api.authentication import TokenAuthentication
from detection.api.errors import SENTENCES, Refused
from detection.api.pagination import CURSOR, LIMIT, NewestFirst, queries_check
from detection.api.parsers import BoundedJSONParser
from detection.api.permissions import HasScope
from detection.api.throttling import Allowance, allowance_take


class ApiView(APIView):
    """An endpoint for programs with a token.

    `scopes` names the scope by method where it is not the usual one; see `HasScope`. Lists have a
    `pagination_class`, and refuse what is neither of the page nor in their `filters`. POSTs take
    an `Idempotency-Key` where their method is decorated with `idempotency.idempotent`.
    """

    authentication_classes = [TokenAuthentication]
    permission_classes = [HasScope]
    parser_classes = [BoundedJSONParser]
    renderer_classes = [JSONRenderer]
    # OPTIONS would describe forms to browsers; the schema does that for programs.
    metadata_class = None
    # Addresses end in no format.
    format_kwarg = None
    scopes: dict[str, str] = {}
    filters: tuple[str, ...] = ()
    allowance: Allowance | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check, in this order: token, how often, method, form of the answer, scope, filters."""
        try:
            self.perform_authentication(request)
        except APIException:
            # Whoever tries tokens is counted by where they are.
            self._count(request)
            raise
        self._count(request)
        if not hasattr(self, (request.method or "").lower()) or request.method == "OPTIONS":
            raise MethodNotAllowed(request.method)
        negotiated = self.perform_content_negotiation(request)
        request.accepted_renderer, request.accepted_media_type = negotiated
        self.check_permissions(request)
        if request.method in ("GET", "HEAD") and hasattr(self, "pagination_class"):
            queries_check(request, (LIMIT, CURSOR, *self.filters))

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Tell with each answer how many requests are left, and that no cache keeps it."""
        answer: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        for name, value in (self.allowance.headers if self.allowance else {}).items():
            answer[name] = value
        if not answer.has_header("Cache-Control"):
            answer["Cache-Control"] = "private, no-store"
        return answer

    def told(self, serializer: type[BaseSerializer], row: Any, *, many: bool = False) -> Any:
        """Return a row, or many, as this serializer tells it; addresses in it are whole ones."""
        return serializer(row, many=many, context={"request": self.request}).data

    def page(self, rows: QuerySet[Any], serializer: type[BaseSerializer]) -> Response:
        """Answer with a page of rows, newest first."""
        paginator = NewestFirst()
        shown = paginator.paginate_queryset(rows, self.request, self)
        return paginator.get_paginated_response(self.told(serializer, shown, many=True))

    def given(self, serializer: type[BaseSerializer]) -> Any:
        """Return what was sent, checked.

        Raises:
            ValidationError: It does not fit.
        """
        read = serializer(data=self.request.data)
        read.is_valid(raise_exception=True)
        return read

    def _count(self, request: Request) -> None:
        self.allowance = allowance_take(request)
        if self.allowance.is_spent:
            raise Throttled(wait=self.allowance.reset, detail="These are too many requests.")


class OpenApiView(ApiView):
    """An endpoint for everybody, counted by address."""

    authentication_classes = []
    permission_classes = []


class AnyAnswer(DefaultContentNegotiation):
    """For files: whatever is asked for, the file is what it is."""

    def select_renderer(
        self, request: Request, renderers: list[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer of errors."""
        return renderers[0], renderers[0].media_type


class Nothing(OpenApiView):
    """Answers for addresses that there are not."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whatever the method."""
        self._count(request)
        raise Refused("not_found", SENTENCES["not_found"], status=404)


def created(body: dict[str, Any], *, status: int = 201) -> Response:
    """Answer that something is there now; its address stands in the header too."""
    return Response(body, status=status, headers={"Location": body["url"]})
