"""A real MariaDB, Redis and S3 for tests, each in a temporary folder and on a free port.

They listen on this machine's own address, or on another one, where other hosts reach them.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.waiting import wait_for

PATH_WITH_SERVERS = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
START_SECONDS = 60.0
HOME = "127.0.0.1"


def free_port(host: str = HOME) -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_listening(port: int, host: str = HOME) -> bool:
    """Whether something accepts connections on `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


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


def wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path, host: str = HOME) -> None:
    """Wait until the server listens; its last lines are shown where it gave up instead."""

    def is_up() -> bool:
        assert process.poll() is None, f"{process.args!r} ended:\n{log.read_text()[-2000:]}"
        return is_listening(port, host)

    wait_for(is_up, f"port {port}", timeout=START_SECONDS)


class MariaDB:
    """One server; every `new_database` is an empty utf8mb4 database of its own."""

    def __init__(
        self,
        port: int,
        socket_path: Path,
        host: str = HOME,
        *,
        command: Sequence[str] = (),
        log: Path = Path(os.devnull),
    ) -> None:
        self.port = port
        self.host = host
        self._socket = socket_path
        self._count = 0
        self._command = list(command)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server on what it had stored before, and wait for it."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        wait_until_up(self._process, self.port, self._log, self.host)

    def stop(self) -> None:
        """End the server in good order."""
        if self._process is not None:
            end(self._process)
            self._process = None

    def kill(self) -> None:
        """End the server at once, as a power cut would; it has written what it had promised."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def new_database(self) -> str:
        """Create an empty database; its DATABASE_URL."""
        self._count += 1
        name = f"veripix_{self._count}"
        self.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return f"mysql://veripix:secret@{self.host}:{self.port}/{name}"

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
def mariadb_server(
    folder: Path, options: Sequence[str] = (), host: str = HOME
) -> Iterator[MariaDB]:
    """Install the system tables into `folder` and run a server on them, with these options too."""
    data, log, port = folder / "data", folder / "mariadb.log", free_port(host)
    # A socket's path may have 107 characters at most, so it is not put below pytest's folders.
    socket_path = Path(f"/tmp/veripix-{os.getpid()}-{port}.sock")  # noqa: S108
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
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
        f"--bind-address={host}",
        # Durability costs seconds here and protects nothing: the folder is thrown away.
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=64M",
        "--skip-log-bin",
        # In /tmp a server that starts would delete the temporary tables of the others.
        f"--tmpdir={temporary}",
        *options,
    ]
    command = [program("mariadbd", "mysqld"), "--no-defaults", *all_options]
    server = MariaDB(port, socket_path, host, command=command, log=log)
    try:
        server.start()
        # From everywhere that reaches the address which it listens on.
        for place in ("'127.0.0.1'", "localhost", *(["'%'"] if host != HOME else [])):
            server.execute(f"CREATE USER veripix@{place} IDENTIFIED BY 'secret'")
            server.execute(f"GRANT ALL ON *.* TO veripix@{place}")
        yield server
    finally:
        server.stop()
    socket_path.unlink(missing_ok=True)


class Redis:
    """One server that can be stopped and started again on the same port, as an outage would."""

    def __init__(self, folder: Path, host: str = HOME, tls: Sequence[str] = ()) -> None:
        """`tls` are its options for TLS; with them it speaks nothing else."""
        self.port = free_port(host)
        self._tls = list(tls)
        self.host = host
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0

    def new_url(self) -> str:
        """The REDIS_URL of a database of its own: no other portal's worker takes its tasks."""
        self._count += 1
        return self.url(self._count)

    def url(self, database: int = 0) -> str:
        """The REDIS_URL of one of the server's numbered databases."""
        return f"redis://{self.host}:{self.port}/{database}"

    def start(self) -> None:
        """Start the server, with what it had appended to its file before, and wait for it."""
        log = self._folder / "redis.log"
        port = ["--port", "0", "--tls-port"] if self._tls else ["--port"]
        options = [*port, str(self.port), "--bind", self.host, "--dir", str(self._folder)]
        options += self._tls
        # Without a password it refuses whoever comes from elsewhere.
        options += ["--protected-mode", "no"] if self.host != HOME else []
        options += ["--save", "", "--appendonly", "yes", "--databases", "256"]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [program("redis-server"), *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until_up(self._process, self.port, log, self.host)

    def stop(self) -> None:
        """End the server; its port refuses connections from now on."""
        if self._process is not None:
            end(self._process)
            self._process = None

    def kill(self) -> None:
        """End the server at once; when it is started again it is empty."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None
        shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)


@contextmanager
def redis_server(folder: Path, host: str = HOME, tls: Sequence[str] = ()) -> Iterator[Redis]:
    """Run a Redis that keeps its file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Redis(folder, host, tls)
    try:
        server.start()
        yield server
    finally:
        server.stop()


class S3:
    """One server that speaks S3 (moto); it keeps everything in memory until it ends."""

    KEY, HALF = "AKIAIOSFODNN7EXAMPLE", "the-other-half-of-a-key-of-the-tests"

    def __init__(self, port: int, host: str = HOME, ca: Path | None = None) -> None:
        self.port = port
        self.host = host
        self._ca = ca
        self._count = 0

    def new_bucket(self) -> str:
        """Make an empty bucket; its name."""
        self._count += 1
        name = f"veripix-{self._count}"
        self.client().create_bucket(Bucket=name)
        return name

    def url(self, bucket: str, port: int | None = None) -> str:
        """The STORAGE_URL of a bucket; `port` is that of a gate before the server."""
        scheme, options = ("s3", f"?ca={self._ca}") if self._ca else ("s3+http", "")
        key, host = f"{self.KEY}:{self.HALF}", f"{self.host}:{port or self.port}"
        return f"{scheme}://{key}@{host}/{bucket}{options}"

    def client(self) -> Any:
        """A client of the test's own."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=f"{'https' if self._ca else 'http'}://{self.host}:{self.port}",
            verify=str(self._ca) if self._ca else None,
            aws_access_key_id=self.KEY,
            aws_secret_access_key=self.HALF,
            region_name="us-east-1",
        )

    def names(self, bucket: str, prefix: str = "") -> set[str]:
        """What lies in a bucket."""
        pages = self.client().get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=bucket, Prefix=prefix)
        return {entry["Key"] for page in found for entry in page.get("Contents", [])}

    @contextmanager
    def denying(self) -> Iterator[None]:
        """Ask whoever comes for a key that the server knows; it knows none."""
        self._ask_for_keys(after=0)
        try:
            yield
        finally:
            self._ask_for_keys(after=10**12)

    def _ask_for_keys(self, *, after: int) -> None:
        address = f"http://{self.host}:{self.port}/moto-api/reset-auth"
        assert requests.post(address, data=str(after), timeout=10).ok


@contextmanager
def s3_server(folder: Path, host: str = HOME, tls: Path | None = None) -> Iterator[S3]:
    """Run a server that speaks S3; its log goes to `folder`.

    `tls` is a folder with its key and certificate; with it, it speaks nothing but TLS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log, port = folder / "s3.log", free_port(host)
    program_path = Path(sys.executable).with_name("moto_server")
    command = [str(program_path), "-H", host, "-p", str(port)]
    if tls is not None:
        command += ["-s", "-c", str(tls / "server.crt"), "-k", str(tls / "server.key")]
    with running(command, log) as process:
        wait_until_up(process, port, log, host)
        yield S3(port, host, tls / "ca.crt" if tls else None)
