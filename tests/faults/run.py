"""One fault, from the first image handed in to the reckoning."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from tests.faults.clients import Browser, Client, Program, Tally, parts_of
from tests.faults.ground import Ground
from tests.faults.pictures import Picture, pictures
from tests.faults.reckoning import Reckoning, reckon, verdicts_seen
from tests.waiting import wait_for

PROGRAMS = 3
SIZES = (1, 2, 1, 5, 1, 8)
MOST_SECONDS = 300.0
WATCH_SECONDS = 0.2


@dataclass
class Course:
    """How a fault goes: it says when it begins, so that images come before, during and after it.

    Attributes:
        began: Set by the fault; then the second third of the images comes.
        tally: What the clients were told so far.
        own: Images that the fault hands in itself.
        poisoned: One of these, which has to fail.
    """

    began: threading.Event
    tally: Tally
    own: list[Picture] = field(default_factory=list)
    poisoned: Picture | None = None


Act = Callable[[Ground, Course], None]


@dataclass(frozen=True)
class Fault:
    """A row of the table.

    Attributes:
        name: What it is called.
        words: What is done.
        act: Does it, and undoes it.
        impossible: Why it cannot be done here; empty where it can.
        kind: On which ground it happens.
    """

    name: str
    words: str
    act: Act
    impossible: Callable[[Ground], str] = lambda ground: ""
    kind: str = "servers"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Outcome:
    """What came of a fault.

    Attributes:
        others: How often clients were answered otherwise than with success, by what.
        ended: Seconds that programs took to end in good order, where they were asked to.
    """

    fault: Fault
    reckoning: Reckoning
    others: dict[str, int]
    troubles: list[str]
    ended: dict[str, float]

    @property
    def is_well(self) -> bool:
        """Whether everything holds."""
        return not self.troubles and not self.reckoning.troubles


Job = Callable[[], None]


def run(ground: Ground, fault: Fault, *, images: int, photographs: int = 0) -> Outcome:
    """Hand images in by several clients, let the fault happen in the middle, and reckon."""
    tally, seen = Tally(), dict[str, float]()
    course = Course(threading.Event(), tally)
    over, is_done = threading.Event(), threading.Event()
    deadline = time.monotonic() + MOST_SECONDS
    source = pictures(photographs=photographs, first=ground.next_picture)
    ground.next_picture += images
    shares = _shares(ground, tally, deadline, [*islice(source, images)])
    gates = (None, course.began, over)
    threads = [threading.Thread(target=_work, args=[jobs, gates], daemon=True) for jobs in shares]
    watch = threading.Thread(target=_watch, args=[ground, seen, is_done], daemon=True)
    for thread in (*threads, watch):
        thread.start()
    try:
        wait_for(lambda: len(tally.answered) >= images // 6, "the first answers", timeout=120)
        fault.act(ground, course)
    finally:
        course.began.set()
        over.set()
    for thread in threads:
        thread.join()
    failed = frozenset({course.poisoned.sha256} if course.poisoned else ())
    reckoning = reckon(ground, tally, images=images + len(course.own), seen=seen, failed=failed)
    is_done.set()
    watch.join()
    return Outcome(fault, reckoning, dict(tally.others), list(tally.troubles), dict(tally.ended))


def _shares(
    ground: Ground, tally: Tally, deadline: float, files: list[Picture]
) -> list[Sequence[Job]]:
    """What each client does: most by the interface, a fifth by the page, a fifth as batches."""
    people = iter(ground.people * 2)
    fifth = len(files) // 5
    by_page, in_batches, rest = files[:fifth], files[fifth : 2 * fifth], files[2 * fifth :]
    browser = Browser(ground, next(people), tally, deadline)
    shares: list[Sequence[Job]] = [_jobs(browser, by_page)]
    third = max(1, len(in_batches) // 3)
    batches = [in_batches[at : at + third] for at in range(0, 3 * third, third)]
    batches[-1] += in_batches[3 * third :]
    packer = Program(ground, next(people), tally, deadline)
    seeds = iter(range(ground.next_picture, ground.next_picture + 100))
    shares.append(
        [lambda part=part: packer.hand_in_batch(part, next(seeds)) for part in batches if part]  # type: ignore[misc]
    )
    for number in range(PROGRAMS):
        program = Program(ground, next(people), tally, deadline)
        shares.append(_jobs(program, rest[number::PROGRAMS]))
    return shares


def _jobs(client: Browser | Program, files: list[Picture]) -> Sequence[Job]:
    parts = parts_of(iter(files), SIZES, len(files))
    return [lambda part=part: client.hand_in(part) for part in parts]  # type: ignore[misc]


def _work(jobs: Sequence[Job], gates: Sequence[threading.Event | None]) -> None:
    """Do a third of the jobs at once, a third when the fault begins, the last once it is over."""
    for number, job in enumerate(jobs):
        gate = gates[number * len(gates) // len(jobs)]
        if gate is not None:
            gate.wait()
        job()


def _watch(ground: Ground, seen: dict[str, float], is_done: threading.Event) -> None:
    while not is_done.wait(WATCH_SECONDS):
        verdicts_seen(ground, seen)


def hand_in_alone(ground: Ground, course: Course, picture: Picture) -> None:
    """Hand in one image more, within a fault."""
    client: Client = Program(ground, ground.people[-1], course.tally, time.monotonic() + 60)
    assert isinstance(client, Program)
    client.hand_in([picture])
