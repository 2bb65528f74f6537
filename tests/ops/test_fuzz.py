"""The fuzzer reports what it did, and keeps an input that fails."""

from itertools import islice
from pathlib import Path

import pytest

from tools import fuzz, fuzz_intake


def test_a_short_run_fails_nothing_and_reports(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--seconds", "3", "--seed", "7"]) == 0
    told = capsys.readouterr().out
    assert "inputs in 3 s with seed 7, none failed; slowest" in told
    assert "memory grew by" in told


def test_damaged_signatures_never_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--seconds", "3", "--seed", "7", "--signed"]) == 0
    assert "none failed" in capsys.readouterr().out


def test_an_input_that_raises_ends_the_run_and_is_kept(tmp_path: Path) -> None:
    def broken(content: bytes, **options: object) -> None:
        if options["format"] == "GIF":
            raise ZeroDivisionError("nought")

    with pytest.raises(fuzz.Failed, match="ZeroDivisionError: nought; the input is"):
        fuzz.fuzz(60, 1, examined=broken, kept=tmp_path)
    (kept,) = tmp_path.glob("*-GIF.bin")
    assert kept.read_bytes()
    assert "'format': 'GIF'" in kept.with_suffix(".txt").read_text()


def test_the_same_seed_makes_the_same_inputs() -> None:
    seen: list[list[bytes]] = []
    for _ in range(2):
        inputs: list[bytes] = []
        seen.append(inputs)

        def keep(content: bytes, *, into: list[bytes] = inputs, **_options: object) -> None:
            into.append(content)

        fuzz.fuzz(0.5, 3, examined=keep)
    assert seen[0][:20] == seen[1][:20]
    assert len(set(seen[0])) > 20


def test_the_same_seed_sends_the_same_files_to_the_portal() -> None:
    made_of = fuzz_intake.seeds()
    first, again, other = (
        list(islice(fuzz_intake.inputs(seed, made_of), 30)) for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other
    assert len({one.content for _, one in first}) > 25
