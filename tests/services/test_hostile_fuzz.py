"""The fuzz of the intake in short: it says what it did, and keeps what breaks something."""

from itertools import islice
from pathlib import Path

import pytest

from tests.installation import Installation
from tools import fuzz_intake

pytestmark = pytest.mark.services


def test_a_short_run_breaks_nothing_and_reports(attacked: Installation, tmp_path: Path) -> None:
    run = fuzz_intake.fuzz(attacked, 5, 7, kept=tmp_path)
    assert run.inputs == sum(run.codes.values()) > 0
    assert set(run.codes) <= fuzz_intake.CODES
    assert set(run.states) == {"finished"}
    assert "none broke anything" in run.told()
    assert not list(tmp_path.iterdir())


def test_an_input_that_takes_too_long_ends_the_run_and_is_kept(
    attacked: Installation, tmp_path: Path
) -> None:
    with pytest.raises(fuzz_intake.Broken, match=r"it took .* s; the input is"):
        fuzz_intake.fuzz(attacked, 60, 8, kept=tmp_path, most_seconds=0)
    kept = sorted(tmp_path.glob("intake-*.bin"))
    assert kept
    sent = [one.content for _, one in islice(fuzz_intake.inputs(8, fuzz_intake.seeds()), 10)]
    assert all(path.read_bytes() in sent for path in kept)
    assert "sent as" in kept[0].with_suffix(".txt").read_text()
