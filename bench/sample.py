"""What the benchmark measures with: real CIFAKE test images, and the kernel's word on memory."""

import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cifake_archive() -> Path:
    """CIFAKE's test.zip, below VERIPIX_DATA or beside the repository; ends the run where absent."""
    data = Path(os.environ.get("VERIPIX_DATA") or ROOT.parent / "shared" / "data")
    archive = data / "cifake" / "test.zip"
    if not archive.is_file():
        sys.exit(f"{archive} is not there: set VERIPIX_DATA to the folder with the data sets.")
    return archive


def cifake_sample(count: int) -> list[tuple[str, bytes]]:
    """File name and content of `count` images, half of them real, half of them made by AI."""
    with zipfile.ZipFile(cifake_archive()) as archive:
        names = sorted(name for name in archive.namelist() if name.lower().endswith(".jpg"))
        real = [name for name in names if "/REAL/" in name]
        fake = [name for name in names if "/FAKE/" in name]
        pairs = zip(real[: (count + 1) // 2], fake[: count // 2], strict=False)
        chosen = [name for pair in pairs for name in pair]
        return [(name.replace("/", "-"), archive.read(name)) for name in chosen]


def high_water_mark(pid: int) -> float:
    """A process's peak resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    values: Mapping[str, str] = dict(line.split(":", 1) for line in status.splitlines())
    return int(values["VmHWM"].split()[0]) * 1024 / 1e6
