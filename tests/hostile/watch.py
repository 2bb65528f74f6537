"""Watches a portal that is under attack: no process lost, memory bounded, rows and files agree."""

import json
import re
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.installation import Installation
from tests.waiting import is_alive, wait_for

# The names in every column that holds a file, of every model.
NAMES = """
import json
from django.apps import apps
from django.db.models import FileField
names = set()
for model in apps.get_models():
    for field in model._meta.get_fields():
        if isinstance(field, FileField):
            names |= set(model._base_manager.values_list(field.name, flat=True))
print(json.dumps(sorted(name for name in names if name)))
"""
LOOK_SECONDS = 0.2
# Of a process of the web server or a worker: these hold up to 200 MB where nobody does them harm,
# and decode nothing themselves. The rest is for eight files of 20 MB at once, twice in memory.
MOST_MEGABYTES = 500.0
# Each record of a log begins with its time.
RECORD = re.compile(r"^(?=\[?\d{4}-\d\d-\d\d \d\d:\d\d)", re.MULTILINE)


def peak_megabytes(pid: int) -> float:
    """Return the most memory that a process has held since it was reset."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def children(pid: int) -> list[int]:
    """Return the processes that this one has started, without a look at all there are."""
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, file.read_text().split())
    return found


class Watch:
    """What the processes of a portal are and hold, from its start to its end.

    Attributes:
        pids: Program -> its processes that have to be the same at the end: its first one and, of
            the web server, those that answer.
        helpers: The most that a process held which was started for a file: decoders, readers of
            Content Credentials.
    """

    def __init__(self, portal: Installation) -> None:
        self.portal = portal
        self.pids = self._pids()
        self.helpers = 0.0
        for pid in self._all():
            # Linux: 5 sets the peak to what is held now.
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._done = threading.Event()
        self._looker = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._looker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._looker.join()

    def peaks(self) -> dict[str, float]:
        """Return the most megabytes that a process of each program held."""
        return {name: max(map(peak_megabytes, pids)) for name, pids in self.pids.items()}

    def check_processes(self, *, most_megabytes: float) -> None:
        """Fail if a process is gone, was replaced, or held more."""
        assert self._pids() == self.pids, f"processes were lost: {self.pids} -> {self._pids()}"
        peaks = self.peaks()
        assert max(peaks.values()) < most_megabytes, peaks

    def check_logs(self) -> None:
        """Fail if anything that nobody expected was written down.

        Django writes down with a traceback what it refuses as suspicious; that is expected.
        """
        for name in self.pids:
            for said in RECORD.split(self.portal.log(name)):
                is_expected = " django.security." in said.partition("\n")[0]
                assert is_expected or "Traceback" not in said, f"{name}:\n{said[:4000]}"

    def wait_until_ended(self, *, timeout: float = 120) -> Counter[str]:
        """Wait until no analysis waits; how many ended in which state."""
        states = (
            "SELECT state, count(*) FROM detection_analysis WHERE track <> 'face' GROUP BY state"
        )

        def ended() -> Counter[str] | None:
            found = Counter({state: int(count) for state, count in self.portal.rows(states)})
            return None if {"queued", "running"} & set(found) else found

        found = wait_for(ended, "the end of all analyses", timeout=timeout)
        assert found is not None
        return found

    def check_files(self) -> None:
        """Fail if a row lacks its file or a file its row; nothing may be on its way."""
        media = self.portal.folder / "media"
        named = set(json.loads(self.portal.manage("shell", "-v0", "-c", NAMES).stdout))
        there = {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()}
        assert not named - there, f"rows without files: {sorted(named - there)[:9]}"
        assert not there - named, f"files without rows: {sorted(there - named)[:9]}"

    def _pids(self) -> dict[str, list[int]]:
        found = {}
        for name in self.portal.running:
            first = self.portal.pid(name)
            assert is_alive(first), f"{name} ended"
            found[name] = sorted([first, *(children(first) if name == "web" else [])])
        return found

    def _all(self) -> list[int]:
        return [pid for pids in self.pids.values() for pid in pids]

    def _look(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            known = self._all()
            for child in {child for pid in known for child in children(pid)}.difference(known):
                with suppress(FileNotFoundError, ProcessLookupError):
                    self.helpers = max(self.helpers, peak_megabytes(child))
