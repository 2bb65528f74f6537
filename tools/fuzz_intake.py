"""Damaged files through a whole portal: servers, web, workers, several people at once.

Each input is made from the seed and its number alone, so whoever sends it, and when, the same seed
gives the same inputs. Every answer has to be a code and to come in time, no process may be lost or
grow, every image that is taken in gets an end, and rows and files agree.
"""

import itertools
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.hostile.cases import TAKEN, Case, Cases
from tests.hostile.corpus import corpus
from tests.hostile.doors import Answer, Doors
from tests.hostile.kinds import extension
from tests.hostile.mutants import damaged, originals
from tests.hostile.watch import MOST_MEGABYTES, Watch
from tests.images import image_file
from tests.installation import Installation, running_installation, server_variables
from tests.servers import mariadb_server, redis_server

PROGRAMS = ("web", "inference", "pictures", "errands", "background", "beat")
# Files of the corpus that are large cost time and find nothing that they did not find whole.
MOST_SEED_BYTES = 200_000
MOST_SECONDS = 10.0
AT_ONCE = 4
# A submission holds that many images.
TOGETHER = 50
# Whatever a file is refused for; any other answer is a find.
CODES = frozenset(
    {
        *(TAKEN, "empty_file", "file_too_large", "disguised_document", "unsupported_format"),
        *("too_many_pixels", "damaged_image", "undecodable", "decoding_too_slow"),
    }
)


class Broken(Exception):
    """An input broke something; the text says what, and where the input is kept."""


@dataclass(slots=True)
class Run:
    """What a run came to; memory in megabytes."""

    inputs: int = 0
    seconds: float = 0.0
    codes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    slowest_name: str = ""
    late: float = 0.0
    states: Counter[str] = field(default_factory=Counter)
    peaks: dict[str, float] = field(default_factory=dict)
    helpers: float = 0.0

    def told(self) -> str:
        """Return it in words."""
        codes = ", ".join(f"{code} {count:,}" for code, count in self.codes.most_common())
        states = ", ".join(f"{count:,} {state}" for state, count in self.states.most_common())
        peaks = ", ".join(f"{name} {peak:.0f}" for name, peak in sorted(self.peaks.items()))
        return (
            f"{self.inputs:,} inputs in {self.seconds:.0f} s, none broke anything: {codes};\n"
            f"slowest answer {self.slowest:.1f} s ({self.slowest_name}); analyses: {states}, the "
            f"last {self.late:.1f} s after the last file;\n"
            f"most memory in MB: {peaks}, a process for one file {self.helpers:.0f}"
        )


def seeds() -> Cases:
    """Return what is damaged: real photographs in each format, and the smaller files here."""
    photographs = {
        f"photograph {name}": Case(content, CODES, f"a.{extension(name)}")
        for name, content in originals().items()
    }
    small = {
        name: one
        for name, one in corpus().items()
        if 100 < len(one.content) < MOST_SEED_BYTES and not name.startswith("name: ")
    }
    return {**photographs, **small}


def inputs(seed: int, made_of: Cases) -> Iterator[tuple[str, Case]]:
    """Yield damaged files without end, the same for the same seed."""
    names = list(made_of)
    real = [name for name in names if name.startswith("photograph")]
    others = [made_of[name].content for name in real]
    for number in itertools.count():
        chance = random.Random(f"{seed}/{number}")  # noqa: S311 - damage is no secret
        # Photographs get as far as a decoder more often than what is odd already.
        name = chance.choice(real if chance.random() < 0.6 else names)
        content = damaged(made_of[name].content, others, chance)
        yield f"{number} of {name}", Case(content, CODES, made_of[name].file_name)


