"""The soak tells a program that grows, or that leaves files open, from one that does not."""

import subprocess
import sys

import pytest

from bench.soak import Program, held


def looks(values: list[float]) -> list[float]:
    """A hundred looks, spread over these values."""
    return [value for value in values for _ in range(100 // len(values))]


@pytest.mark.parametrize(
    ("memory", "is_flat"),
    [
        ([100.0] * 10, True),
        # What fills in the warm-up is no growth.
        ([20, 60, 100, 100, 100, 100, 100, 100, 100, 100], True),
        ([100, 100, 100, 104, 104, 104, 104, 104, 104, 104], True),
        ([100, 100, 100, 100, 100, 102, 104, 106, 108, 110], False),
        # It may give some back.
        ([100, 100, 100, 100, 100, 90, 90, 90, 90, 90], True),
    ],
)
def test_growth_is_told_after_the_warm_up(memory: list[float], is_flat: bool) -> None:
    assert Program(looks(memory), [10] * 100).is_flat is is_flat


def test_files_that_stay_open_are_told() -> None:
    files = [round(10 + look * 0.2) for look in range(100)]
    assert not Program([100.0] * 100, files).is_flat
    assert Program([100.0] * 100, [10, 11] * 50).is_flat


def test_a_program_is_counted_with_what_it_starts() -> None:
    holds = "b = bytes(50_000_000); print(1, flush=True); input()"
    starts_one = (
        "import subprocess, sys; P = subprocess.PIPE;"
        f"child = subprocess.Popen([sys.executable, '-c', {holds!r}], stdin=P, stdout=P);"
        "child.stdout.readline(); print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starts_one], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        memory, files = held(process.pid)
        process.communicate(b"\n")
    assert memory > 5
    assert files >= 6
