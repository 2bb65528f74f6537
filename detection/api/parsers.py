"""Reads what was sent, within bounds."""

import io
from typing import Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser, MultiPartParser

from detection.api.errors import Refused


class BoundedJSONParser(JSONParser):
    """JSON of at most `API_MAX_JSON_KILOBYTES`; Django bounds only what it reads itself."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return what the text says.

        Raises:
            ParseError: It is no JSON, or nested beyond reason.
            Refused: `body_too_large`.
        """
        most = settings.API_MAX_JSON_BYTES
        body = stream.read(most + 1)
        if len(body) > most:
            raise Refused("body_too_large", f"JSON may have {most // 1000} kB at most here.")
        try:
            return super().parse(io.BytesIO(body), media_type, parser_context)
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None


class FilesParser(MultiPartParser):
    """Files as forms send them; the limits on uploads are those of the pages."""
