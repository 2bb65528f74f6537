"""An image that takes its worker down, each time: by the kernel, as there is not enough memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from PIL import Image

from tests.faults.ground import Ground
from tests.faults.pictures import Picture
from tests.faults.run import Course, hand_in_alone
from tests.images import encoded
from tests.installation import Installation
from tests.waiting import is_alive, wait_for

CONTROL = Path("/sys/fs/cgroup/memory")
# No photograph, as one side is short: the worker decodes all of it, to 144 MB.
SIDES = (120, 400_000)
# Above what a worker holds that has done its work for a while.
ROOM_BYTES = 60_000_000
# Goes into the group before it becomes the worker.
ENTER = 'echo $$ > "$0" && exec "$@"'


def out_of_memory(ground: Ground, course: Course) -> None:
    """Give the inference worker too little memory for one image, and start it again each time."""
    poisoned = Picture(
        f"poisoned-{ground.next_picture}.png",
        encoded(Image.new("RGB", SIDES, (ground.next_picture % 256, 90, 30)), "PNG"),
    )
    course.poisoned = poisoned
    course.own.append(poisoned)
    usual = psutil.Process(ground.portal.pid("inference")).memory_info().rss
    ground.portal.stop("inference")
    with _group(usual + ROOM_BYTES) as group:
        confined = Installation(
            ground.portal.folder,
            ground.portal.environment,
            host=["sh", "-c", ENTER, str(group / "tasks")] if group else (),
        )
        try:
            confined.start("inference")
            course.began.set()
            hand_in_alone(ground, course, poisoned)
            wait_for(
                lambda: _has_failed(ground, confined, poisoned, is_by_hand=group is None),
                "the end of the image that is too large",
                timeout=240,
            )
        finally:
            confined.stop()
    _check_end(ground, course, poisoned)
    ground.portal.start("inference")


def _has_failed(
    ground: Ground, confined: Installation, picture: Picture, *, is_by_hand: bool
) -> bool:
    """Whether the image has its end; until then whatever was killed is started again."""
    state = _row(ground, picture)[0]
    if state == "failed":
        return True
    if is_by_hand and state == "running":
        confined.kill("inference")
        confined.start("inference")
    elif not is_alive(confined.pid("inference")):
        confined.stop("inference")
        confined.start("inference")
    return False


def _check_end(ground: Ground, course: Course, picture: Picture) -> None:
    _, code, attempts = _row(ground, picture)
    if (code, attempts) != ("worker_lost", 3):
        course.tally.trouble(f"{code} after {attempts} tries")


def _row(ground: Ground, picture: Picture) -> tuple[str, str, int]:
    """State, code and tries of the one analysis of an image."""
    rows = ground.portal.rows(
        "SELECT a.state, a.error_code, a.attempts FROM detection_analysis a"
        " JOIN detection_submittedimage i ON i.id = a.image_id WHERE i.sha256 = %s",
        picture.sha256,
    )
    return rows[0] if rows else ("", "", 0)


@contextmanager
def _group(most_bytes: int) -> Iterator[Path | None]:
    """Make a control group with so much memory, where that is permitted."""
    group = CONTROL / f"veripix-faults-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(most_bytes))
    except OSError:
        yield None
        return
    try:
        yield group
    finally:
        wait_for(lambda: not (group / "tasks").read_text().strip(), "an empty group", timeout=30)
        group.rmdir()
