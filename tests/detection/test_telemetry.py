"""Nothing is counted or timed by default; where it is asked for, all processes are added up."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from detection import telemetry
from tests.installation import ROOT

PROCESS = """
import os, sys
from pathlib import Path
from detection import telemetry

assert telemetry.configure(Path(sys.argv[1]))
with telemetry.stage("infer", images=3):
    pass
telemetry.stage_took("read", 0.25)
telemetry.verdict_given("real", "thumbnail", "m 1")
telemetry.verdict_given("real", "thumbnail", "m 1", is_stored=True)
if os.fork() == 0:
    telemetry.verdict_given("real", "thumbnail", "m 1")
    telemetry.webhook_tried("delivered", 0.5)
    os._exit(0)
os.wait()
telemetry.analysis_moved("finished", "thumbnail", count=3)
telemetry.analysis_moved("failed", "thumbnail", count=0)
"""


def run(folder: Path) -> None:
    """Let another process measure into the folder, and end."""
    command = [sys.executable, "-c", PROCESS, str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, timeout=60)


def sums(folder: Path) -> CollectorRegistry:
    """What all processes measured together."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))
    return registry


def test_nothing_is_measured_unless_somebody_asks() -> None:
    assert not telemetry.is_on()
    with telemetry.stage("infer"):
        telemetry.verdict_given("real", "thumbnail", "m 1")
    command = (
        "import sys; from detection import telemetry; print('prometheus_client' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", command], check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False"


def test_processes_are_added_up_also_after_their_end(tmp_path: Path) -> None:
    run(tmp_path)
    run(tmp_path)
    found = sums(tmp_path)
    stage = {"road": "analysis", "stage": "infer"}
    assert found.get_sample_value("veripix_stage_seconds_count", stage) == 2
    assert found.get_sample_value("veripix_stage_images_total", stage) == 6
    read = {"road": "analysis", "stage": "read"}
    assert found.get_sample_value("veripix_stage_seconds_sum", read) == 0.5
    verdict = {"verdict": "real", "track": "thumbnail", "model": "m 1", "answered": "model"}
    assert found.get_sample_value("veripix_verdicts_total", verdict) == 4
    verdict["answered"] = "stored"
    assert found.get_sample_value("veripix_verdicts_total", verdict) == 2
    assert found.get_sample_value("veripix_webhook_seconds_sum") == 1.0
    moved = {"state": "finished", "track": "thumbnail"}
    assert found.get_sample_value("veripix_analysis_moves_total", moved) == 6
    assert not found.get_sample_value(
        "veripix_analysis_moves_total", {"state": "failed", "track": "thumbnail"}
    )


def test_room_is_reserved_before_anything_is_written(tmp_path: Path) -> None:
    run(tmp_path)
    for file in tmp_path.iterdir():
        kind = file.name.partition("_")[0]
        taken = file.stat()
        assert taken.st_size == telemetry.RESERVED[kind]
        assert taken.st_blocks * 512 >= taken.st_size, "a hole is room that may be missing later"


def test_a_folder_that_takes_nothing_stops_no_work(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    before = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    try:
        assert not telemetry.configure(missing)
    finally:
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
        if before is not None:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = before
    assert not telemetry.is_on()
    with telemetry.stage("infer"):
        telemetry.error_met("analysis", "internal")


def test_every_metric_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = page.partition("### Metrics")[2].partition("### Flower")[0]
    for name, (_, labels) in telemetry.COUNTERS.items():
        row = next((line for line in table.splitlines() if f"`{name}_total`" in line), "")
        assert all(f"`{label}`" in row for label in labels), name
    for name, (_, labels, _) in telemetry.HISTOGRAMS.items():
        row = next((line for line in table.splitlines() if f"`{name}`" in line), "")
        assert row
        assert all(f"`{label}`" in row for label in labels), name
