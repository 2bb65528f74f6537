"""Reads what was sent, within bounds."""

import io
from typing import Any

from django.conf import settings
from django.utils.http import parse_header_parameters
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

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return texts and files.

        Django takes what it finds, the beginning of a file too; here a body that does not come to
        its end is none.

        Raises:
            ParseError: It is no multipart, or is cut off.
        """
        watched = _EndWatched(stream)
        found = super().parse(watched, media_type, parser_context)
        _, options = parse_header_parameters(media_type or "")
        closing = f"--{options.get('boundary', '')}--".encode()
        if watched.end and closing not in watched.end:
            raise ParseError("The multipart body is cut off, or is none")
        return found


class _EndWatched:
    """A stream that keeps what it read last, in which the last boundary has to stand."""

    # Behind the last boundary comes a line break; clients that add more add little.
    KEPT = 1024

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.end = b""

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        read: bytes = self.stream.read(size)
        self.end = (self.end + read)[-self.KEPT :]
        return read
