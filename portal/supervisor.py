"""Run several programs as one: started together, lines named, the fallen started again, all ended.

One thread, one selector. Each program leads a session of its own, so that a Ctrl-C at the terminal
reaches the supervisor alone and whole process groups can be ended; the kernel ends the programs
where the supervisor itself is killed.
"""

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import IO

from portal.console import Console

END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
READY_PROBE_SECONDS = 0.2


@dataclass(frozen=True)
class Program:
    """One long-running program: the name its lines carry and the command that starts it."""

    name: str
    command: Sequence[str]


@dataclass(frozen=True)
class Patience:
    """How long programs may take to end, and how often each may fall within a minute."""

    grace_seconds: float = 20.0
    falls_per_minute: int = 5
    longest_pause_seconds: float = 16.0


@dataclass
class Child:
    """A program's present process, the times it fell, and the moment it is to start again."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    falls: deque[float] = field(default_factory=deque)
    restart_at: float | None = None

    def note_fall(self, now: float) -> int:
        """Remember a fall; the number of falls within the last minute, this one included."""
        self.falls.append(now)
        while self.falls[0] < now - 60:
            self.falls.popleft()
        return len(self.falls)


class Supervisor:
    """Keeps programs running until a signal asks for the end or one of them keeps falling."""

    def __init__(
        self,
        programs: Iterable[Program],
        *,
        console: Console,
        is_ready: Callable[[], bool],
        on_ready: Callable[[], None],
        patience: Patience = Patience(),
    ) -> None:
        """`is_ready` is asked until it says yes, then `on_ready` is called once."""
        self._children = [Child(program) for program in programs]
        self._console = console
        self._is_ready = is_ready
        self._on_ready = on_ready
        self._patience = patience
        self._selector = selectors.DefaultSelector()
        self._ended_by: list[int] = []
        self._is_announced = False
        self._next_probe = 0.0
        self._exit_status = 0

    def run(self) -> int:
        """Start everything, stay until the end, leave no process behind; the exit status."""
        wakeup, restore = self._listen_for_signals()
        try:
            for child in self._children:
                self._start(child)
            while not self._is_over():
                self._turn(self._next_wait())
        finally:
            self._end_all()
            restore()
            self._selector.close()
            os.close(wakeup)
        return self._exit_status

    # -- the loop ------------------------------------------------------------------------------

    def _is_over(self) -> bool:
        """Whether somebody asked for the end, a program is given up, or nobody reads any more."""
        return bool(self._ended_by) or self._exit_status != 0 or self._console.is_lost

    def _turn(self, wait_seconds: float | None) -> None:
        """Wait for output, a signal or a moment, and do what has come due."""
        self._pass_output_on(wait_seconds)
        self._notice_falls()
        self._start_the_due()
        self._announce_when_ready()

    def _announce_when_ready(self) -> None:
        """Ask now and then; on every turn, the lines that an answer causes would cause the next."""
        if self._is_announced or time.monotonic() < self._next_probe:
            return
        self._is_announced = self._is_ready()
        self._next_probe = time.monotonic() + READY_PROBE_SECONDS
        if self._is_announced:
            self._on_ready()

    def _next_wait(self) -> float | None:
        """Seconds until something is due; None where only output or a signal can come."""
        moments = [child.restart_at for child in self._children if child.restart_at is not None]
        waits = [max(0.0, moment - time.monotonic()) for moment in moments]
        if not self._is_announced:
            waits.append(max(0.0, self._next_probe - time.monotonic()))
        return min(waits, default=None)

    def _pass_output_on(self, wait_seconds: float | None) -> None:
        """Print what the programs wrote, line by line, and empty the pipe of signals."""
        for key, _ in self._selector.select(wait_seconds):
            chunk = os.read(key.fd, 65536)
            if key.data is None:
                continue
            if chunk:
                self._console.feed(key.data.program.name, chunk)
            else:
                self._selector.unregister(key.fileobj)

    def _notice_falls(self) -> None:
        """Plan a new start for each program that ended by itself, or give up on it."""
        for child in self._children:
            status = self._reap(child)
            if status is None:
                continue
            falls = child.note_fall(time.monotonic())
            if falls > self._patience.falls_per_minute:
                self._say(child, f"{describe_exit(status)} {falls} times in a minute: giving up")
                self._exit_status = 1
                return
            pause = min(2.0 ** (falls - 1), self._patience.longest_pause_seconds)
            self._say(child, f"{describe_exit(status)}: starting it again in {pause:.0f} s")
            child.restart_at = time.monotonic() + pause

    def _start_the_due(self) -> None:
        for child in self._children:
            if child.restart_at is not None and child.restart_at <= time.monotonic():
                self._start(child)

    # -- processes -----------------------------------------------------------------------------

    def _start(self, child: Child) -> None:
        parent = os.getpid()
        child.restart_at = None
        child.process = subprocess.Popen(
            list(child.program.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            # Safe here: the supervisor runs one thread, so nothing is locked in the fork.
            preexec_fn=lambda: end_with_parent(parent),
        )
        self._selector.register(self._pipe_of(child), selectors.EVENT_READ, child)

    @staticmethod
    def _pipe_of(child: Child) -> IO[bytes]:
        if child.process is None or child.process.stdout is None:
            raise RuntimeError(f"{child.program.name} was not started.")
        return child.process.stdout

    def _reap(self, child: Child) -> int | None:
        """The exit status of a process that has ended, its group ended with it; else None."""
        process = child.process
        if process is None:
            return None
        # WNOWAIT leaves the leader a zombie: until poll() below, its group id cannot be reused.
        ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        signal_group(process.pid, signal.SIGKILL)
        self._drain(child)
        child.process = None
        return process.wait()

    def _drain(self, child: Child) -> None:
        """Print the last words of a process that has ended, and close its pipe."""
        pipe = self._pipe_of(child)
        if pipe in self._selector.get_map():
            self._selector.unregister(pipe)
        os.set_blocking(pipe.fileno(), False)
        self._console.feed(child.program.name, pipe.read() or b"")
        self._console.flush(child.program.name)
        pipe.close()

    def _end_all(self) -> None:
        """Ask every program to end; what still runs after the grace, or one more Ctrl-C, dies.

        Only Ctrl-C hurries: a terminal that closes sends SIGHUP more than once.
        """
        self._console.line("Ending all programs (Ctrl-C once more ends them at once).")
        asked = self._ended_by.count(signal.SIGINT)
        deadline = time.monotonic() + self._patience.grace_seconds
        for child in self._running():
            self._terminate(child)
        while self._running() and time.monotonic() < deadline:
            if self._ended_by.count(signal.SIGINT) > asked:
                break
            self._pass_output_on(0.1)
            for child in self._running():
                self._reap(child)
        for child in self._running():
            self._say(child, "did not end in time and is killed")
            self._kill(child)

    def _running(self) -> list[Child]:
        return [child for child in self._children if child.process is not None]

    @staticmethod
    def _terminate(child: Child) -> None:
        """Ask the leader alone: it knows how its own children end in good order."""
        if child.process is not None:
            child.process.terminate()

    def _kill(self, child: Child) -> None:
        if child.process is not None:
            signal_group(child.process.pid, signal.SIGKILL)
            child.process.wait()
            self._drain(child)
            child.process = None

    # -- signals and words ---------------------------------------------------------------------

    def _listen_for_signals(self) -> tuple[int, Callable[[], None]]:
        """Turn signals into bytes on a pipe, so that the selector wakes; how to undo it."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        os.set_blocking(reader, False)
        self._selector.register(reader, selectors.EVENT_READ, None)
        previous = {number: signal.getsignal(number) for number in (*END_SIGNALS, signal.SIGCHLD)}
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in END_SIGNALS:
            if number == signal.SIGHUP and previous[number] == signal.SIG_IGN:
                continue  # Started under nohup: a closing terminal is to be survived.
            signal.signal(number, lambda received, frame: self._ended_by.append(received))
        signal.signal(signal.SIGCHLD, lambda received, frame: None)

        def restore() -> None:
            signal.set_wakeup_fd(wakeup)
            for number, handler in previous.items():
                signal.signal(number, handler)
            os.close(writer)

        return reader, restore

    def _say(self, child: Child, words: str) -> None:
        self._console.say(child.program.name, words)


def describe_exit(status: int) -> str:
    """How a process ended, in words: by itself with a status, or by a signal."""
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def signal_group(leader: int, number: int) -> None:
    """Send a signal to a whole process group; a group that has gone is no error."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return


def end_with_parent(parent: int) -> None:
    """In a new child: have the kernel send it SIGTERM when the supervisor dies (Linux only)."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # It died before the kernel was told.
        os._exit(1)
