"""Fifty users at once, for three minutes, on the real stack: how long it takes, and nothing lost.

`python -m bench.load` starts a portal on a MariaDB and a Redis of its own, lets locust play the
users of `bench/locustfile.py`, and then holds what was answered against the rows. It ends with
status 1 where an answer was not what it should be or an image has no verdict.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.portal import UNHURRIED
from bench.sample import ROOT
from bench.throughput import PROGRAMS, ended
from tests.installation import Installation, running_installation, server_variables
from tests.servers import mariadb_server, redis_server

USERS, SECONDS = 50, 180
PEOPLE = """
import json
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from portal.models import ApiToken, User
people = []
for number in range({count}):
    user = User.objects.create_user(f"{{number}}@load.example.org")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    _, token = ApiToken.objects.create(user=user, name="load", scopes=["read", "submit"])
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    people.append({{"token": token, "session": session.session_key}})
open({path!r}, "w").write(json.dumps(people))
"""


@dataclass(frozen=True)
class LoadFigures:
    """What came of it. Times in milliseconds, by kind of request."""

    requests: list[dict[str, Any]]
    images: int
    lost: int
    doubled: int
    seconds_to_last_verdict: float

    @property
    def failures(self) -> int:
        """How many requests were answered otherwise than they should."""
        return sum(one["num_failures"] for one in self.requests)


@contextmanager
def stack(folder: Path) -> Iterator[Installation]:
    """A portal with all its workers, without a limit on how often a program may ask."""
    (folder / "mariadb").mkdir()
    with mariadb_server(folder / "mariadb") as mariadb, redis_server(folder / "redis") as redis:
        variables = server_variables(folder / "var", folder / "static", mariadb, redis)
        variables |= {**UNHURRIED, "API_RATE_PER_MINUTE": "1000000"}
        with running_installation(folder / "var", variables, programs=PROGRAMS) as portal:
            yield portal


def measure(*, users: int, seconds: int) -> LoadFigures:
    """Run the load, wait for the last verdict, and count."""
    with tempfile.TemporaryDirectory(prefix="veripix-load-") as name:
        folder = Path(name)
        with stack(folder) as portal:
            people = str(folder / "people.json")
            portal.manage("shell", "-c", PEOPLE.format(count=users, path=people))
            figures = locust(portal, folder, users, seconds)
            tally = json.loads((folder / "tally.json").read_text())
            last = ended(portal)
            return counted(portal, figures, tally, last)


def locust(portal: Installation, folder: Path, users: int, seconds: int) -> list[dict[str, Any]]:
    """Let locust play the users; its figures, one entry for each kind of request."""
    command = [sys.executable, "-m", "locust", "-f", "bench/locustfile.py", "--headless"]
    command += ["--users", str(users), "--spawn-rate", "10", "--run-time", f"{seconds}s"]
    command += ["--host", portal.url, "--json", "--only-summary", "--loglevel", "WARNING"]
    environment = {**os.environ, "VERIPIX_PEOPLE": str(folder)}
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    start = done.stdout.find("[")
    if start < 0:
        sys.exit(f"locust told nothing:\n{done.stdout}{done.stderr}")
    if done.stderr:
        print(done.stderr, file=sys.stderr)
    found: list[dict[str, Any]] = json.loads(done.stdout[start:])
    return found


def counted(
    portal: Installation, requests: list[dict[str, Any]], tally: dict[str, Any], last: float
) -> LoadFigures:
    """Hold what was answered against the rows: one final verdict for each image."""
    rows = portal.rows(
        "SELECT a.public_id, a.state FROM detection_analysis a WHERE a.track <> 'face'"
    )
    images = portal.rows(
        "SELECT COUNT(*), COUNT(DISTINCT image_id) FROM detection_analysis WHERE track <> 'face'"
    )
    finished = {public_id for public_id, state in rows if state == "finished"}
    expected = set(tally["taken"]) - set(tally["deleted"])
    ((analyses, distinct),) = images
    return LoadFigures(
        requests=requests,
        images=len(tally["taken"]),
        lost=len(expected - finished),
        doubled=analyses - distinct,
        seconds_to_last_verdict=max(0.0, last - tally["ended_at"]),
    )


def percentile(times: dict[str, int], share: float) -> float:
    """The time in ms below which this share of the answers came; locust counts rounded ones."""
    counts = sorted((float(time), count) for time, count in times.items())
    wanted, seen = share * sum(count for _, count in counts), 0
    for time, count in counts:
        seen += count
        if seen >= wanted:
            return time
    return 0.0


def table(figures: LoadFigures) -> list[str]:
    """The figures as docs/benchmarks.md shows them."""
    lines = ["| request | times | failed | p50 | p95 | p99 |", "|---|---|---|---|---|---|"]
    for one in sorted(figures.requests, key=lambda one: -one["num_requests"]):
        p50, p95, p99 = (percentile(one["response_times"], part) for part in (0.5, 0.95, 0.99))
        lines.append(
            f"| {one['name']} | {one['num_requests']} | {one['num_failures']} "
            f"| {p50:.0f} ms | {p95:.0f} ms | {p99:.0f} ms |"
        )
    total = sum(one["num_requests"] for one in figures.requests)
    summary = (
        f"{total} requests, {figures.failures} failed; {figures.images} images taken in, "
        f"{figures.lost} lost, {figures.doubled} doubled; the last verdict came "
        f"{figures.seconds_to_last_verdict:.1f} s after the last request."
    )
    return [*lines, "", summary]


def main() -> int:
    """Run it, print the table, and say with the exit status whether all went well."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    wanted = parser.parse_args()
    figures = measure(users=wanted.users, seconds=wanted.seconds)
    print("\n".join(table(figures)))
    return int(bool(figures.failures or figures.lost or figures.doubled))


if __name__ == "__main__":
    sys.exit(main())
