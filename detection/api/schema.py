"""How the interface describes itself: to each operation the answers and headers that all have.

The description is made by `manage.py spectacular` and kept in `openapi.yaml` beside this file,
which is what is served: the web process never makes it. `make check` sees whether it has drifted.
"""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from detection.api.authentication import SCHEME
from detection.api.errors import error_body
from detection.api.idempotency import HEADER, REPLAYED
from detection.api.serializers.common import ErrorAnswerSerializer

Error = tuple[str, str, str]
# By status: what it means, and the example that is shown of it as code and sentence.
ERRORS: dict[int, Error] = {
    400: ("The request cannot be understood.", "malformed", "This is no JSON."),
    401: (
        "No token, or none that is good any more; `code` says why.",
        "token_expired",
        "This token has expired; make a new one on your account page.",
    ),
    403: (
        "The token has not the scope for this.",
        "wrong_scope",
        "This token has not the scope 'submit', which this takes.",
    ),
    404: (
        "There is no such thing, or it is somebody else's.",
        "not_found",
        "There is no such thing, or it is not yours.",
    ),
    406: (
        "The answer is JSON, and the request takes none.",
        "not_acceptable",
        "Could not satisfy the request Accept header.",
    ),
    409: (
        "It cannot be done as things are, or the idempotency key says otherwise.",
        "idempotency_mismatch",
        "This key was used before, for something else.",
    ),
    410: (
        "The image was deleted, as its time had run out.",
        "image_forgotten",
        "The image was deleted on 27 December 2026 after 30 days.",
    ),
    413: (
        "It is too large; `code` says what.",
        "file_too_large",
        "The file is larger than 20 MB.",
    ),
    415: (
        "The content type is none that is taken here.",
        "unsupported_media_type",
        "Unsupported media type 'text/plain' in request.",
    ),
    422: (
        "The values do not fit; `field` says which.",
        "invalid",
        "A page has 1 to 100 entries.",
    ),
    429: (
        "Too many requests, or more images than the quota holds; `Retry-After` says when to go on.",
        "throttled",
        "These are too many requests. Expected available in 12 seconds.",
    ),
    503: (
        "A part behind it is away; `Retry-After` says when to try again.",
        "storage_unavailable",
        "The file storage cannot be reached at the moment; try again in a minute.",
    ),
}
ALWAYS = (429,)
WITH_TOKEN = (401, 403)
WITH_BODY = (400, 409, 413, 415, 422)


HEADER_TEXTS = {
    "RateLimit-Limit": ("integer", "How many requests you may make a minute."),
    "RateLimit-Remaining": ("integer", "How many are left of this minute's."),
    "RateLimit-Reset": ("integer", "In how many seconds the next minute begins."),
    "Retry-After": ("integer", "After how many seconds to try, or to ask, again."),
    "WWW-Authenticate": ("string", "How to say who you are."),
    REPLAYED: ("string", "That an earlier request with this key was answered so."),
}
HEADERS = list(HEADER_TEXTS)[:4]
KEY = OpenApiParameter(
    HEADER,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description=(
        "A text of your own, such as a UUID. The same request with the same key is carried out "
        "once within 24 hours, and answered alike."
    ),
    pattern="^[!-~]{1,255}$",
)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The token, as the description names it."""

    target_class = "detection.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return where it stands and how it is written."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": f"`{SCHEME} vpx_…`: make one on your account page.",
        }


class Described(AutoSchema):
    """Adds to each operation the answers and headers that it shares with others."""

    def get_override_parameters(self) -> list[Any]:
        """Return the operation's own, and the key where it takes one."""
        own = super().get_override_parameters()
        return [*own, KEY] if self._is_idempotent() else own

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        """Return the operation's own answers, and the errors that it may give."""
        self.resolve_serializer(ErrorAnswerSerializer, direction)
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._errors():
            bodies.setdefault(str(status), {"$ref": f"#/components/responses/{status}"})
        return dict(sorted(bodies.items()))

    def _get_response_headers_for_code(
        self, status_code: Any, direction: Any = "response"
    ) -> dict[str, Any]:
        """Return the operation's own headers, and those that all answers have."""
        headers: dict[str, Any] = super()._get_response_headers_for_code(status_code, direction)
        shared = [*HEADERS, REPLAYED] if self._is_idempotent() else HEADERS
        return headers | {name: _reference(name) for name in shared}

    def _errors(self) -> list[int]:
        wanted = {*ALWAYS, *getattr(self.view, "errors", ())}
        if self.view.authentication_classes:
            wanted.update(WITH_TOKEN)
        if "{" in self.path:
            wanted.add(404)
        if self.method in ("POST", "PUT", "PATCH"):
            wanted.update(WITH_BODY)
        if any(parameter["in"] == "query" for parameter in self._get_parameters()):
            wanted.add(422)
        if not getattr(self.view, "is_file", False):
            wanted.add(406)
        return sorted(wanted)

    def _is_idempotent(self) -> bool:
        return getattr(getattr(self.view, self.method.lower(), None), "is_idempotent", False)


def shared_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the errors and headers that operations only refer to."""
    components = result["components"]
    components["headers"] = {
        name: {"schema": {"type": kind}, "description": text, "required": name in HEADERS[:3]}
        for name, (kind, text) in HEADER_TEXTS.items()
    }
    components["responses"] = {str(status): _error(status) for status in ERRORS}
    return result


def _error(status: int) -> dict[str, Any]:
    meaning, code, sentence = ERRORS[status]
    content = {
        "schema": {"$ref": "#/components/schemas/ErrorAnswer"},
        "example": error_body(code, sentence),
    }
    names = [*HEADERS, "WWW-Authenticate"] if status == 401 else HEADERS
    return {
        "description": meaning,
        "headers": {name: _reference(name) for name in names},
        "content": {"application/json": content},
    }


def _reference(header: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{header}"}