def fuzz(
    portal: Installation,
    seconds: float,
    seed: int,
    *,
    kept: Path,
    most_megabytes: float = MOST_MEGABYTES,
    most_seconds: float = MOST_SECONDS,
) -> Run:
    """Send damaged files for so many seconds.

    Raises:
        Broken: An input was answered by no code, too late, or not at all; or a process was lost or
            grew. The inputs that were on their way are kept.
        AssertionError: At the end something was missing, doubled or left over.
    """
    doors = Doors(portal, f"fuzz-{seed}@example.org")
    # What is loaded with the first image is no growth.
    portal.wait_until_ended(doors.visitor.submit({"before.png": image_file("PNG", (32, 32))}))
    with Watch(portal) as watch:
        run = _Sending(doors, watch, most_megabytes, kept, most_seconds).carried_out(seconds, seed)
        ended = time.monotonic()
        run.states = watch.wait_until_ended(timeout=600)
        run.late = time.monotonic() - ended
        watch.check_processes(most_megabytes=most_megabytes)
        watch.check_logs()
        watch.check_files()
        after = doors.visitor.submit({"after.png": image_file("PNG", (32, 32), seed=9)})
        if portal.wait_until_ended(after) != ["finished"]:
            raise Broken("a sound image gets no verdict any more")
        run.peaks, run.helpers = watch.peaks(), watch.helpers
    return run


class _Sending:
    """Several threads that send, and stop together at the first trouble."""

    def __init__(
        self,
        doors: Doors,
        watch: Watch,
        most_megabytes: float,
        kept: Path,
        most_seconds: float,
    ) -> None:
        self._doors = doors
        self._watch = watch
        self._most_megabytes = most_megabytes
        self._kept = kept
        self._most_seconds = most_seconds
        self._lock = threading.Lock()
        self._run = Run()
        self._stop = threading.Event()

    def carried_out(self, seconds: float, seed: int) -> Run:
        """Send, and tell of it."""
        self._coming = inputs(seed, seeds())
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            senders = [pool.submit(self._send_on, began + seconds) for _ in range(AT_ONCE)]
            try:
                for sender in senders:
                    sender.result()
            finally:
                self._stop.set()
        self._run.seconds = time.monotonic() - began
        return self._run

    def _send_on(self, end: float) -> None:
        try:
            while not self._stop.is_set() and time.monotonic() < end:
                submission = self._doors.visitor.open_submission()
                for _ in range(TOGETHER):
                    if self._stop.is_set() or time.monotonic() > end:
                        return
                    self._send_next(submission)
        finally:
            # Also after a trouble, so that the others end too.
            if time.monotonic() < end:
                self._stop.set()

    def _send_next(self, submission: str) -> None:
        with self._lock:
            name, one = next(self._coming)
            by_script = self._run.inputs % 2 == 0
            self._run.inputs += 1
        try:
            if by_script:
                answer = self._doors.by_script(submission, one)
            else:
                answer = self._doors.by_api(one)
            self._judge(name, answer)
            self._watch.check_processes(most_megabytes=self._most_megabytes)
        except (AssertionError, requests.RequestException, ValueError, KeyError) as error:
            raise Broken(f"{name}: {error}; the input is {self._keep(name, one)}") from error

    def _judge(self, name: str, answer: Answer) -> None:
        if answer.code not in CODES:
            raise ValueError(f"answered by {answer.status} {answer.code}")
        if answer.seconds > self._most_seconds:
            raise ValueError(f"it took {answer.seconds:.1f} s")
        with self._lock:
            self._run.codes[answer.code] += 1
            if answer.seconds > self._run.slowest:
                self._run.slowest, self._run.slowest_name = answer.seconds, name

    def _keep(self, name: str, one: Case) -> Path:
        self._kept.mkdir(parents=True, exist_ok=True)
        place = self._kept / f"intake-{name.partition(' ')[0]}.bin"
        place.write_bytes(one.content)
        place.with_suffix(".txt").write_text(f"{name}, sent as {one.file_name!r}\n")
        return place


@contextmanager
def own_portal() -> Iterator[Installation]:
    """Start a MariaDB, a Redis and a whole portal on them, below a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="veripix-fuzz-", ignore_cleanup_errors=True) as place:
        data = Path(place) / "mariadb"
        data.mkdir()
        with _portal_in(Path(place), data) as portal:
            yield portal


@contextmanager
def _portal_in(place: Path, data: Path) -> Iterator[Installation]:
    with mariadb_server(data) as mariadb, redis_server(place / "redis") as redis:
        folder = place / "portal"
        variables = server_variables(folder, place / "static", mariadb, redis)
        # On a busy machine decoding may take three times as long, which is still in time.
        variables |= {"API_RATE_PER_MINUTE": "1000000", "DECODER_SECONDS": "3"}
        with running_installation(folder, variables, programs=PROGRAMS) as portal:
            yield portal
