"""Programs that are ended in good order: for a new release with a migration, or one by one."""

import http.client
import json
import os
import re
import shutil
import signal
import threading
import time
from pathlib import Path

import psutil

from tests.faults.ground import Ground
from tests.faults.pictures import pictures
from tests.faults.run import Course
from tests.installation import ROOT, Installation
from tests.waiting import is_alive, wait_for

MOST_DRAIN_SECONDS = 30.0
FIELD = """
    # Of the next release, which this one does not know yet.
    channel = models.CharField(max_length=20, blank=True, db_default="", default="")
"""
LEFT_OUT = (".git", ".venv", "var", "docs", "tests", "staticfiles", "*cache*", "shared")
BOUNDARY = "faults-5f1d6a"


def next_release(folder: Path) -> Path:
    """Copy the project and change it as the next release may: a column and a table more."""
    tree = folder / "next-release"
    if tree.exists():
        return tree
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*LEFT_OUT))
    models = tree / "detection" / "models" / "submissions.py"
    text = models.read_text()
    source = re.search(r"^    source = models\.CharField\(.*\n", text, flags=re.MULTILINE)
    assert source is not None
    models.write_text(text[: source.end()] + FIELD + text[source.end() :])
    return tree


def deployed(ground: Ground, course: Course) -> None:
    """Apply the next release's migration, then start all programs anew from it, one by one."""
    tree = next_release(ground.folder)
    new = Installation(ground.portal.folder, ground.portal.environment, tree=tree)
    made = new.manage("makemigrations", "detection", "--name", "next_release")
    assert "channel" in made.stdout, made.stdout
    course.began.set()
    new.manage("migrate", "--no-input")
    for name in ground.programs:
        _drained(ground, course, name)
        ground.portal.tree = tree
        ground.portal.start(name)
    # Back to this release, whose migrations the other faults know.
    for name in ground.programs:
        _drained(ground, course, name)
        ground.portal.tree = ROOT
        ground.portal.start(name)
    before = max(path.stem for path in (ROOT / "detection/migrations").glob("0*.py"))
    new.manage("migrate", "--no-input", "detection", before)


def drained(ground: Ground, course: Course) -> None:
    """Ask each program to end while there is work, and start it again."""
    course.began.set()
    _request_is_answered(ground, course)
    for name in ground.programs:
        if name != "web":
            _drained(ground, course, name)
            ground.portal.start(name)


def _drained(ground: Ground, course: Course, name: str) -> None:
    """Send SIGTERM and hold the time until the last process of a program is gone."""
    first = psutil.Process(ground.portal.pid(name))
    family = [first, *first.children(recursive=True)]
    began = time.monotonic()
    first.send_signal(signal.SIGTERM)
    try:
        wait_for(
            lambda: not any(is_alive(one.pid) for one in family),
            f"the end of {name}",
            timeout=MOST_DRAIN_SECONDS,
        )
    except AssertionError:
        course.tally.trouble(f"{name} has not ended {MOST_DRAIN_SECONDS:.0f} s after SIGTERM")
    else:
        course.tally.ended[name] = round(time.monotonic() - began, 1)
    ground.portal.stop(name)


def _request_is_answered(ground: Ground, course: Course) -> None:
    """End the web server in the middle of an upload: what began gets its answer."""
    picture = next(pictures(photographs=0, first=ground.next_picture))
    ground.next_picture += 1
    course.own.append(picture)
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="images"; '
        f'filename="{picture.name}"\r\nContent-Type: image/jpeg\r\n\r\n'
    ).encode()
    body = head + picture.content + f"\r\n--{BOUNDARY}--\r\n".encode()
    connection = http.client.HTTPConnection("localhost", ground.portal.port, timeout=30)
    connection.putrequest("POST", "/api/v1/submissions/")
    connection.putheader("Authorization", f"Token {ground.people[-1].token}")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[: len(body) // 2])
    web = ground.portal.pid("web")
    os.kill(web, signal.SIGTERM)
    threading.Event().wait(2)
    try:
        connection.send(body[len(body) // 2 :])
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        course.tally.trouble(f"an upload that had begun was cut off: {error!r}")
    else:
        if answer.status == http.client.CREATED:
            place = json.loads(answer.read())["id"]
            course.tally.success([picture], place, is_once=True)
        else:
            course.tally.trouble(f"an upload that had begun was answered {answer.status}")
    connection.close()
    _drained_already(ground, course, web)


def _drained_already(ground: Ground, course: Course, web: int) -> None:
    try:
        wait_for(lambda: not is_alive(web), "the end of web", timeout=MOST_DRAIN_SECONDS)
    except AssertionError:
        course.tally.trouble(f"web has not ended {MOST_DRAIN_SECONDS:.0f} s after SIGTERM")
    ground.portal.stop("web")
    ground.portal.start("web")
