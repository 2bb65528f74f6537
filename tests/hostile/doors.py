"""The roads on which a file gets in: the plain form, the page's script, the interface."""

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import requests

from tests.hostile.cases import TAKEN, Case
from tests.installation import Installation
from tests.visitor import PASSWORD, Visitor

BOUNDARY = "----hostile-0b4c9e7f51d2a683"
# Of names browsers write three characters so, by WHATWG's rules for forms.
WRITTEN = {'"': "%22", "\r": "%0D", "\n": "%0A"}
# One waits longer than is allowed, so as to tell how long it was.
PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the code of the refusal, or `taken`; and how long it took."""

    status: int
    code: str
    seconds: float
    location: str = field(default="", repr=False)


def multipart(name: str, cases: Sequence[Case]) -> bytes:
    """Return files as a form sends them, with names that are no UTF-8 too."""
    body = b""
    for one in cases:
        written = "".join(WRITTEN.get(letter, letter) for letter in one.file_name)
        body += (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="'.encode()
            + written.encode(errors="surrogateescape")
            + b'"\r\nContent-Type: application/octet-stream\r\n\r\n'
            + one.content
            + b"\r\n"
        )
    return body + f"--{BOUNDARY}--\r\n".encode()


class Doors:
    """Somebody who hands files in on every road; several threads may at once."""

    def __init__(self, portal: Installation, address: str) -> None:
        self.portal = portal
        self.visitor: Visitor = portal.visitor().sign_up(address)
        assert self.visitor.post("/accounts/reauthenticate/", {"password": PASSWORD}).ok
        form = {"name": "Hostile", "scopes": ["read", "submit"], "days": "7"}
        made = self.visitor.post("/account/tokens/new/", form)
        (self.token,) = set(re.findall(r"vpx_[0-9a-f]{64}", made.text))
        self._local = threading.local()

    def by_form(self, cases: Sequence[Case]) -> Answer:
        """Send files by the plain form, which is answered by a page."""
        return self._sent("/submit/", multipart("images", cases), self.as_person("/submit/"))

    def by_script(self, submission: str, one: Case) -> Answer:
        """Send one file to an open submission."""
        path = f"/submissions/{submission}/images/"
        headers = {**self.as_person(path), "Accept": "application/json"}
        return self._sent(path, multipart("image", [one]), headers)

    def by_api(self, one: Case) -> Answer:
        """Send one file as a program does."""
        headers = {"Authorization": f"Token {self.token}"}
        return self._sent("/api/v1/submissions/", multipart("images", [one]), headers)

    def as_person(self, path: str) -> dict[str, str]:
        """Return the headers of a form that this person sends."""
        cookies = self.visitor.session.cookies
        return {
            "Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies),
            "X-CSRFToken": cookies["csrftoken"],
            "Referer": self.portal.url + path,
        }

    def _sent(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        self._local.session.cookies.clear()
        began = time.monotonic()
        answer = self._local.session.post(
            self.portal.url + path,
            data=body,
            headers={**headers, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
            allow_redirects=False,
            timeout=PATIENCE_SECONDS,
        )
        seconds = time.monotonic() - began
        assert "stolen" not in answer.headers.get("Set-Cookie", "")
        return Answer(
            answer.status_code, code_of(answer), seconds, answer.headers.get("Location", "")
        )


def code_of(answer: requests.Response) -> str:
    """Return `taken`, or the code in the answer; of a page its status."""
    if answer.status_code in (requests.codes.created, requests.codes.see_other):
        return TAKEN
    if answer.headers.get("Content-Type", "").startswith("application/json"):
        return str(answer.json()["error"]["code"])
    return str(answer.status_code)
