"""A key in a tracked file is found; what is known to be none is let pass."""

import subprocess
from pathlib import Path

import pytest

from tools.secrets import KNOWN, secrets_in, tracked_files, unknown_of

# Put together here, or this very file would hold what it looks for.
KEY = "AKIA" + "Q7XH2LD4ZPW9TMSB"
PRIVATE = "-----BEGIN RSA " + "PRIVATE KEY-----"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A working copy with one file that git keeps, one that it does not know and one it ignores."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / "kept.py").write_text(f'key = "{KEY}"\n')
    (tmp_path / "new.pem").write_text(f"{PRIVATE}\n")
    (tmp_path / "local.env").write_text(f"KEY={KEY}\n")
    (tmp_path / ".gitignore").write_text("local.env\n")
    subprocess.run(["git", "add", "kept.py", ".gitignore"], cwd=tmp_path, check=True)
    return tmp_path


def test_keys_are_found_in_what_git_keeps_or_would(checkout: Path) -> None:
    found, told = secrets_in(checkout, tracked_files(checkout))
    assert set(found) == {"kept.py", "new.pem"}
    new = unknown_of(found, told, {})
    assert any(line.startswith("kept.py:1: AWS Access Key") for line in new)
    assert any(line.startswith("new.pem:1: Private Key") for line in new)
    assert not any(KEY in line for line in new), "the secret itself is not told on"


def test_what_was_looked_at_is_let_pass_and_nothing_else(checkout: Path) -> None:
    found, told = secrets_in(checkout, tracked_files(checkout))
    assert unknown_of(found, told, found) == []
    known = {"kept.py": found["kept.py"]}
    assert {line.partition(":")[0] for line in unknown_of(found, told, known)} == {"new.pem"}


def test_the_list_of_what_is_known_is_not_searched_itself(checkout: Path) -> None:
    (checkout / "tools").mkdir()
    (checkout / KNOWN).write_text(f'["{KEY}"]')
    assert str(KNOWN) not in tracked_files(checkout)
