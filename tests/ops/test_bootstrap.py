"""`make run` and `make test` prepare a fresh machine, or say in a line what a person has to do."""

import ctypes.util
import os
import shutil
import stat
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from tools import bootstrap

SCRIPT = Path(bootstrap.__file__)
NOBODY = 65534


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A working copy that asks for nothing from a package index."""
    folder = tmp_path / "checkout"
    (folder / "tools").mkdir(parents=True)
    shutil.copy(SCRIPT, folder / "tools" / "bootstrap.py")
    (folder / "requirements.txt").write_text("# nothing\n")
    (folder / "requirements-dev.txt").write_text("# nothing\n")
    return folder


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder to be the whole PATH: no compiler, no pkg-config, no apt-get, no sudo."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def run(
    checkout: Path, purpose: str = "run", *, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"PATH": str(path)} if path else {})}
    return subprocess.run(
        [sys.executable, "tools/bootstrap.py", purpose],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def put_script(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def test_it_installs_once_and_again_when_the_requirements_change(checkout: Path) -> None:
    first = run(checkout)
    assert first.returncode == 0, first.stderr
    assert "Installing requirements.txt" in first.stdout
    assert (checkout / ".venv" / "bin" / "python").exists()

    assert run(checkout).stdout == ""

    (checkout / "requirements.txt").write_text("# something else\n")
    again = run(checkout)
    assert "Installing requirements.txt" in again.stdout
    assert "Creating" not in again.stdout

    # A pin that cannot be had: pip's failure becomes a sentence, and nothing counts as installed.
    (checkout / "requirements.txt").write_text("./no-such-folder\n")
    for _ in range(2):
        failed = run(checkout)
        assert failed.returncode == 1
        assert "pip could not install requirements.txt" in failed.stderr

    # An environment whose interpreter is gone is made anew.
    (checkout / "requirements.txt").write_text("# nothing\n")
    (checkout / ".venv" / "bin" / "python").unlink()
    (checkout / ".venv" / "bin" / "python").symlink_to("/nowhere/python")
    assert "Creating the virtual environment" in run(checkout).stdout


def test_it_names_the_packages_where_there_is_no_apt(checkout: Path, bare_path: Path) -> None:
    done = run(checkout, path=bare_path)
    assert done.returncode == 1
    wanted = "gcc pkg-config default-libmysqlclient-dev"
    assert f"Please install what Debian calls: {wanted}. Then run this again." in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (checkout / ".venv").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may call apt-get without sudo")
def test_it_installs_missing_packages_with_apt(checkout: Path, bare_path: Path) -> None:
    calls = bare_path / "calls"
    put_script(bare_path, "env", 'shift; exec "$@"')
    put_script(bare_path, "apt-get", f'echo "$@" >> {calls}; exit $(test "$2" = install; echo $?)')
    done = run(checkout, path=bare_path)
    assert "Installing system packages: gcc pkg-config default-libmysqlclient-dev" in done.stdout
    assert calls.read_text() == "--quiet update\n"
    assert "apt-get failed; please install these packages yourself: gcc" in done.stderr

    put_script(bare_path, "apt-get", f'echo "$@" >> {calls}')
    assert run(checkout, path=bare_path).returncode == 0
    last = calls.read_text().splitlines()[-1]
    assert last.startswith("--quiet install --yes --no-install-recommends gcc pkg-config")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_says_what_root_must_do_where_there_is_no_sudo(
    checkout: Path, bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_script(bare_path, "apt-get", "exit 1")
    monkeypatch.setenv("PATH", str(bare_path))
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    with pytest.raises(bootstrap.SetupError, match="As root, please run: apt-get install gcc pkg"):
        bootstrap.install_packages(["gcc", "pkg-config"])


def test_it_asks_sudo_without_a_prompt_where_there_is_no_terminal(
    bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_script(bare_path, "sudo", "exit 1")
    monkeypatch.setenv("PATH", str(bare_path))
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    assert bootstrap.administrator("gcc") == ["sudo", "--non-interactive"]


NOTHING_FOUND = """
import ctypes.util, pathlib
ctypes.util.find_library = lambda name: None
pathlib.Path.rglob = lambda folder, pattern: iter(())
"""


@pytest.fixture
def without_pango(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the libraries and fonts of PDF reports, for the script's own process."""
    folder = checkout.parent / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(NOTHING_FOUND)
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may call apt-get without sudo")
def test_it_installs_what_pdf_reports_need(
    checkout: Path, bare_path: Path, without_pango: None
) -> None:
    calls = bare_path / "calls"
    put_script(bare_path, "env", 'shift; exec "$@"')
    put_script(bare_path, "apt-get", f'echo "$@" >> {calls}')
    assert run(checkout, path=bare_path).returncode == 0
    last = calls.read_text().splitlines()[-1]
    wanted = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
    assert last == f"--quiet install --yes --no-install-recommends {wanted}"


def test_it_goes_on_without_pdf_reports_where_nothing_can_be_installed(
    capsys: pytest.CaptureFixture[str], bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(bare_path))
    bootstrap.offer_packages(["libpango-1.0-0"])
    told = capsys.readouterr().out
    assert "Going on without reports in PDF. Please install what Debian calls: libpango" in told


def test_it_looks_for_each_library_of_pdf_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    here = ctypes.util.find_library
    monkeypatch.setattr(
        "ctypes.util.find_library", lambda name: None if "subset" in name else here(name)
    )
    assert bootstrap.missing_paper_packages() == ["libharfbuzz-subset0"]


def test_it_refuses_a_python_that_tensorflow_is_not_built_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = namedtuple("version", "major minor micro")
    monkeypatch.setattr(sys, "version_info", version(3, 10, 4))
    with pytest.raises(bootstrap.SetupError, match=r"needs Python 3\.11.* and this is 3\.10\.4"):
        bootstrap.require_python()


def test_it_explains_its_use() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "everything"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "Usage: bootstrap.py run|test\n")
