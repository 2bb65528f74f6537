"""What faults happen to: all programs of a portal, on Redis and a MariaDB that forgets nothing."""

import json
import os
import selectors
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis as redis_client

from tests.gate import Gate
from tests.installation import Installation, server_variables
from tests.servers import S3, MariaDB, Redis, mariadb_server, redis_server, s3_server

# Training has nothing to do with images on their way.
PROGRAMS = ("web", "inference", "faces", "pictures", "errands", "background", "beat")
DURABLE = ("--innodb-flush-log-at-trx-commit=1",)
# In memory, and only as much as is written: all faults with 300 images each leave some 200.
MEDIA_MEGABYTES = 1024
PEOPLE = """
import json
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from portal.models import ApiToken, User
people = []
for number in range({count}):
    user = User.objects.create_user(f"{{number}}@faults.example.org")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    _, token = ApiToken.objects.create(user=user, name="faults", scopes=["read", "submit"])
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    people.append({{"token": token, "session": session.session_key}})
open({path!r}, "w").write(json.dumps(people))
"""


class SlowGate(Gate):
    """A gate that can let everything pass late."""

    delay_seconds = 0.0

    def _carry(self, key: selectors.SelectorKey) -> bool:  # type: ignore[override]
        if self.delay_seconds:
            threading.Event().wait(self.delay_seconds)
        return super()._carry(key)


@dataclass(frozen=True)
class Person:
    """Somebody who hands in: by a token, and by a session."""

    token: str
    session: str


@dataclass
class Ground:
    """One whole installation, whose parts can be broken one by one."""

    folder: Path
    mariadb: MariaDB
    redis: Redis
    portal: Installation
    people: list[Person] = field(default_factory=list)
    # Where the media lie: a small file system of their own, a folder, or a bucket.
    is_small: bool = False
    s3: S3 | None = None
    bucket: str = ""
    gate: SlowGate | None = None
    programs: Sequence[str] = PROGRAMS
    next_picture: int = 0

    @property
    def media(self) -> Path:
        """The folder of the stored files."""
        return Path(self.portal.environment["MEDIA_ROOT"])

    def stored(self) -> set[str]:
        """The names of all stored files, model versions aside."""
        if self.s3 is not None:
            names = self.s3.names(self.bucket)
            return {name for name in names if not name.startswith(("models/", "trust/"))}
        files = (path for path in self.media.rglob("*") if not path.is_dir())
        return {str(path.relative_to(self.media)) for path in files}

    def temporary(self) -> set[str]:
        """What programs have left in the folder for temporary files."""
        return {path.name for path in Path(self.portal.environment["TMPDIR"]).iterdir()}

    def waiting_messages(self) -> list[str]:
        """The queues of Redis in which messages wait, and what the next one asks for.

        One that a killed worker held comes back after an hour, and finds nothing to do.
        """
        with redis_client.Redis.from_url(self.portal.environment["REDIS_URL"]) as client:
            queues = ("inference", "faces", "pictures", "errands", "background", "upkeep")
            return [
                f"{client.llen(name)} messages in {name}: {json.loads(oldest)['headers']['task']}"
                for name in queues
                for oldest in client.lrange(name, -1, -1)
            ]

    def make_people(self, count: int) -> None:
        """Make accounts with a token and a session each."""
        path = self.folder / "people.json"
        self.portal.manage("shell", "-c", PEOPLE.format(count=count, path=str(path)))
        self.people = [Person(**one) for one in json.loads(path.read_text())]

    def start_all(self) -> None:
        """Start whatever of the programs does not run."""
        self.portal.start(*(name for name in self.programs if name not in self.portal.running))


@contextmanager
def small_file_system(folder: Path) -> Iterator[bool]:
    """Mount a small file system in memory on a folder, where that is permitted; whether it was."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0 or shutil.which("mount") is None:
        yield False
        return
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEDIA_MEGABYTES}m,mode=0700", "tmpfs"]
    if subprocess.run([*command, str(folder)], check=False, capture_output=True).returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def ground(
    folder: Path,
    *,
    people: int = 6,
    programs: Sequence[str] = PROGRAMS,
    with_bucket: bool = False,
    variables: Callable[[Path], Mapping[str, str]] | None = None,
    static_root: Path | None = None,
) -> Iterator[Ground]:
    """Make a portal with all its servers and programs; everything is gone afterwards."""
    with ExitStack() as stack:
        for name in ("mariadb", "temporary"):
            (folder / name).mkdir(parents=True)
        mariadb = stack.enter_context(mariadb_server(folder / "mariadb", DURABLE))
        redis = stack.enter_context(redis_server(folder / "redis"))
        var = folder / "var"
        is_small = stack.enter_context(small_file_system(folder / "media"))
        given = server_variables(var, static_root or folder / "static", mariadb, redis)
        given |= {
            "MEDIA_ROOT": str(folder / "media"),
            "TMPDIR": str(folder / "temporary"),
            "API_RATE_PER_MINUTE": "1000000",
            # One thread: what is shown here is order, and other programs want a core too.
            "INFERENCE_THREADS": "1",
            **(variables(folder) if variables else {}),
        }
        s3 = stack.enter_context(s3_server(folder / "s3")) if with_bucket else None
        bucket = s3.new_bucket() if s3 else ""
        gate = SlowGate((s3.host, s3.port)) if s3 else None
        if s3 and gate:
            stack.callback(gate.shut)
            given["STORAGE_URL"] = s3.url(bucket, gate.port)
        portal = Installation(var, given)
        made = Ground(folder, mariadb, redis, portal, programs=programs)
        made.is_small, made.s3, made.bucket, made.gate = is_small, s3, bucket, gate
        portal.prepare()
        made.make_people(people)
        try:
            made.start_all()
            portal.wait_for_line("inference", "is loaded", timeout=120)
            yield made
        finally:
            portal.stop()
