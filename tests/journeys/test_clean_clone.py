"""The README's road: clone, `make run`, sign up, hand in an image, read the verdict, Ctrl-C."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, expect

from tests.data import cifake_images
from tests.installation import ROOT, clean_environment
from tests.journeys.person import Person
from tests.servers import free_port, program
from tests.waiting import is_alive, wait_for

INSTALL_SECONDS = 900.0
pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(INSTALL_SECONDS + 300)]


@dataclass
class Clone:
    """`make run` in a clone that holds what is committed and nothing else."""

    folder: Path
    make: subprocess.Popen[bytes]
    log: Path
    url: str

    @property
    def mail_folder(self) -> Path:
        return self.folder / "var" / "mail"

    def is_ready(self) -> bool:
        output = self.log.read_text(errors="replace")
        assert self.make.poll() is None, f"make run ended:\n{output[-4000:]}"
        return f"Veripix is ready: {self.url}/" in output

    def descendants(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.make.pid).children(recursive=True)]

    def press_ctrl_c(self) -> None:
        """What a terminal does: the whole foreground group gets the signal."""
        os.killpg(self.make.pid, signal.SIGINT)
        self.make.wait(timeout=40)


def fresh_environment() -> dict[str, str]:
    """The environment of somebody who has just logged in: no virtual environment, no variables."""
    environment = clean_environment()
    own = str(Path(sys.executable).parent)
    folders = [part for part in environment["PATH"].split(":") if part != own]
    kept = {name: value for name, value in environment.items() if not name.startswith("VERIPIX_")}
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        kept.pop(name, None)
    return {**kept, "PATH": ":".join(folders)}


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    """Clone, type `make run`, and wait for the address."""
    if not (ROOT / ".git").exists():
        pytest.skip(f"{ROOT} is no git checkout, so it cannot be cloned")
    folder, log, port = tmp_path / "veripix", tmp_path / "make.log", free_port()
    git = [program("git"), "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)]
    subprocess.run(git, check=True)
    with log.open("wb") as output:
        make = subprocess.Popen(
            ["make", "run"],
            cwd=folder,
            env={**fresh_environment(), "PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Clone(folder, make, log, f"http://localhost:{port}")
    try:
        wait_for(running.is_ready, "the address of the portal", timeout=INSTALL_SECONDS)
        yield running
    finally:
        if make.poll() is None:
            left = running.descendants()
            os.killpg(make.pid, signal.SIGKILL)
            make.wait()
            for pid in filter(is_alive, left):
                os.kill(pid, signal.SIGKILL)


def test_it_leads_from_a_clone_to_a_verdict(clone: Clone, chromium: Browser) -> None:
    images = cifake_images("REAL", 1) | cifake_images("FAKE", 1)
    person = Person(chromium, clone)
    person.sign_up("first.visitor@example.org")
    person.choose(images)
    person.hand_in()
    person.wait_for_verdicts(2)
    for name in images:
        person.page.goto("/history/")
        person.open_verdict(name)
        expect(person.page.get_by_test_id("overlay")).to_be_visible()
        expect(person.page.get_by_test_id("percentage")).to_be_visible()
    assert set(person.history()) == set(images)
    person.leave()

    everything = clone.descendants()
    assert len(everything) >= 5
    clone.press_ctrl_c()
    assert not any(map(is_alive, everything))
    output = clone.log.read_text(errors="replace")
    assert "This password is shown only now" in output
    assert "Traceback" not in output
