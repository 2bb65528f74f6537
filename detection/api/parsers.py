"""Reads what was sent, within bounds."""

import io
from typing import Any

from django.conf import settings
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import ParseError
from rest_framework.parsers import DataAndFiles, JSONParser, MultiPartParser

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

        Django takes what it finds, the beginning of a file too, and leaves out what it cannot
        name; here a body that does not come to its end is none, and each part is found in it.

        Raises:
            ParseError: It is no multipart, is cut off, or has a part without a name in UTF-8.
        """
        _, options = parse_header_parameters(media_type or "")
        boundary = f"--{options.get('boundary', '')}".encode()
        watched = _Watched(stream, boundary + b"\r\n")
        found: DataAndFiles = super().parse(watched, media_type, parser_context)
        if watched.end and boundary + b"--" not in watched.end:
            raise ParseError("The multipart body is cut off, or is none")
        named = sum(len(values) for _, values in found.data.lists())
        named += sum(len(files) for _, files in found.files.lists())
        if named < watched.parts:
            raise ParseError("A part of the body has no name, or one that is not UTF-8")
        return found


class _Watched:
    """A stream that counts what begins a part, and keeps what it read last: the last boundary."""

    # Behind the last boundary comes a line break; clients that add more add little.
    KEPT = 1024

    def __init__(self, stream: Any, beginning: bytes) -> None:
        self.stream = stream
        self.beginning = beginning
        self.parts = 0
        self.end = b""

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        read: bytes = self.stream.read(size)
        # With as much of what came before as one that lies across both may have there.
        across = self.end[-len(self.beginning) + 1 :] + read
        self.parts += across.count(self.beginning)
        self.end = (self.end + read)[-self.KEPT :]
        return read
