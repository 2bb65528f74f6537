"""How much of the machine the portal leaves to the images: its rate beside the floor loop's.

`python -m bench.throughput` starts the portal on a MariaDB and a Redis of its own, hands images in
by its REST interface, and prints the rates, the latency at half of the capacity, and what each
process spent on an image.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import psutil
import requests

from bench.portal import UNHURRIED, seconds_since_epoch
from bench.sample import ROOT, cifake_sample
from tests.installation import Installation, running_installation, server_variables
from tests.servers import MariaDB, mariadb_server, redis_server

PROGRAMS = ("web", "inference", "faces", "pictures", "errands", "background", "beat")
FILES = 50
SUBMISSIONS = 30
SINGLES = 600
CLIENTS = 4
HALF_LOAD_SECONDS = 20
LEAST_OF_FLOOR, LEAST_OF_FLOOR_SINGLE, MOST_P95_SECONDS = 0.5, 0.25, 1.0
Files = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Load:
    """What one kind of load came to.

    Attributes:
        images_per_second: From the first POST to the last stored verdict.
        processor: Milliseconds of processor time that each process spent on an image.
    """

    images_per_second: float
    processor: dict[str, float]


@dataclass(frozen=True)
class ThroughputFigures:
    """The portal beside the floor. Latencies in seconds, from POST to stored verdict."""

    floor: float
    many: Load
    single: Load
    half_rate: float
    p50_seconds: float
    p95_seconds: float
    stages: dict[str, float] = field(default_factory=dict)


def measure() -> ThroughputFigures:
    """Measure floor and portal in turns on one machine, the floor before and after."""
    with tempfile.TemporaryDirectory(prefix="veripix-bench-") as name:
        folder = Path(name)
        (folder / "mariadb").mkdir()
        with mariadb_server(folder / "mariadb") as mariadb, redis_server(folder / "redis") as redis:
            before = floor(mariadb, folder)
            variables = server_variables(folder / "var", folder / "static", mariadb, redis)
            variables |= {**UNHURRIED, "API_RATE_PER_MINUTE": "1000000"}
            with running_installation(folder / "var", variables, programs=PROGRAMS) as portal:
                return _measured(portal, mariadb, folder, before)


def _measured(
    portal: Installation, mariadb: MariaDB, folder: Path, before: float
) -> ThroughputFigures:
    clients = [Client(portal, f"{number}@bench.example.org") for number in range(CLIENTS)]
    files = fresh(cifake_sample(FILES * SUBMISSIONS))
    clients[0].post(files[:FILES])  # The first one pays for imports and buffers.
    clients[0].wait()
    many = loaded(portal, clients, [files[at : at + FILES] for at in range(0, len(files), FILES)])
    singles = fresh(cifake_sample(SINGLES))
    single = loaded(portal, clients, [[one] for one in singles])
    rate = single.images_per_second / 2
    latencies = at_rate(portal, clients, fresh(cifake_sample(int(rate * HALF_LOAD_SECONDS))), rate)
    after = floor(mariadb, folder)
    return ThroughputFigures(
        floor=max(before, after),
        many=many,
        single=single,
        half_rate=rate,
        p50_seconds=statistics.median(latencies),
        p95_seconds=statistics.quantiles(latencies, n=20)[-1],
    )


class Client:
    """A program with a token of a user of its own."""

    def __init__(self, portal: Installation, email: str) -> None:
        visitor = portal.visitor().sign_up(email)
        self._portal = portal
        self.email = visitor.email
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Token {token_of(portal, visitor.email)}"

    def post(self, files: Files) -> None:
        """Hand in files as one submission."""
        named = [("images", (name, content)) for name, content in files]
        answer = self._session.post(
            f"{self._portal.url}/api/v1/submissions/", files=named, timeout=120
        )
        if answer.status_code not in (201, 202):
            raise RuntimeError(f"{answer.status_code}: {answer.text[:300]}")

    def wait(self) -> None:
        """Wait for the verdicts of everybody."""
        ended(self._portal)


def token_of(portal: Installation, email: str) -> str:
    """Make a token for a user as the profile page does."""
    done = portal.manage(
        "shell",
        "-c",
        "from portal.models import ApiToken, User; "
        f"_, token = ApiToken.objects.create(user=User.objects.get(email={email!r}), name='bench',"
        " scopes=['read', 'submit']); print('token:' + token)",
    )
    return done.stdout.partition("token:")[2].strip()


def fresh(files: Files) -> Files:
    """Make each file one that nobody has handed in: a comment segment in the JPEG that differs."""
    made = []
    for number, (name, content) in enumerate(files):
        words = f"{time.time_ns()}-{number}".encode()
        comment = b"\xff\xfe" + (len(words) + 2).to_bytes(2, "big") + words
        made.append((name, content[:2] + comment + content[2:]))
    return made


def loaded(portal: Installation, clients: list[Client], work: list[Files]) -> Load:
    """Let the clients hand in the work, each one after the other; what it came to."""
    before, started = processor(portal), time.time()
    todo = iter(work)
    lock = threading.Lock()

    def run(client: Client) -> None:
        while True:
            with lock:
                files = next(todo, None)
            if files is None:
                return
            client.post(files)

    together([partial(run, client) for client in clients])
    finished = ended(portal)
    count = sum(len(files) for files in work)
    spent = processor(portal)
    each = {name: 1000 * (spent[name] - before.get(name, 0.0)) / count for name in spent}
    return Load(count / (finished - started), each)


def at_rate(portal: Installation, clients: list[Client], files: Files, rate: float) -> list[float]:
    """Post single images at a steady rate; seconds from each POST to its verdict."""
    started = time.time() + 0.5
    names = numbered(files)
    due = {name: started + number / rate for number, (name, _) in enumerate(names)}
    sent: dict[str, float] = {}

    def run(client: Client, share: Files) -> None:
        for name, content in share:
            wait = due[name] - time.time()
            if wait > 0:
                threading.Event().wait(wait)
            sent[name] = time.time()
            client.post([(name, content)])

    many = clients * 4
    shares = [names[at :: len(many)] for at in range(len(many))]
    together([partial(run, *pair) for pair in zip(many, shares, strict=True)])
    ended(portal)
    rows = portal.rows(
        "SELECT i.file_name, a.finished_at FROM detection_analysis a"
        " JOIN detection_submittedimage i ON i.id = a.image_id WHERE i.file_name LIKE 'rate-%%'"
    )
    moments = {name: seconds_since_epoch(moment) for name, moment in rows}
    # By when it was due: a client that falls behind does not hide the wait (coordinated omission).
    return [moments[name] - min(due[name], sent[name]) for name in sent]


def numbered(files: Files) -> Files:
    """Give each file a name of its own."""
    return [(f"rate-{number}.jpg", content) for number, (_, content) in enumerate(files)]


def together(jobs: list[Callable[[], None]]) -> None:
    """Run jobs at the same time, and raise what went wrong in one of them."""
    trouble: list[Exception] = []

    def guarded(job: Callable[[], None]) -> None:
        try:
            job()
        except (RuntimeError, requests.RequestException) as error:
            trouble.append(error)

    threads = [threading.Thread(target=guarded, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if trouble:
        raise trouble[0]


def ended(portal: Installation) -> float:
    """Wait until no analysis is unfinished; when the last one was stored, since the epoch."""
    deadline = time.monotonic() + 300
    while True:
        ((count,),) = portal.rows(
            "SELECT COUNT(*) FROM detection_analysis WHERE state IN ('queued', 'running')"
        )
        if not count:
            break
        if time.monotonic() > deadline:
            raise RuntimeError(f"{count} analyses have not ended.")
        threading.Event().wait(0.02)
    ((failed,),) = portal.rows("SELECT COUNT(*) FROM detection_analysis WHERE state <> 'finished'")
    if failed:
        raise RuntimeError(f"{failed} analyses did not finish.")
    ((last,),) = portal.rows("SELECT MAX(finished_at) FROM detection_analysis")
    return seconds_since_epoch(last)


def processor(portal: Installation) -> dict[str, float]:
    """Seconds of processor time of each process until now, of this one as `client`."""
    spent = {}
    for name in PROGRAMS:
        leader = psutil.Process(portal.pid(name))
        family = [leader, *leader.children(recursive=True)]
        spent[name] = sum(sum(one.cpu_times()[:2]) for one in family)
    for server in ("mariadbd", "redis-server"):
        spent[server] = sum(
            sum(one.cpu_times()[:2])
            for one in psutil.Process().children(recursive=True)
            if one.name() == server
        )
    spent["client"] = sum(psutil.Process().cpu_times()[:2])
    return spent


def floor(mariadb: MariaDB, folder: Path) -> float:
    """Images a second of the floor loop, in a process of its own."""
    files = folder / f"floor-{time.time_ns()}"
    files.mkdir()
    command = [sys.executable, "-m", "bench.floor", mariadb.new_database(), str(files), "640"]
    done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return float(json.loads(done.stdout)["images_per_second"])


if __name__ == "__main__":
    print(json.dumps(asdict(measure()), indent=1))
