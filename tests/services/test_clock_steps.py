"""Beat asks for its sweeps also after its clock was set on, and back again, under its feet."""

from pathlib import Path

import pytest
import redis as redis_client

from tests.faults import clocks
from tests.installation import Installation, server_variables
from tests.servers import MariaDB, Redis
from tests.waiting import wait_for

pytestmark = pytest.mark.services
MORE = 8


def test_sweeps_are_asked_for_whatever_the_clock_does(
    tmp_path: Path, static_root: Path, mariadb: MariaDB, shared_redis: Redis
) -> None:
    wrong = clocks.variables(tmp_path)
    if not wrong:
        pytest.skip(clocks.NO_COMPILER)
    folder = tmp_path / "var"
    variables = server_variables(folder, static_root, mariadb, shared_redis)
    portal = Installation(folder, variables)
    portal.migrate()
    with redis_client.Redis.from_url(variables["REDIS_URL"]) as client:

        def asks(why: str) -> None:
            """Nobody takes the messages, so there are more and more."""
            before = int(client.llen("upkeep"))
            wait_for(lambda: client.llen("upkeep") >= before + MORE, why, timeout=30)

        try:
            portal.start("beat", variables=wrong)
            asks("the first sweeps")
            for seconds in (clocks.HOUR, clocks.RIGHT, -clocks.HOUR, clocks.RIGHT):
                clocks.set_clock(tmp_path / "clock", seconds)
                asks(f"sweeps when the clock is {seconds} s wrong")
        finally:
            portal.stop()
