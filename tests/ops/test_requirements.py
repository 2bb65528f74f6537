"""The pinned requirements follow pyproject.toml, and a disagreement is named."""

import re
import shutil
from pathlib import Path

import pytest

from tools.requirements import EXTRAS, ROOT, problems_of, read_pins


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with copies of pyproject.toml and the requirements, to be spoiled."""
    for name in ("pyproject.toml", *EXTRAS):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_they_agree_as_shipped() -> None:
    assert problems_of(ROOT) == []


def test_a_missing_dependency_is_named(copy: Path) -> None:
    web = copy / "requirements-web.txt"
    # The pin and the hashes that go on below it.
    shorter, count = re.subn(r"(?m)^whitenoise==.*\n(?:    --hash.*\n)+", "", web.read_text())
    assert count == 1
    web.write_text(shorter)
    assert problems_of(copy) == ["requirements-web.txt lacks whitenoise."]


def test_a_pin_outside_the_allowed_range_is_named(copy: Path) -> None:
    old = read_pins(copy / "requirements-web.txt")["gunicorn"]
    for name in EXTRAS:
        rewrite(copy / name, f"gunicorn=={old}", "gunicorn==19.0")
    assert problems_of(copy) == [
        f"{name} pins gunicorn 19.0, allowed is gunicorn~=27.0." for name in EXTRAS
    ]


def test_files_that_pin_different_versions_are_named(copy: Path) -> None:
    old = read_pins(copy / "requirements-web.txt")["click"]
    rewrite(copy / "requirements-web.txt", f"click=={old}", "click==1.0")
    assert problems_of(copy) == [
        f"requirements-web.txt pins click 1.0, requirements.txt has {old}."
    ]


def test_the_web_image_must_not_have_tensorflow(copy: Path) -> None:
    version = read_pins(copy / "requirements.txt")["tensorflow"]
    pin = f"tensorflow=={version} --hash=sha256:{'0' * 64}\n"
    web = copy / "requirements-web.txt"
    web.write_text(web.read_text() + pin)
    assert problems_of(copy) == [
        "requirements-web.txt holds tensorflow, which the web image must not have."
    ]


def test_an_unpinned_line_is_refused(copy: Path) -> None:
    (copy / "requirements.txt").write_text("django>=5\n")
    with pytest.raises(ValueError, match=r"not pinned with ==. Received: django>=5$"):
        problems_of(copy)


def test_a_line_without_a_hash_is_refused(copy: Path) -> None:
    (copy / "requirements.txt").write_text("django==5.2.0\n")
    with pytest.raises(ValueError, match=r"without a hash. Received: django==5.2.0$"):
        problems_of(copy)
