"""Wait for something to become true, by asking again and again, and say what never came."""

import time
from collections.abc import Callable
from typing import TypeVar

import psutil

T = TypeVar("T")
PAUSE_SECONDS = 0.05


def wait_for(ask: Callable[[], T], what: str, *, timeout: float = 30.0) -> T:
    """The first true answer of `ask`; AssertionError naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what} (last: {answer!r})"
        time.sleep(PAUSE_SECONDS)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody has reaped yet does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(*pids: int, timeout: float = 30.0) -> None:
    """Wait until none of the processes runs any more; says which ones still do after `timeout`."""
    commands = {pid: " ".join(psutil.Process(pid).cmdline()) for pid in filter(is_alive, pids)}
    try:
        wait_for(lambda: not any(map(is_alive, pids)), "the end of all", timeout=timeout)
    except AssertionError:
        left = {pid: commands.get(pid) for pid in filter(is_alive, pids)}
        raise AssertionError(f"not ended within {timeout:g} s: {left}") from None
