"""Watches a portal that is under attack: no process lost, memory bounded, rows and files agree."""

import json
import re
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

from tests.installation import Installation
from tests.waiting import wait_for

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
LOOK_SECONDS = 0.1


def peak_megabytes(pid: int) -> float:
    """Return the most memory that a process has held since it was reset."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


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
        """Fail if anything that nobody expected was written down."""
        for name in self.pids:
            log = self.portal.log(name)
            at = log.find("Traceback")
            assert at < 0, f"{name}:\n{log[max(0, at - 1500) : at + 3000]}"

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
            assert psutil.pid_exists(first), f"{name} ended"
            children = psutil.Process(first).children() if name == "web" else []
            found[name] = sorted([first, *(child.pid for child in children)])
        return found

    def _all(self) -> list[int]:
        return [pid for pids in self.pids.values() for pid in pids]

    def _look(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            for pid in self._all():
                with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                    for child in psutil.Process(pid).children(recursive=True):
                        if child.pid not in self._all():
                            self.helpers = max(self.helpers, peak_megabytes(child.pid))
