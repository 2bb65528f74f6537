"""A whole portal for tests: its own folder, its own ports, its programs as real processes."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import MySQLdb
import requests
import yaml

from tests import migrated
from tests.servers import MariaDB, Redis, end, free_port
from tests.visitor import Visitor
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ("web", "inference", "pictures", "beat")
# What a person's shell may carry must not configure the installations of the tests.
OWN_VARIABLES = (
    *("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "EMAIL_URL", "HTTPS"),
    *("STORAGE_URL", "STORAGE_PUBLIC_URL", "MEDIA_DELIVERY", "MEDIA_KEYS"),
)


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that configures a portal."""
    kept = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
    kept.pop("DJANGO_SETTINGS_MODULE", None)
    kept["PATH"] = f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"
    return kept


def shipped_commands() -> dict[str, list[str]]:
    """The commands of compose.yaml, so that what ships is what is tested."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return {name: service["command"] for name, service in services.items() if "command" in service}


class Installation:
    """One portal with a folder of its own; start, stop and kill its programs one by one."""

    def __init__(
        self,
        folder: Path,
        variables: Mapping[str, str],
        *,
        host: Sequence[str] = (),
        tree: Path = ROOT,
    ) -> None:
        """`variables` is what a person would put into the environment; empty: the embedded one.

        `host` is what starts a program on another host than this one, `tree` where its code is.
        """
        self.host = list(host)
        self.tree = tree
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._variables = {
            "VERIPIX_VAR": str(folder),
            "PYTHONUNBUFFERED": "1",
            # Told often and swept often, so that no test waits for the patience of production.
            "ANALYSIS_LEASE_SECONDS": "5",
            "SWEEP_SECONDS": "1",
            "GUNICORN_CMD_ARGS": f"--bind=127.0.0.1:{self.port}",
            **variables,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process of this installation."""
        return {**clean_environment(), **self._variables}

    @property
    def mail_folder(self) -> Path:
        """Where the mail of this installation is kept."""
        return self.folder / "mail"

    @property
    def model_weights(self) -> Path:
        """The weights that the inference worker reads."""
        (weights,) = (self.folder / "models").glob("cifake-*/1/*.h5")
        return weights

    # -- commands ------------------------------------------------------------------------------

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.tree,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, f"{arguments}:\n{done.stdout}{done.stderr}"
        return done

    def prepare(self) -> None:
        """Do what compose's `migrate` service and the image's build do."""
        self.migrate()
        command = shipped_commands()["migrate"]
        done = subprocess.run(
            command,
            cwd=self.tree,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
        if not (Path(self.environment["STATIC_ROOT"]) / "staticfiles.json").exists():
            self.manage("collectstatic", "--no-input")

    def migrate(self) -> None:
        """Bring an empty database to where all migrations lead; they run once a process."""
        migrated.fill(self._variables, self.folder, lambda: self.manage("migrate", "--no-input"))

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Read from the database with a connection of the test's own; `%s` stands for a value."""
        url = self._variables.get("DATABASE_URL")
        if url is None:
            return self._sqlite_rows(statement.replace("%s", "?"), values)
        parts = urlsplit(url)
        connection = MySQLdb.connect(
            host=parts.hostname,
            port=parts.port,
            user=parts.username,
            passwd=parts.password,
            db=parts.path.lstrip("/"),
            autocommit=True,
        )
        with closing(connection), connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def _sqlite_rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.folder / "veripix.sqlite3", timeout=20)
        with closing(connection):
            return connection.execute(statement, values).fetchall()

    # -- programs ------------------------------------------------------------------------------

    def start(
        self, *names: str, options: Sequence[str] = (), variables: Mapping[str, str] | None = None
    ) -> None:
        """Start programs by their name in compose.yaml, and wait until the web server answers."""
        commands = shipped_commands()
        for name in names:
            with self.log_file(name).open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    [*self.host, *commands[name], *options],
                    cwd=self.tree,
                    env={**self.environment, **(variables or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        if "web" in names:
            wait_for(self.is_ready, f"{self.url} to be ready", timeout=60)

    def stop(self, *names: str) -> None:
        """End programs in good order, all at the same time; all that run where none is named."""
        chosen = [name for name in names or tuple(self._processes) if name in self._processes]
        ending = [self._processes.pop(name) for name in chosen]
        for process in ending:
            process.terminate()
        for process in ending:
            end(process)

    def kill(self, name: str) -> None:
        """End a program and all its processes at once, as a power cut would."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    @property
    def running(self) -> list[str]:
        """The programs that were started and not ended."""
        return list(self._processes)

    def pid(self, name: str) -> int:
        """The process id of a program's first process."""
        return self._processes[name].pid

    def is_ready(self) -> bool:
        """Whether the web server's readiness check says yes."""
        web = self._processes["web"]
        assert web.poll() is None, f"web ended:\n{self.log('web')[-3000:]}"
        try:
            return requests.get(f"{self.url}/health/ready/", timeout=5).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    def log_file(self, name: str) -> Path:
        """Where a program's output is written."""
        return self.folder / f"{name}.log"

    def log(self, name: str) -> str:
        """What a program has printed so far."""
        return self.log_file(name).read_text(errors="replace")

    def wait_for_line(self, name: str, text: str, *, timeout: float = 60) -> None:
        """Wait until a program has printed `text`."""
        wait_for(lambda: text in self.log(name), f"{text!r} from {name}", timeout=timeout)

    def visitor(self) -> Visitor:
        """Somebody with a browser of their own, not signed in."""
        return Visitor(self.url, self.mail_folder)

    # -- analyses ------------------------------------------------------------------------------

    def states(self, submission: str) -> list[str]:
        """The state of each image's analysis in a submission, in order; those on faces aside."""
        rows = self.rows(
            "SELECT a.state FROM detection_analysis a"
            " JOIN detection_submittedimage i ON i.id = a.image_id"
            " JOIN detection_submission s ON s.id = i.submission_id"
            " WHERE s.public_id = %s AND a.track <> 'face' ORDER BY i.id, a.id",
            submission,
        )
        return [state for (state,) in rows]

    def wait_until_ended(self, submission: str, *, timeout: float = 60) -> list[str]:
        """Wait until no analysis of the submission is unfinished; their states."""

        def ended() -> list[str]:
            states = self.states(submission)
            return [] if {"queued", "running"} & set(states) else states

        return wait_for(ended, f"verdicts of submission {submission}", timeout=timeout)


@contextmanager
def running_installation(
    folder: Path, variables: Mapping[str, str], *, programs: Sequence[str] = PROGRAMS
) -> Iterator[Installation]:
    """A prepared installation with these programs running; all of them have ended afterwards."""
    installation = Installation(folder, variables)
    installation.prepare()
    try:
        installation.start(*programs)
        yield installation
    finally:
        installation.stop()


def server_variables(
    folder: Path, static_root: Path, mariadb: MariaDB, redis: Redis
) -> dict[str, str]:
    """The environment of an installation on servers, as .env and compose.yaml give it."""
    return {
        "DATABASE_URL": mariadb.new_database(),
        "REDIS_URL": redis.new_url(),
        "SECRET_KEY": "a-secret-key-of-the-tests-alone-with-many-different-letters",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "EMAIL_URL": f"filemail:///{folder / 'mail'}",
        "STATIC_ROOT": str(static_root),
        # Tests of their own use second factors; the others sign in by password.
        "STAFF_SECOND_FACTOR": "false",
        # No proxy speaks TLS in front of a test.
        "HTTPS": "false",
    }
