"""What all tests share: quick tests first, and servers that start once, where a test asks for one.

Three kinds of tests, told apart by markers: plain ones run in this process on SQLite; `services`
start whole portals, MariaDB and Redis; `browser` drives Chromium over a portal. `make test` lets
two processes share them.
"""

import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.installation import Installation, running_installation, server_variables
from tests.servers import S3, MariaDB, Redis, mariadb_server, redis_server, s3_server
from tests.waiting import wait_until_gone

GRACE_SECONDS = 90.0
# What shares a browser, or a portal that only these attack.
TOGETHER = ("tests/journeys/", "tests/services/test_hostile_")


def pytest_configure(config: pytest.Config) -> None:
    """Let signals end the tests in good order, so that no server outlives them."""
    is_worker, has_workers = hasattr(config, "workerinput"), bool(config.getoption("numprocesses"))

    def end_in_good_order(number: int, frame: object) -> None:
        """Leave through every fixture's end; where processes share the tests, through theirs."""
        if has_workers and not is_worker:
            workers = psutil.Process().children()
            for worker in workers:
                worker.terminate()
            # They themselves stay until this one leaves; what matters is all that they started.
            started = [child.pid for worker in workers for child in worker.children()]
            with suppress(AssertionError):
                wait_until_gone(*started, timeout=GRACE_SECONDS)
        pytest.exit(f"ended by {signal.Signals(number).name}", returncode=128 + number)

    signal.signal(signal.SIGTERM, end_in_good_order)
    if is_worker:
        # Ctrl-C reaches every process; the first one tells the others what it means. A handler,
        # because what is ignored would be ignored by the portals that are started here as well.
        signal.signal(signal.SIGINT, lambda number, frame: None)
    elif has_workers:
        signal.signal(signal.SIGINT, end_in_good_order)
    if not is_worker:
        config.pluginmanager.register(AtOnce(config))


class AtOnce:
    """Shows a failure when it happens: a run that is ended early has no summary."""

    def __init__(self, config: pytest.Config) -> None:
        """`config` knows the terminal."""
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the traceback."""
        if report.failed:
            terminal = self._config.pluginmanager.get_plugin("terminalreporter")
            assert terminal
            terminal.write_line(f"\n{report.nodeid} ({report.when}):\n{report.longreprtext}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what fails fastest first, or, beside another process, what takes longest."""
    items.sort(key=lambda item: bool(item.get_closest_marker("browser")))
    items.sort(
        key=lambda item: any(map(item.get_closest_marker, ("services", "browser"))),
        reverse=hasattr(config, "workerinput"),
    )


class Sharing(LoadScopeScheduling):
    """A file's tests stay in one process, and so do files that share what is slow to start."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((start for start in TOGETHER if file.startswith(start)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Sharing:
    """Share the tests, where several processes are asked for, in the order they have."""
    config.option.loadscopereorder = False
    return Sharing(config, log)


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """A MariaDB server of the tests' own."""
    with mariadb_server(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """One Redis for the tests that leave it alone."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A server that speaks S3."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def static_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Static files are collected once, by the first installation, for all."""
    return tmp_path_factory.mktemp("static")


@pytest.fixture(scope="session")
def photo_graph(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The graph of the photo track's network, made once."""
    from ml.photo.network import cached_graph

    return cached_graph(tmp_path_factory.mktemp("graph"))


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory, static_root: Path) -> Iterator[Installation]:
    """The portal as `make run` configures it: SQLite, the file system as broker, mail as files."""
    folder = tmp_path_factory.mktemp("embedded")
    with running_installation(folder, {"STATIC_ROOT": str(static_root)}) as installation:
        yield installation


@pytest.fixture(scope="session")
def on_servers(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
) -> Iterator[Installation]:
    """The portal as compose.yaml configures it, on MariaDB and Redis."""
    folder = tmp_path_factory.mktemp("servers")
    variables = server_variables(folder, static_root, mariadb, shared_redis)
    with running_installation(folder, variables) as installation:
        yield installation
