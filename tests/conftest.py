"""What all tests share: quick tests first, and servers that start once, where a test asks for one.

Three kinds of tests, told apart by markers: plain ones run in this process on SQLite; `services`
start whole portals, MariaDB and Redis; `browser` drives Chromium over a portal.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation, running_installation, server_variables
from tests.servers import MariaDB, Redis, mariadb_server, redis_server


def pytest_configure() -> None:
    """Let SIGTERM end the tests in good order, so that no server outlives them."""
    signal.signal(signal.SIGTERM, end_in_good_order)


def end_in_good_order(number: int, frame: object) -> None:
    """Leave through every fixture's end."""
    pytest.exit(f"ended by {signal.Signals(number).name}", returncode=128 + number)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what fails fastest first; the order is stable otherwise."""
    items.sort(key=lambda item: [bool(item.get_closest_marker(m)) for m in ("browser", "services")])


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
