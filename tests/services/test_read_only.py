"""The programs write to nothing but their own folder, as containers allow them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data import drawn_image
from tests.installation import Installation, server_variables
from tests.servers import MariaDB, Redis

pytestmark = pytest.mark.services

WITH_READ_ONLY_ROOT = """
mount --bind / / && mount -o remount,bind,ro /
mount --bind "$1" "$1" && mount -o remount,bind,rw "$1" && cd "$2" && shift 2 && exec "$@"
"""


def read_only(folder: Path) -> list[str]:
    """What starts a program in a machine of which it may write to this folder alone."""
    here = str(Path(__file__).resolve().parents[2])
    return ["unshare", "--mount", "sh", "-ec", WITH_READ_ONLY_ROOT, "sh", str(folder), here]


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
) -> Iterator[Installation]:
    """All programs, as in compose: the root is read-only, drafts go to a folder of their own."""
    folder = tmp_path_factory.mktemp("read-only")
    try:
        told = subprocess.run(
            [*read_only(folder), "sh", "-c", "echo x >> pyproject.toml || echo refused"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("unshare is not installed: whether the programs write elsewhere was not tried")
    if told.returncode != 0:
        pytest.skip(f"no mounts of its own for a process here: {told.stderr.strip()}")
    assert told.stdout.strip() == "refused"
    variables = server_variables(folder, static_root, mariadb, shared_redis)
    variables |= {
        "TMPDIR": str(folder / "temporary"),
        # In a container these are in memory.
        "HOME": str(folder / "home"),
        "XDG_CACHE_HOME": str(folder / "home"),
        "MPLCONFIGDIR": str(folder / "home"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for name in ("temporary", "home"):
        (folder / name).mkdir()
    Installation(folder, variables).prepare()
    installation = Installation(folder, variables, host=read_only(folder))
    try:
        installation.start("web", "inference", "pictures", "errands", "background", "beat")
        yield installation
    finally:
        installation.stop()


def test_a_verdict_and_a_report_come_about(portal: Installation) -> None:
    visitor = portal.visitor().sign_up("frugal@example.org")
    files = {"small.png": drawn_image((32, 32)), "large.png": drawn_image((300, 300))}
    submission = visitor.submit(files)
    assert portal.wait_until_ended(submission) == ["finished"] * 2
    link = visitor.analysis_links(submission)[0]
    assert visitor.get(link).ok
    assert visitor.get(f"{link}report.pdf").content.startswith(b"%PDF")


def test_no_program_tried_to_write_elsewhere(portal: Installation) -> None:
    told = {name: portal.log(name) for name in portal.running}
    assert told
    assert not [name for name, log in told.items() if "Read-only file system" in log]
    assert not [name for name, log in told.items() if "Traceback" in log]
