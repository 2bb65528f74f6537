"""What the laboratory says of training is what the command takes and what the code raises."""

import ast
import re
from pathlib import Path

import pytest

from ml.cli import main

ROOT = Path(__file__).resolve().parents[2]
PLACES = [*(ROOT / "ml" / "training").glob("*.py"), ROOT / "ml" / "splits.py"]
PLACES += [ROOT / "ml" / "checkpoints.py"]
ERRORS = {"TrainingError", "DatasetError"}


def section() -> str:
    """The page's part on training."""
    page = (ROOT / "docs" / "laboratory.md").read_text(encoding="utf-8")
    found = re.search(r"^## Training\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def raised() -> set[str]:
    """The codes that training's own modules raise."""
    return {
        str(node.args[0].value)
        for path in PLACES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ERRORS
        and isinstance(node.args[0], ast.Constant)
    }


def test_its_options_exist(capsys: pytest.CaptureFixture[str]) -> None:
    known = ""
    for command in ("train", "export", "publish"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        known += capsys.readouterr().out
    named = set(re.findall(r"--[a-z][a-z-]+", section()))
    assert len(named) > 15
    assert named <= set(re.findall(r"--[a-z][a-z-]+", known))


def test_every_code_is_explained() -> None:
    codes = raised()
    assert len(codes) > 8
    assert {code for code in codes if code not in section()} == set()
