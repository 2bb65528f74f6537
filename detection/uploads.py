"""Keeps only as much of an upload as it takes to refuse it for its size."""

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest


class BoundedUploadHandler(FileUploadHandler):
    """Lets one byte more than allowed through to the handlers after it, of each file.

    Django itself bounds no file: without this anybody, signed in or not, could fill the disk with
    one request. That one byte makes the file too large, and it is refused by name like any other.
    """

    def __init__(self, request: HttpRequest | None = None, most_bytes: int | None = None) -> None:
        """`most_bytes` of a file are allowed; by default what an image may have."""
        super().__init__(request)
        self._most_bytes = most_bytes

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Pass the chunk on, cut to the limit; nothing of what lies beyond."""
        rest = (self._most_bytes or settings.MAX_UPLOAD_BYTES) + 1 - start
        return raw_data[:rest] if rest > 0 else None

    def file_complete(self, file_size: int) -> None:
        """Leave it to the handlers that stored the file."""
