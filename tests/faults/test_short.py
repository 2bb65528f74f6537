"""A few of the faults, with few images; `make faults` lets all of them happen with many."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.ground import Ground, ground
from tests.faults.run import Fault, run
from tests.faults.table import FAULTS

# Waits for whatever a fault leaves to be swept: seconds, or minutes where much else runs.
pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]
IMAGES = 60
# One of each kind: a worker, the web server and the database, killed in the middle.
NAMES = ("inference worker killed", "web server killed", "MariaDB killed")
# Faces need photographs, and these TensorFlow: the long run has them. Beat sends something to all
# the others now and then, and no message may be left.
PROGRAMS = ("web", "inference", "pictures", "errands", "background", "beat")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, static_root: Path) -> Iterator[Ground]:
    """A portal that these tests may break."""
    folder = tmp_path_factory.mktemp("faults")
    with ground(folder, programs=PROGRAMS, static_root=static_root) as made:
        yield made


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.name in NAMES], ids=str)
def test_nothing_is_lost(here: Ground, fault: Fault) -> None:
    outcome = run(here, fault, images=IMAGES)
    assert not outcome.troubles
    assert not outcome.reckoning.troubles
    assert outcome.reckoning.answered == IMAGES
