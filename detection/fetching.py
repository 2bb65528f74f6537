"""Fetches one large file over https, going on where the connection broke."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import IO, Any, BinaryIO
from urllib.parse import urlsplit

TRIES = 5
SECONDS = 30
CHUNK = 1 << 20
PARTIAL_CONTENT = 206
BROKEN = (OSError, http.client.HTTPException)


class FetchFailed(Exception):
    """The file did not come; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows no redirect to where anybody on the way could change the file."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Refuse what leaves https."""
        check_scheme(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(
    url: str, target: BinaryIO, *, most_bytes: int, progress: Callable[[int, int], None]
) -> None:
    """Write what is at an address into an empty file.

    Args:
        progress: Gets the bytes that are there, and all that there will be (0: not told).

    Raises:
        FetchFailed: `not_https`, `unreachable`, `refused_by_server` or `file_too_large`.
    """
    check_scheme(url)
    opener = urllib.request.build_opener(_HttpsOnly)
    reason = ""
    for _ in range(TRIES):
        try:
            if _went_on(opener, url, target, most_bytes, progress):
                return
            reason = "the connection broke off"
        except urllib.error.HTTPError as error:
            raise FetchFailed(
                "refused_by_server", f"{url} was answered with {error.code} {error.reason}."
            ) from None
        except BROKEN as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
    raise FetchFailed(
        "unreachable",
        f"{url} could not be fetched ({reason}). Fetch it where there is a network, and give the "
        "path of the file instead.",
    )


def check_scheme(url: str) -> None:
    """Refuse any address but https."""
    if urlsplit(url).scheme != "https":
        raise FetchFailed("not_https", f"Only https:// addresses are fetched, not {url}.")


def _went_on(
    opener: urllib.request.OpenerDirector,
    url: str,
    target: BinaryIO,
    most_bytes: int,
    progress: Callable[[int, int], None],
) -> bool:
    """Fetch what is missing; whether all is there now."""
    there = target.seek(0, 2)
    request = urllib.request.Request(url, headers={"Range": f"bytes={there}-"} if there else {})  # noqa: S310 - its scheme is checked
    with opener.open(request, timeout=SECONDS) as answer:
        if there and answer.status != PARTIAL_CONTENT:
            # The server knows no parts and begins anew.
            there = target.seek(0)
            target.truncate()
        total = there + int(answer.headers.get("Content-Length") or 0)
        if total > most_bytes:
            raise _too_large(url, most_bytes)
        return _copied(answer, target, there, total, url, most_bytes, progress)


def _copied(
    answer: IO[bytes],
    target: BinaryIO,
    there: int,
    total: int,
    url: str,
    most_bytes: int,
    progress: Callable[[int, int], None],
) -> bool:
    while chunk := answer.read(CHUNK):
        there += len(chunk)
        if there > most_bytes:
            raise _too_large(url, most_bytes)
        target.write(chunk)
        progress(there, total)
    return there >= total


def _too_large(url: str, most_bytes: int) -> FetchFailed:
    return FetchFailed("file_too_large", f"{url} is larger than {most_bytes / 1e6:,.0f} MB.")
