"""Make a fresh machine ready: a virtual environment, the pinned requirements, the system packages.

Runs on the system's Python before anything is installed, so it uses the standard library only.
`bootstrap.py run` prepares for `make run`, `bootstrap.py test` for tests, checks and benchmarks.
"""

import ctypes.util
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMPS = VENV / "installed-requirements.json"
OLDEST, NEWEST = (3, 11), (3, 13)  # TensorFlow 2.21 has no build beyond Python 3.13.
REQUIREMENTS = {"run": "requirements.txt", "test": "requirements-dev.txt"}


class SetupError(Exception):
    """One sentence for the person who typed the command."""


def main(purpose: str) -> None:
    """Bring this working copy into the state that `purpose` ("run" or "test") needs."""
    require_python()
    if not is_installed(purpose):
        install_packages(missing_build_packages())
        offer_packages(missing_paper_packages())
        create_environment()
        install_requirements(REQUIREMENTS[purpose])
    if purpose == "test":
        install_packages([*missing_test_packages(), *missing_paper_packages()])


def require_python() -> None:
    """Stop unless this interpreter is one that TensorFlow has builds for."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(
            f"Veripix needs Python 3.11, 3.12 or 3.13 and this is {found}: "
            "name another one with `make PYTHON=/path/to/python3.11 ...`."
        )


def fingerprint(name: str) -> str:
    """What must stay equal for an installed requirements file to count as installed."""
    content = (ROOT / name).read_bytes() + sys.version.encode()
    return hashlib.sha256(content).hexdigest()


def installed_fingerprints() -> dict[str, str]:
    """The requirements files that were installed to the end, by name."""
    try:
        stamps: dict[str, str] = json.loads(STAMPS.read_text())
    except (OSError, ValueError):
        return {}
    return stamps


def is_installed(purpose: str) -> bool:
    """Whether the environment runs and was filled from the requirements as they are now."""
    stamps = installed_fingerprints()
    # requirements-dev.txt holds every pin of requirements.txt (`make check` sees to it).
    suffices = {REQUIREMENTS[purpose], REQUIREMENTS["test"]}
    return any(stamps.get(name) == fingerprint(name) for name in suffices) and environment_runs()


def environment_runs() -> bool:
    """Whether `.venv` holds a Python that starts; a moved or copied one may not."""
    python = VENV / "bin" / "python"
    return python.exists() and subprocess.run([str(python), "-c", ""], check=False).returncode == 0


def create_environment() -> None:
    """Create `.venv` unless a working one is there."""
    if not environment_runs():
        say("Creating the virtual environment .venv")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)


def install_requirements(name: str) -> None:
    """Install one pinned file with pip, and remember that it is in."""
    say(f"Installing {name} into .venv (the first time this takes some minutes)")
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    command = [*pip, "--disable-pip-version-check", "--requirement", str(ROOT / name)]
    if subprocess.run(command, check=False).returncode != 0:
        raise SetupError(f"pip could not install {name}: its last lines above say why.")
    STAMPS.write_text(json.dumps({**installed_fingerprints(), name: fingerprint(name)}))


def missing_build_packages() -> list[str]:
    """Debian packages that a virtual environment and the build of mysqlclient still lack."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    wanted = {
        f"{version}-venv": not has_module("ensurepip"),
        f"{version}-dev": not (Path(sysconfig.get_paths()["include"]) / "Python.h").exists(),
        "gcc": shutil.which("gcc") is None and shutil.which("cc") is None,
        "pkg-config": shutil.which("pkg-config") is None,
        "default-libmysqlclient-dev": not has_mysql_headers(),
    }
    return [package for package, is_missing in wanted.items() if is_missing]


def has_module(name: str) -> bool:
    """Whether this Python can import `name`; Debian ships `venv` without `ensurepip`."""
    command = [sys.executable, "-c", f"import {name}"]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0


def has_mysql_headers() -> bool:
    """Whether pkg-config knows one of the client libraries that mysqlclient builds against."""
    if shutil.which("pkg-config") is None:
        return False
    libraries = ("mysqlclient", "mariadb", "libmariadb")
    return any(
        subprocess.run(["pkg-config", "--exists", library], check=False).returncode == 0
        for library in libraries
    )


def missing_paper_packages() -> list[str]:
    """Debian packages that reports in PDF still lack: Pango, what embeds fonts, and a font."""
    folders = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".fonts"]
    fonts = (path for folder in folders for path in folder.rglob("*.[ot]t[fc]"))
    wanted = {
        "libpango-1.0-0": ctypes.util.find_library("pango-1.0") is None,
        "libpangoft2-1.0-0": ctypes.util.find_library("pangoft2-1.0") is None,
        "libharfbuzz-subset0": ctypes.util.find_library("harfbuzz-subset") is None,
        "fonts-dejavu-core": next(fonts, None) is None,
    }
    return [package for package, is_missing in wanted.items() if is_missing]


def missing_test_packages() -> list[str]:
    """Debian packages with the servers and the browser that the tests drive."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    browsers = ("chromium", "chromium-browser", "google-chrome")
    wanted = {
        "mariadb-server": shutil.which("mariadbd", path=path) is None,
        "redis-server": shutil.which("redis-server", path=path) is None,
        "chromium": not any(shutil.which(name, path=path) for name in browsers),
        # The proxy that stands in front in compose.
        "caddy": shutil.which("caddy", path=path) is None,
        "git": shutil.which("git", path=path) is None,
        # What the example of a client in a shell needs.
        "curl": shutil.which("curl", path=path) is None,
        "jq": shutil.which("jq", path=path) is None,
        # Hosts of their own, where networks may be made; without it the tests do with processes.
        "iproute2": shutil.which("ip", path=f"{path}:/sbin") is None,
    }
    return [package for package, is_missing in wanted.items() if is_missing]


def install_packages(packages: list[str]) -> None:
    """Install Debian packages through apt, or say which ones a person has to install."""
    if not packages:
        return
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise SetupError(f"Please install what Debian calls: {names}. Then run this again.")
    say(f"Installing system packages: {names}")
    apt = [*administrator(names), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"]
    run_or_say([*apt, "update"], names)
    run_or_say([*apt, "install", "--yes", "--no-install-recommends", *packages], names)


def offer_packages(packages: list[str]) -> None:
    """Install what the portal can do without; where that fails, say what is missing and go on."""
    try:
        install_packages(packages)
    except SetupError as error:
        say(f"Going on without reports in PDF. {error}")


def administrator(names: str) -> list[str]:
    """The prefix that lets apt-get write: nothing for root, else sudo (asks at a terminal only)."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        raise SetupError(f"As root, please run: apt-get install {names}. Then run this again.")
    return ["sudo"] if sys.stdin.isatty() else ["sudo", "--non-interactive"]


def run_or_say(command: list[str], names: str) -> None:
    """Run apt quietly; where it fails, say what to install by hand."""
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SetupError(f"apt-get failed; please install these packages yourself: {names}.")


def say(line: str) -> None:
    """Tell what takes time while it takes time."""
    print(f"[set-up] {line}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in REQUIREMENTS:
        sys.exit("Usage: bootstrap.py run|test")
    try:
        main(sys.argv[1])
    except SetupError as error:
        sys.exit(f"[set-up] {error}")
