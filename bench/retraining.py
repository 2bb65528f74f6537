"""Whether retraining starves verdicts: POST to verdict while a run trains on the same cores.

Run as `python -m bench.retraining`, it prints its figures as JSON.
"""

import contextlib
import json
import statistics
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.portal import analysed_after, on_servers
from bench.sample import cifake_sample
from tests.installation import Installation
from tests.waiting import wait_for

IMAGES = 2000
SINGLES = 60
# A run from the champion, in the settings that the panel offers, that outlasts the measurement.
START = """
from detection.models import Dataset, ModelVersion, Snapshot
from detection.services.snapshots import snapshot_freeze
from detection.services.training import run_request
champion = ModelVersion.objects.champion_of("thumbnail")
snapshot = snapshot_freeze(datasets=Dataset.objects.all(), user=None)
run_request(
    snapshot=snapshot, user=None, architecture=champion.spec["architecture"],
    base_version=champion, config={"epochs": 500},
)
"""
STOP = """
from detection.models import TrainingRun
from detection.services.training import run_cancel
run_cancel(run=TrainingRun.objects.active().get(), user=None)
"""


@dataclass(frozen=True)
class RetrainingFigures:
    """POST to stored verdict of one client, in milliseconds, without and with a run beside it.

    `training_images_per_second` is what the run reached meanwhile.
    """

    p50_milliseconds_idle: float
    p50_milliseconds: float
    p95_milliseconds: float
    training_images_per_second: float


def measure(*, singles: int = SINGLES) -> RetrainingFigures:
    """Measure on MariaDB and Redis, with every program running."""
    with tempfile.TemporaryDirectory(prefix="veripix-bench-") as name:
        folder = Path(name)
        with on_servers(folder) as portal:
            visitor = portal.visitor().sign_up("one@bench.example.org")
            sample = cifake_sample(2 * singles)
            idle = [analysed_after(portal, visitor, *file) for file in sample[:singles]]
            with training(portal, folder):
                busy = [analysed_after(portal, visitor, *file) for file in sample[singles:]]
                speed = portal.rows("SELECT images_per_second FROM detection_trainingrun")[0][0]
    return RetrainingFigures(
        p50_milliseconds_idle=1000 * statistics.median(idle),
        p50_milliseconds=1000 * statistics.median(busy),
        p95_milliseconds=1000 * statistics.quantiles(busy, n=20)[-1],
        training_images_per_second=float(speed),
    )


@contextlib.contextmanager
def training(portal: Installation, folder: Path) -> Iterator[None]:
    """Let a run train meanwhile."""
    archive = folder / "images.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in cifake_sample(IMAGES):
            file.writestr(f"{'REAL' if '-REAL-' in name else 'FAKE'}/{name}", content)
    portal.manage("import_dataset", "CIFAKE", str(archive))
    portal.manage("shell", "-c", START)
    wait_for(lambda: is_training(portal), "a run that trains", timeout=300)
    yield
    if not is_training(portal):
        raise RuntimeError("The run ended before the measurement did.")
    portal.manage("shell", "-c", STOP)


def is_training(portal: Installation) -> bool:
    """Whether the run is at its steps."""
    rows = portal.rows("SELECT state, stage, images_per_second FROM detection_trainingrun")
    return [row[:2] for row in rows] == [("running", "training")] and bool(rows[0][2])


if __name__ == "__main__":
    print(json.dumps(asdict(measure())))
