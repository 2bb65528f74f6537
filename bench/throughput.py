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
from dataclasses import asdict, dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
import requests
from prometheus_client.parser import text_string_to_metric_families

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
METRICS = "a-token-of-the-benchmark-alone"
BOUNDARY = "veripix-bench-5f1d6a"
# Less than this of an image is no line of its own.
LEAST_TOLD_MILLISECONDS = 0.05
Files = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Load:
    """What one kind of load came to.

    Attributes:
        images_per_second: From the first POST to the last stored verdict.
        processor: Milliseconds of processor time that each process spent on an image.
        stages: Milliseconds by the clock that an image spent in each stage, by road and stage.
    """

    images_per_second: float
    processor: dict[str, float]
    stages: dict[str, float]


@dataclass(frozen=True)
class ThroughputFigures:
    """The portal beside the floor. Latencies in seconds, from POST to stored verdict."""

    floor: float
    many: Load
    single: Load
    half_rate: float
    p50_seconds: float
    p95_seconds: float

    @property
    def share(self) -> float:
        """What submissions of many files reach of the floor."""
        return self.many.images_per_second / self.floor

    @property
    def share_single(self) -> float:
        """What posts of one file reach of the floor."""
        return self.single.images_per_second / self.floor


def measure() -> ThroughputFigures:
    """Measure floor and portal in turns on one machine, the floor before and after."""
    with tempfile.TemporaryDirectory(prefix="veripix-bench-") as name:
        folder = Path(name)
        (folder / "mariadb").mkdir()
        with mariadb_server(folder / "mariadb") as mariadb, redis_server(folder / "redis") as redis:
            before = floor(mariadb, folder)
            variables = server_variables(folder / "var", folder / "static", mariadb, redis)
            variables |= {
                **UNHURRIED,
                "API_RATE_PER_MINUTE": "1000000",
                "METRICS_TOKEN": METRICS,
                "WEB_CONCURRENCY": "2",
            }
            with running_installation(folder / "var", variables, programs=PROGRAMS) as portal:
                return _measured(portal, mariadb, folder, before)


def _measured(
    portal: Installation, mariadb: MariaDB, folder: Path, before: float
) -> ThroughputFigures:
    clients = [Client(portal, f"{number}@bench.example.org") for number in range(CLIENTS)]
    files = fresh(cifake_sample(FILES * SUBMISSIONS))
    starts = range(0, len(files), FILES)
    first, *work = [files[start : start + FILES] for start in starts]
    clients[0].post(first)  # It pays for imports and buffers.
    ended(portal)
    many = loaded(portal, clients, work)
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
    """A program with a token of a user of its own, which costs the machine as little as it can."""

    def __init__(self, portal: Installation, email: str) -> None:
        visitor = portal.visitor().sign_up(email)
        self._port = portal.port
        self._token = token_of(portal, visitor.email)
        # A connection of each thread's own.
        self._local = threading.local()

    def post(self, files: Files) -> None:
        """Hand in files as one submission."""
        if not hasattr(self._local, "connection"):
            self._local.connection = HTTPConnection("localhost", self._port, timeout=120)
        parts = [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="images"; filename="{name}"\r\n'
            "Content-Type: image/jpeg\r\n\r\n".encode()
            + content
            + b"\r\n"
            for name, content in files
        ]
        body = b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
        headers = {
            "Authorization": f"Token {self._token}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        connection = self._local.connection
        connection.request("POST", "/api/v1/submissions/", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 201:
            raise RuntimeError(f"{answer.status}: {text[:300]!r}")


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
    passed, before, started = stages(portal), processor(portal), time.time()
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
    after = stages(portal)
    took = {name: 1000 * (after[name] - passed.get(name, 0.0)) / count for name in after}
    return Load(count / (finished - started), each, took)


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
        except (RuntimeError, HTTPException, OSError) as error:
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


def stages(portal: Installation) -> dict[str, float]:
    """Seconds that images have spent in each stage until now, by `road: stage`."""
    answer = requests.get(
        f"{portal.url}/metrics", headers={"Authorization": f"Bearer {METRICS}"}, timeout=30
    )
    answer.raise_for_status()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            if sample.name == "veripix_stage_seconds_sum":
                key = f"{sample.labels['road']}: {sample.labels['stage']}"
                found[key] = found.get(key, 0.0) + sample.value
    return found


def read(text: str) -> ThroughputFigures:
    """Return the figures that this module printed."""
    told = json.loads(text)
    return ThroughputFigures(
        **{**told, "many": Load(**told["many"]), "single": Load(**told["single"])}
    )


def table(figures: ThroughputFigures) -> list[str]:
    """The portal beside the floor, and where an image's time goes."""
    many, single = figures.many, figures.single
    rows = {
        "the floor loop": f"{figures.floor:.0f} images/s",
        f"submissions of {FILES} files by {CLIENTS} clients": (
            f"{many.images_per_second:.0f} images/s, {figures.share:.2f} of the floor"
        ),
        f"single files by {CLIENTS} clients": (
            f"{single.images_per_second:.0f} images/s, {figures.share_single:.2f} of the floor"
        ),
        f"POST to stored verdict at {figures.half_rate:.0f} images/s, half of that, p50": (
            f"{1000 * figures.p50_seconds:.0f} ms"
        ),
        "the same, p95": f"{1000 * figures.p95_seconds:.0f} ms",
    }
    lines = ["### The portal beside the floor", "", "| MariaDB and Redis | figure |", "|---|---|"]
    lines += [f"| {what} | {figure} |" for what, figure in rows.items()]
    lines += ["", f"| of one image, ms | {FILES} files | single |", "|---|---|---|"]
    for title, ones, twos in (
        ("processor", many.processor, single.processor),
        ("clock", many.stages, single.stages),
    ):
        for name in sorted(ones, key=lambda name, ones=ones: -ones[name]):  # type: ignore[misc]
            pair = ones[name], twos.get(name, 0.0)
            if max(pair) >= LEAST_TOLD_MILLISECONDS:
                lines.append(f"| {title}, {name} | {pair[0]:.2f} | {pair[1]:.2f} |")
    return lines


def bars(figures: ThroughputFigures) -> list[tuple[bool, str]]:
    """Each bar: whether it is met, and the sentence with its figure."""
    return [
        (
            figures.share >= LEAST_OF_FLOOR,
            f"submissions of 50 files reach 0.5 of the floor loop: {figures.share:.2f}",
        ),
        (
            figures.share_single >= LEAST_OF_FLOOR_SINGLE,
            f"single files reach 0.25 of the floor loop: {figures.share_single:.2f}",
        ),
        (
            figures.p95_seconds <= MOST_P95_SECONDS,
            f"a verdict within 1 s at p95, at half load: {1000 * figures.p95_seconds:.0f} ms",
        ),
    ]


def floor(mariadb: MariaDB, folder: Path) -> float:
    """Images a second of the floor loop, in a process of its own."""
    files = folder / f"floor-{time.time_ns()}"
    files.mkdir()
    command = [sys.executable, "-m", "bench.floor", mariadb.new_database(), str(files), "640"]
    done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return float(json.loads(done.stdout)["images_per_second"])


def main() -> None:
    """Measure; print JSON for `make bench`, or the table."""
    figures = measure()
    if "--json" in sys.argv:
        print(json.dumps(asdict(figures)))
        return
    print("\n".join(table(figures)))
    for is_met, words in bars(figures):
        print(f"- {'met' if is_met else 'missed'}: {words}")


if __name__ == "__main__":
    main()
