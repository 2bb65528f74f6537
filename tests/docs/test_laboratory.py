"""The laboratory's page tells the options, tiers and pictures that there are."""

import re

import pytest

from ml.cli import main
from ml.contract import EvaluationRecord
from ml.degradation import TIERS
from tests.data import ROOT

PAGE = ROOT / "docs" / "laboratory.md"


def section(title: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_options_of_evaluate_are_those_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    options = set(re.findall(r"^  (--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    documented = re.findall(r"^\| `(--[a-z-]+)` \|", section("One evaluation"), re.MULTILINE)
    assert set(documented) == options


def test_the_tiers_are_told_with_their_strength() -> None:
    text = " ".join(section("One evaluation").split())
    for tier in TIERS:
        kind, strength = re.split(r",? (?=sigma|quality)", tier.sentence)
        assert kind in text
        assert strength in text


def test_every_picture_is_named() -> None:
    source = (ROOT / "ml" / "evaluation" / "pictures.py").read_text(encoding="utf-8")
    written = set(re.findall(r'to\("([a-z-]+\.[a-z]+)"\)', source))
    assert len(written) >= 7
    assert written <= set(re.findall(r"`([a-z-]+\.[a-z]+)`", section("One evaluation")))


def test_fields_that_are_named_exist() -> None:
    named = set(re.findall(r"`([a-z]+_[a-z_]+)`", section("One evaluation")))
    assert named <= EvaluationRecord.__dataclass_fields__.keys()
