"""Clocks that are wrong, of some programs or of all, or that are set while these run.

By a small library of the tests (`wrong_clock.c`), which reads from a file how far a clock is off.
"""

import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

from tests.faults.ground import Ground
from tests.faults.run import Course

SOURCE = Path(__file__).with_name("wrong_clock.c")
HOUR, RIGHT = 3600, 0
WRONG_SECONDS = 10.0
NO_COMPILER = "there is no C compiler (Debian: gcc)"


def no_compiler(ground: Ground) -> str:
    """Why clocks cannot be wrong here."""
    return "" if shutil.which("cc") else NO_COMPILER


def variables(folder: Path) -> Mapping[str, str]:
    """What lets programs read their clock's error from a file in this folder."""
    compiler = shutil.which("cc")
    if compiler is None:
        return {}
    library = folder / "wrong_clock.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE)]
    subprocess.run(command, check=True)
    set_clock(folder / "clock", RIGHT)
    return {"LD_PRELOAD": str(library), "WRONG_CLOCK": str(folder / "clock")}


def set_clock(clock: Path, seconds: int) -> None:
    """Set a clock; whoever goes by it has the file in memory, and sees it at once."""
    with clock.open("r+b" if clock.exists() else "w+b") as file:
        file.write(seconds.to_bytes(8, "little", signed=True))


def _of_some(ground: Ground, course: Course, seconds: int, *names: str) -> None:
    """Start programs anew on a clock of their own that is wrong, and then on the right one."""
    clock = ground.folder / "clock-of-some"
    set_clock(clock, seconds)
    ground.portal.stop(*names)
    ground.portal.start(*names, variables={"WRONG_CLOCK": str(clock)})
    course.began.set()
    threading.Event().wait(WRONG_SECONDS)
    ground.portal.stop(*names)
    ground.portal.start(*names)


def workers_ahead(ground: Ground, course: Course) -> None:
    """Workers an hour ahead of everybody else."""
    _of_some(ground, course, HOUR, "inference", "errands")


def workers_behind(ground: Ground, course: Course) -> None:
    """Workers an hour behind everybody else."""
    _of_some(ground, course, -HOUR, "inference", "errands")


def sweeper_ahead(ground: Ground, course: Course) -> None:
    """Who sweeps, and the clock that asks for it, an hour ahead."""
    _of_some(ground, course, HOUR, "pictures", "beat")


def beat_behind(ground: Ground, course: Course) -> None:
    """The clock that asks for sweeps an hour behind who makes them."""
    _of_some(ground, course, -HOUR, "beat")


def web_behind(ground: Ground, course: Course) -> None:
    """The web server an hour behind."""
    _of_some(ground, course, -HOUR, "web")


def stepped(ground: Ground, course: Course) -> None:
    """Set the clock of all programs an hour on, and back again."""
    clock = ground.folder / "clock"
    course.began.set()
    set_clock(clock, HOUR)
    threading.Event().wait(WRONG_SECONDS)
    set_clock(clock, RIGHT)
