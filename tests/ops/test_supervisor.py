"""The supervisor names lines, starts the fallen again, gives up in time and leaves nothing."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from portal.supervisor import describe_exit
from tests.waiting import is_alive, wait_until_gone

ROOT = Path(__file__).resolve().parents[2]
HARNESS = """
import sys
from portal.console import Console
from portal.supervisor import Patience, Program, Supervisor

def python(name, code):
    return Program(name, [sys.executable, "-u", "-c", code])

programs = [python(*pair) for pair in {programs!r}]
supervisor = Supervisor(
    programs,
    console=Console(sys.stdout, [program.name for program in programs]),
    is_ready=lambda: True,
    on_ready=lambda: print("READY", flush=True),
    patience=Patience(grace_seconds={grace}, falls_per_minute=2, longest_pause_seconds=0.1),
)
sys.exit(supervisor.run())
"""
SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up'); time.sleep(600)"
FAMILY = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print('grandchild', child.pid, flush=True); time.sleep(600)"
)


@dataclass
class Running:
    """A supervisor in a process of its own, and the lines that it has printed so far."""

    process: subprocess.Popen[str]
    lines: list[str]

    def read_until(self, pattern: str) -> re.Match[str]:
        """Read on to the first line that matches; the end of the output is a failure."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError(f"No line matches {pattern!r} in {self.lines}")

    def end(self, number: int) -> int:
        """Send a signal and wait for the end; the exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        rest, _ = self.process.communicate(timeout=20)
        self.lines += rest.splitlines()
        return self.process.returncode


Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a supervisor over programs given as (name, Python code); all is killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def start_one(*programs: tuple[str, str], grace: float = 10, nohup: bool = False) -> Running:
        process = subprocess.Popen(
            [sys.executable, "-c", HARNESS.format(programs=programs, grace=grace)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            # Whatever the tests themselves were started under.
            preexec_fn=lambda: hang_up(signal.SIG_IGN if nohup else signal.SIG_DFL),
        )
        started.append(process)
        return Running(process, [])

    yield start_one
    for process in started:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.communicate()


def hang_up(action: signal.Handlers) -> None:
    """In a new process: what a closing terminal does to it."""
    signal.signal(signal.SIGHUP, action)


def pid_of(running: Running) -> int:
    """The process id of the one program that runs."""
    (child,) = psutil.Process(running.process.pid).children()
    return int(child.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_every_program_on_one_signal(start: Start, number: int) -> None:
    running = start(("one", SLEEPER), ("two", SLEEPER))
    for name in ("up", "up"):
        running.read_until(name)
    children = psutil.Process(running.process.pid).children(recursive=True)
    assert len(children) == 2
    assert running.end(number) == 0
    assert not any(child.is_running() for child in children)


def test_it_puts_the_programs_name_before_each_line(start: Start) -> None:
    running = start(("web", "print('first\\nsecond'); " + SLEEPER), ("inference", SLEEPER))
    running.read_until(r"^web       \| first$")
    running.read_until(r"^web       \| second$")
    assert running.end(signal.SIGTERM) == 0


def test_it_prints_an_unfinished_last_line(start: Start) -> None:
    running = start(("web", "print('last words', end='')"))
    running.read_until(r"^web \| last words$")
    running.read_until("ended with status 0: starting it again")


def test_it_says_once_that_all_is_ready(start: Start) -> None:
    running = start(("web", SLEEPER))
    running.read_until("^READY$")
    assert running.end(signal.SIGTERM) == 0
    assert running.lines.count("READY") == 1


def test_it_starts_a_killed_program_again(start: Start) -> None:
    running = start(("web", SLEEPER))
    running.read_until("up")
    first = pid_of(running)
    os.kill(first, signal.SIGKILL)
    running.read_until("was ended by SIGKILL: starting it again")
    running.read_until("up")
    assert pid_of(running) != first
    assert running.end(signal.SIGTERM) == 0


def test_it_gives_up_on_a_program_that_keeps_falling_and_ends_the_others(start: Start) -> None:
    running = start(("beat", f"import os; print(os.getpid()); {SLEEPER}"), ("web", "exit(3)"))
    beat = int(running.read_until(r"beat \| (\d+)")[1])
    running.read_until("ended with status 3 3 times in a minute: giving up")
    assert running.wait() == 1
    assert not is_alive(beat)


def test_it_kills_a_program_that_ignores_the_request_to_end(start: Start) -> None:
    running = start(("deaf", DEAF), grace=0.3)
    running.read_until("up")
    deaf = pid_of(running)
    assert running.end(signal.SIGTERM) == 0
    assert "deaf | did not end in time and is killed" in running.lines
    assert not is_alive(deaf)


def test_it_hurries_on_a_second_ctrl_c(start: Start) -> None:
    running = start(("deaf", DEAF), grace=600)
    running.read_until("up")
    running.process.send_signal(signal.SIGINT)
    running.process.send_signal(signal.SIGTERM)  # Only Ctrl-C hurries, so this one must not.
    with pytest.raises(subprocess.TimeoutExpired):
        running.process.wait(timeout=1)
    assert running.end(signal.SIGINT) == 0


def test_it_ends_what_a_program_started_in_its_turn(start: Start) -> None:
    running = start(("family", FAMILY))
    grandchild = int(running.read_until(r"grandchild (\d+)")[1])
    assert running.end(signal.SIGTERM) == 0
    wait_until_gone(grandchild)


def test_its_programs_end_where_it_is_killed_itself(start: Start) -> None:
    running = start(("one", SLEEPER))
    running.read_until("up")
    child = pid_of(running)
    running.process.kill()
    wait_until_gone(child)


def test_it_ends_where_nobody_reads_its_output_any_more(start: Start) -> None:
    running = start(("chatty", "import time\nwhile True: print('line'); time.sleep(0.05)"))
    running.read_until("line")
    chatty = pid_of(running)
    assert running.process.stdout is not None
    running.process.stdout.close()
    running.process.wait(timeout=20)
    assert not is_alive(chatty)


def test_it_survives_a_closing_terminal_under_nohup(start: Start) -> None:
    running = start(("one", SLEEPER), nohup=True)
    running.read_until("up")
    running.process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        running.process.wait(timeout=1)
    assert running.end(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    ("status", "words"),
    [(0, "ended with status 0"), (2, "ended with status 2"), (-11, "was ended by SIGSEGV")],
)
def test_it_tells_how_a_process_ended(status: int, words: str) -> None:
    assert describe_exit(status) == words
