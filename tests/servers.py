"""A real MariaDB and a real Redis for tests, each in a temporary folder and on a free port."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import wait_for

PATH_WITH_SERVERS = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
START_SECONDS = 60.0


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Whether something accepts connections on `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def program(*names: str) -> str:
    """The path of the first of these programs that is installed; skips the test by name if none."""
    for name in names:
        found = shutil.which(name, path=PATH_WITH_SERVERS)
        if found:
            return found
    pytest.skip(f"{' or '.join(names)} is not installed (`make test` installs it)")


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server in a process group of its own, ended at the end; its output goes to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes], *, grace_seconds: float = 20.0) -> None:
    """Ask a process to end, then kill its group."""
    process.terminate()
    try:
        process.wait(timeout=grace_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the server listens; its last lines are shown where it gave up instead."""

    def is_up() -> bool:
        assert process.poll() is None, f"{process.args!r} ended:\n{log.read_text()[-2000:]}"
        return is_listening(port)

    wait_for(is_up, f"port {port}", timeout=START_SECONDS)


class MariaDB:
    """One server; every `new_database` is an empty utf8mb4 database of its own."""

    def __init__(self, port: int, socket_path: Path) -> None:
        self.port = port
        self._socket = socket_path
        self._count = 0

    def new_database(self) -> str:
        """Create an empty database; its DATABASE_URL."""
        self._count += 1
        name = f"veripix_{self._count}"
        self.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return f"mysql://veripix:secret@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str) -> str:
        """Run SQL as the server's own administrator; what it printed."""
        client = [program("mariadb", "mysql"), "--no-defaults", f"--socket={self._socket}"]
        done = subprocess.run(
            [*client, "--skip-column-names", "--execute", statement],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout


@contextmanager
def mariadb_server(folder: Path, options: Sequence[str] = ()) -> Iterator[MariaDB]:
    """Install the system tables into `folder` and run a server on them, with these options too."""
    data, log, port = folder / "data", folder / "mariadb.log", free_port()
    # A socket's path may have 107 characters at most, so it is not put below pytest's folders.
    socket_path = Path(f"/tmp/veripix-{os.getpid()}-{port}.sock")  # noqa: S108
    install = [program("mariadb-install-db", "mysql_install_db"), "--no-defaults"]
    install += [f"--datadir={data}", f"--user={getpass.getuser()}", "--skip-test-db"]
    install += ["--auth-root-authentication-method=socket"]
    subprocess.run(install, check=True, capture_output=True)
    all_options = [
        f"--datadir={data}",
        f"--user={getpass.getuser()}",
        f"--socket={socket_path}",
        f"--pid-file={folder / 'mariadb.pid'}",
        f"--port={port}",
        "--bind-address=127.0.0.1",
        # Durability costs seconds here and protects nothing: the folder is thrown away.
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=64M",
        "--skip-log-bin",
        *options,
    ]
    with running([program("mariadbd", "mysqld"), "--no-defaults", *all_options], log) as process:
        wait_until_up(process, port, log)
        server = MariaDB(port, socket_path)
        server.execute("CREATE USER veripix@'127.0.0.1' IDENTIFIED BY 'secret'")
        server.execute("CREATE USER veripix@localhost IDENTIFIED BY 'secret'")
        server.execute("GRANT ALL ON *.* TO veripix@'127.0.0.1'")
        server.execute("GRANT ALL ON *.* TO veripix@localhost")
        yield server
    socket_path.unlink(missing_ok=True)


class Redis:
    """One server that can be stopped and started again on the same port, as an outage would."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0

    def new_url(self) -> str:
        """The REDIS_URL of a database of its own: no other portal's worker takes its tasks."""
        self._count += 1
        return self.url(self._count)

    def url(self, database: int = 0) -> str:
        """The REDIS_URL of one of the server's numbered databases."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server, with what it had appended to its file before, and wait for it."""
        log = self._folder / "redis.log"
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        options += ["--save", "", "--appendonly", "yes", "--databases", "256"]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [program("redis-server"), *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until_up(self._process, self.port, log)

    def stop(self) -> None:
        """End the server; its port refuses connections from now on."""
        if self._process is not None:
            end(self._process)
            self._process = None


@contextmanager
def redis_server(folder: Path) -> Iterator[Redis]:
    """Run a Redis that keeps its file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Redis(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
