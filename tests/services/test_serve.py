"""One command starts the whole portal, one Ctrl-C ends it, and what falls is started again."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from tests.installation import ROOT, clean_environment
from tests.servers import free_port
from tests.waiting import is_alive, wait_for, wait_until_gone

pytestmark = pytest.mark.services
PROGRAMS = 4


@dataclass
class Serving:
    """`manage.py serve` in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for_output(self, pattern: str, *, timeout: float = 60) -> re.Match[str]:
        def found() -> re.Match[str] | None:
            match = re.search(pattern, self.output, re.MULTILINE)
            assert match or self.process.poll() is None, self.output[-3000:]
            return match

        match = wait_for(found, f"{pattern!r} in the output of serve", timeout=timeout)
        assert match
        return match

    def descendants(self) -> list[int]:
        """The process ids of all that it has started, and of what they started."""
        return [p.pid for p in psutil.Process(self.process.pid).children(recursive=True)]

    def child(self, part: str) -> int:
        """The process id of the program whose command line holds `part`."""
        children = psutil.Process(self.process.pid).children()
        (found,) = [child.pid for child in children if part in " ".join(child.cmdline())]
        return int(found)

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal as a terminal would, and wait; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=40)


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one installation, kept from test to test."""
    return tmp_path_factory.mktemp("serve")


@contextmanager
def serving(var: Path, *, port: int | None = None) -> Iterator[Serving]:
    """Start `manage.py serve`; whatever is left of it is killed at the end."""
    port = port or free_port()
    log = var / f"serve-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env={**clean_environment(), "VERIPIX_VAR": str(var / "var"), "PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Even where the tests themselves were started under nohup.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )
    running = Serving(process, port, log)
    try:
        yield running
    finally:
        if process.poll() is None:
            left = running.descendants()
            process.kill()
            process.wait()
            for pid in filter(is_alive, left):
                os.kill(pid, signal.SIGKILL)


def test_the_first_start_makes_an_administrator_and_answers(var: Path) -> None:
    with serving(var) as portal:
        portal.wait_for_output(rf"Veripix is ready: http://localhost:{portal.port}/")
        assert requests.get(f"http://localhost:{portal.port}/", timeout=10).ok
        assert portal.output.count("This password is shown only now") == 1
        email = portal.wait_for_output(r"e-mail +(\S+)")[1]
        password = portal.wait_for_output(r"\|  +password +(\S+)")[1]
        assert sign_in(portal.port, email, password)
        assert not sign_in(portal.port, email, password + "x")
        everything = portal.descendants()
        assert len(everything) >= PROGRAMS
        assert portal.end() == 0
        assert not any(map(is_alive, everything))
        assert "Traceback" not in portal.output


def test_a_second_start_makes_no_second_administrator(var: Path) -> None:
    with serving(var) as portal:
        portal.wait_for_output("Veripix is ready")
        assert "password" not in portal.output
        assert portal.end(signal.SIGTERM) == 0


def test_a_closed_terminal_ends_everything(var: Path) -> None:
    with serving(var) as portal:
        portal.wait_for_output("Veripix is ready")
        everything = portal.descendants()
        assert portal.end(signal.SIGHUP) == 0
        assert not any(map(is_alive, everything))


def test_programs_do_not_outlive_a_serve_that_is_killed(var: Path) -> None:
    with serving(var) as portal:
        portal.wait_for_output("Veripix is ready")
        everything = portal.descendants()
        portal.process.kill()
        portal.process.wait()
        wait_until_gone(*everything, timeout=40)


def test_a_fallen_program_is_started_again(var: Path) -> None:
    with serving(var) as portal:
        portal.wait_for_output("Veripix is ready")
        first = portal.child("gunicorn")
        os.kill(first, signal.SIGKILL)
        portal.wait_for_output(r"^web +\| was ended by SIGKILL: starting it again in 1 s")
        wait_for(lambda: answers(portal.port), "the web server to answer again", timeout=40)
        assert portal.child("gunicorn") != first
        assert portal.end() == 0


def test_a_port_in_use_is_one_clear_sentence(var: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with serving(var, port=taken.getsockname()[1]) as portal:
            assert portal.process.wait(timeout=30) == 1
            lines = portal.output.strip().splitlines()
            assert len(lines) == 1, portal.output
            assert f"Port {portal.port} cannot be used" in lines[0]
            assert "PORT=8001 make run" in lines[0]


def test_two_of_them_do_not_share_one_folder(var: Path) -> None:
    with serving(var) as portal:
        portal.wait_for_output("Veripix is ready")
        with serving(var) as second:
            assert second.process.wait(timeout=30) == 1
            lines = second.output.strip().splitlines()
            assert len(lines) == 1, second.output
            assert "Veripix already runs on the files in" in lines[0]
        assert portal.end() == 0


def answers(port: int) -> bool:
    try:
        return requests.get(f"http://localhost:{port}/health/live/", timeout=5).ok
    except requests.RequestException:
        return False


def sign_in(port: int, email: str, password: str) -> bool:
    """Whether these two open the admin panel."""
    base = f"http://localhost:{port}"
    with requests.Session() as session:
        session.get(f"{base}/accounts/login/", timeout=10)
        headers = {"X-CSRFToken": session.cookies["csrftoken"], "Referer": base}
        form = {"login": email, "password": password}
        session.post(f"{base}/accounts/login/", form, headers=headers, timeout=20)
        page = session.get(f"{base}/admin/", timeout=20, allow_redirects=False)
        return page.status_code == requests.codes.ok
