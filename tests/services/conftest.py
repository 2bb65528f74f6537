"""What the tests of whole portals share: one on servers with all its workers, to be attacked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.doors import Doors
from tests.installation import Installation, running_installation, server_variables
from tests.servers import MariaDB, Redis

ATTACKED = ("web", "inference", "pictures", "errands", "background", "beat")


@pytest.fixture(scope="session")
def attacked(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
) -> Iterator[Installation]:
    """A portal as compose.yaml configures it, to which all that is hostile is sent."""
    folder = tmp_path_factory.mktemp("attacked")
    variables = server_variables(folder, static_root, mariadb, shared_redis)
    # On a busy machine decoding may take three times as long, and answers have to come within 10 s.
    # A batch gives a sign of life between two files only.
    variables |= {"DECODER_SECONDS": "3", "ANALYSIS_LEASE_SECONDS": "60"}
    variables |= {"API_RATE_PER_MINUTE": "1000000"}
    with running_installation(folder, variables, programs=ATTACKED) as installation:
        yield installation


@pytest.fixture(scope="session")
def doors(attacked: Installation) -> Doors:
    """Whoever attacks it."""
    return Doors(attacked, "mallory@example.org")
