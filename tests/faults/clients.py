"""Clients that hand in whatever happens, and remember which images were answered with success.

By the interface they repeat with the same key where no answer came, and pieces of a batch from
where the portal says that it stands. A page has no key: whoever gets no answer there asks again.
"""

import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

import requests

from tests.batches import packed
from tests.faults.ground import Ground, Person
from tests.faults.pictures import Picture

TIMEOUT = (5, 60)
PAUSE_SECONDS = 0.25
PIECE = 256_000
# What means that the same request may be sent again.
AGAIN = {409, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Answered:
    """An image that was answered with success.

    Attributes:
        place: The public id of the submission or batch that it went into.
        is_once: Whether its client could tell the portal that it asks again.
    """

    place: str
    at: float
    is_once: bool


@dataclass
class Tally:
    """What the clients were told, kept for the reckoning."""

    answered: dict[str, Answered] = field(default_factory=dict)
    # What was not answered with success, by status or by the name of the error.
    others: Counter[str] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
    # Seconds from SIGTERM to the end, of programs that were ended in good order.
    ended: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def success(self, files: Sequence[Picture], place: str, *, is_once: bool) -> None:
        """Note that these files were taken in."""
        with self._lock:
            for file in files:
                self.answered[file.sha256] = Answered(place, time.time(), is_once)

    def other(self, what: str) -> None:
        """Note an answer that was none."""
        with self._lock:
            self.others[what] += 1

    def trouble(self, what: str) -> None:
        """Note what must not happen."""
        with self._lock:
            self.troubles.append(what)


class Client:
    """One thread that hands its share in, piece by piece, until it is answered."""

    def __init__(self, ground: Ground, person: Person, tally: Tally, deadline: float) -> None:
        self.url = ground.portal.url
        self.person = person
        self.tally = tally
        self.deadline = deadline
        self.session = requests.Session()

    def until_answered(self, ask: Callable[[], requests.Response]) -> requests.Response | None:
        """Ask until the answer is one; `None` when time is up."""
        while time.monotonic() < self.deadline:
            try:
                answer = ask()
            except requests.RequestException as error:
                self.tally.other(type(error).__name__)
            else:
                if answer.status_code not in AGAIN:
                    return answer
                self.tally.other(str(answer.status_code))
            threading.Event().wait(PAUSE_SECONDS)
        self.tally.trouble("no answer until the end")
        return None

    def expect(self, answer: requests.Response | None, status: int) -> requests.Response | None:
        """Return the answer where it has this status; any other is trouble."""
        if answer is not None and answer.status_code != status:
            self.tally.trouble(f"{answer.status_code}: {answer.text[:300]}")
            return None
        return answer


class Program(Client):
    """Hands in by the interface, each request with a key of its own."""

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.person.token}"}

    def hand_in(self, files: Sequence[Picture]) -> None:
        """Hand in as one submission."""
        headers = {**self._headers, "Idempotency-Key": str(uuid.uuid4())}
        parts = [("images", (file.name, file.content, "image/jpeg")) for file in files]
        ask = partial(
            self.session.post,
            f"{self.url}/api/v1/submissions/",
            files=parts,
            headers=headers,
            timeout=TIMEOUT,
        )
        answer = self.expect(self.until_answered(ask), 201)
        if answer is None:
            return
        told = answer.json()
        if len(told["analyses"]) != len(files):
            self.tally.trouble(f"{len(files)} files became {len(told['analyses'])} analyses")
            return
        self.tally.success(files, told["id"], is_once=True)

    def hand_in_batch(self, files: Sequence[Picture], seed: int) -> None:
        """Hand in as a zip, in pieces, with noise in it so that there are some."""
        noise = {f"noise-{n}.txt": Random(seed + n).randbytes(200_000) for n in range(4)}
        content = packed({**noise, **{file.name: file.content for file in files}})
        headers = {**self._headers, "Idempotency-Key": str(uuid.uuid4())}
        opening = {"name": "faults.zip", "upload_bytes": len(content)}
        where = f"{self.url}/api/v1/batches/"
        post = partial(self.session.post, where, json=opening, headers=headers, timeout=TIMEOUT)
        opened = self.expect(self.until_answered(post), 201)
        if opened is None:
            return
        batch = opened.json()["id"]
        received = 0
        while received < len(content):
            piece = content[received : received + PIECE]
            if self._sent(f"{where}{batch}/pieces/?offset={received}", piece):
                received += len(piece)
                continue
            # No answer, or it stands elsewhere: the portal knows where.
            ask = partial(
                self.session.get, f"{where}{batch}/", headers=self._headers, timeout=TIMEOUT
            )
            state = self.expect(self.until_answered(ask), 200)
            if state is None:
                return
            received = int(state.json()["received_bytes"])
        self.tally.success(files, batch, is_once=True)

    def _sent(self, address: str, piece: bytes) -> bool:
        headers = {**self._headers, "Content-Type": "application/octet-stream"}
        try:
            answer = self.session.post(address, data=piece, headers=headers, timeout=TIMEOUT)
        except requests.RequestException as error:
            self.tally.other(type(error).__name__)
        else:
            if answer.status_code == requests.codes.created:
                return True
            self.tally.other(str(answer.status_code))
        threading.Event().wait(PAUSE_SECONDS)
        return False


class Browser(Client):
    """Hands in by the page, as its script does: a submission is opened, then files are added."""

    def __init__(self, ground: Ground, person: Person, tally: Tally, deadline: float) -> None:
        super().__init__(ground, person, tally, deadline)
        self.session.cookies.set("veripix_session", person.session)

    def hand_in(self, files: Sequence[Picture]) -> None:
        """Open a submission and add each file."""
        opened = self.expect(self.until_answered(partial(self._post, "/submit/open/")), 201)
        if opened is None:
            return
        told = opened.json()
        for file in files:
            part = {"image": (file.name, file.content, "image/jpeg")}
            ask = partial(self._post, told["upload_url"], files=part)
            if self.expect(self.until_answered(ask), 201) is not None:
                self.tally.success([file], told["id"], is_once=False)

    def _post(self, path: str, files: object = None) -> requests.Response:
        if "csrftoken" not in self.session.cookies:
            # Whichever page sets it: this one is open to all.
            self.session.get(f"{self.url}/submit/", timeout=TIMEOUT)
        token = self.session.cookies.get("csrftoken", "")
        return self.session.post(
            self.url + path,
            files=files,  # type: ignore[arg-type]
            headers={"X-CSRFToken": token, "Referer": self.url + path},
            timeout=TIMEOUT,
        )


def parts_of(files: Iterator[Picture], sizes: Sequence[int], total: int) -> list[list[Picture]]:
    """Cut so many files into submissions of these sizes, in turn."""
    parts: list[list[Picture]] = []
    for size in itertools.cycle(sizes):
        left = total - sum(map(len, parts))
        if left <= 0:
            return parts
        parts.append(list(itertools.islice(files, min(size, left))))
    return parts
