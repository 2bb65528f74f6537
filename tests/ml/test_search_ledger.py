"""Processes share trials: each is done once, and what a killed one was doing is done again."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ml.jsonform import JsonForm
from ml.search.ledger import Ledger
from tests.data import ROOT

NAMES = ("a", "b", "c", "d", "e", "f")


@dataclass(frozen=True, slots=True)
class Note(JsonForm):
    """Who did a trial."""

    process: int


# Says which trial it begins, and ends it when it is told to.
PROCESS = """
import os, sys
from pathlib import Path
from ml.search.ledger import Ledger
from tests.ml.test_search_ledger import NAMES, Note

def run(name):
    print(name, flush=True)
    sys.stdin.readline()
    return Note(os.getpid())

print("all" if Ledger(Path(sys.argv[1]), Note).share(NAMES, run, lambda: False) else "stopped")
"""


def process(directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(directory)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told(worker: "subprocess.Popen[str]") -> str:
    assert worker.stdout
    return worker.stdout.readline().strip()


def end_trial(worker: "subprocess.Popen[str]") -> None:
    assert worker.stdin
    worker.stdin.write("\n")
    worker.stdin.flush()


def done_here(name: str) -> Note:
    return Note(os.getpid())


def never() -> bool:
    return False


def test_two_processes_do_each_trial_once(tmp_path: Path) -> None:
    workers = process(tmp_path), process(tmp_path)
    begun = [told(worker) for worker in workers]
    while len(begun) < len(NAMES):  # in turns
        worker = workers[len(begun) % 2]
        end_trial(worker)
        begun.append(told(worker))
    for worker in workers:
        end_trial(worker)
    assert [worker.communicate()[0] for worker in workers] == ["all\n", "all\n"]
    assert sorted(begun) == list(NAMES)
    by_process = [note.process for _, note in Ledger(tmp_path, Note).items()]
    assert {by_process.count(worker.pid) for worker in workers} == {3}


def test_what_a_killed_process_was_doing_is_done_by_who_waited_for_it(tmp_path: Path) -> None:
    worker = process(tmp_path)
    assert told(worker) == "a"
    ledger = Ledger(tmp_path, Note)
    begun: list[str] = []

    def run(name: str) -> Note:
        begun.append(name)
        if name == "f":
            worker.kill()  # from here on only the wait for it is left
        return done_here(name)

    try:
        assert ledger.share(NAMES, run, never)
    finally:
        worker.kill()
        worker.communicate()
    assert begun == ["b", "c", "d", "e", "f", "a"]
    assert [name for name, _ in ledger.items()] == list(NAMES)
    assert {note.process for _, note in ledger.items()} == {os.getpid()}


def test_what_has_ended_is_not_done_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, Note)
    assert ledger.share(NAMES[:4], done_here, never)
    begun: list[str] = []

    def run(name: str) -> Note:
        begun.append(name)
        return done_here(name)

    assert ledger.share(NAMES, run, never)
    assert begun == ["e", "f"]


def test_a_stop_ends_the_work_and_keeps_what_was_done(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, Note)
    assert not ledger.share(NAMES, lambda name: None if name == "c" else done_here(name), never)
    assert [name for name, _ in ledger.items()] == ["a", "b"]
    assert ledger.read("c") is None


def test_a_stop_ends_the_wait_for_another_process(tmp_path: Path) -> None:
    worker = process(tmp_path)
    try:
        assert told(worker) == "a"
        ledger = Ledger(tmp_path, Note)
        assert not ledger.share(NAMES, done_here, lambda: len(ledger.items()) == len(NAMES) - 1)
    finally:
        worker.kill()
        worker.communicate()
    assert ledger.read("a") is None


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_an_error_frees_the_trial(tmp_path: Path, error: type[BaseException]) -> None:
    def run(name: str) -> Note:
        raise error

    ledger = Ledger(tmp_path, Note)
    with pytest.raises(error):
        ledger.share(NAMES[:1], run, never)
    assert ledger.share(NAMES[:1], done_here, never)
