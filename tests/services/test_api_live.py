"""The REST interface as it ships: gunicorn, two web processes, MariaDB, Redis, S3, real clients."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests

from tests.data import drawn_image
from tests.installation import ROOT, Installation, server_variables
from tests.servers import S3, MariaDB, Redis
from tests.visitor import PASSWORD, Visitor
from tests.waiting import wait_for

pytestmark = pytest.mark.services

EXAMPLES = ROOT / "docs" / "examples"
MOST_BYTES = 200 * 1024 * 1024
# More than the threads of both web processes together.
DRIPPING = 24


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
    s3: S3,
) -> Iterator[Installation]:
    """A portal with two web processes, whose files lie in a bucket."""
    folder = tmp_path_factory.mktemp("api")
    variables = server_variables(folder, static_root, mariadb, shared_redis)
    variables["STORAGE_URL"] = s3.url(s3.new_bucket())
    variables["API_RATE_PER_MINUTE"] = "1000000"
    installation = Installation(folder, variables)
    installation.prepare()
    try:
        installation.start("web", options=["--workers=2"])
        installation.start("inference", "errands", "beat")
        yield installation
    finally:
        installation.stop()


@pytest.fixture(scope="module")
def alice(portal: Installation) -> Visitor:
    """Signed up, and with her password given lately."""
    alice = portal.visitor().sign_up("alice@example.org")
    assert alice.post("/accounts/reauthenticate/", {"password": PASSWORD}).ok
    return alice


@pytest.fixture(scope="module")
def token(alice: Visitor) -> str:
    """One that Alice made on her page."""
    form = {"name": "Tests", "scopes": ["read", "submit"], "days": "7"}
    made = alice.post("/account/tokens/new/", form)
    (token,) = re.findall(r"vpx_[0-9a-f]{64}", made.text)
    return str(token)


@pytest.fixture(scope="module")
def session(token: str) -> requests.Session:
    """A program with this token."""
    session = requests.Session()
    session.headers["Authorization"] = f"Token {token}"
    return session


def run_example(
    command: list[str], portal: Installation, token: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a client as somebody would who has copied it from the documentation."""
    environment = {"PATH": os.environ["PATH"], "VERIPIX_URL": portal.url, "VERIPIX_TOKEN": token}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_python_client(portal: Installation, token: str, tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"small-{number}.png").write_bytes(
            drawn_image((32, 32), format="PNG", seed=number)
        )
    (tmp_path / "notes.txt").write_text("no image")
    names = ["small-0.png", "notes.txt", "small-1.png"]
    command = [sys.executable, str(EXAMPLES / "client.py"), *names]
    done = run_example(command, portal, token, tmp_path)
    assert done.returncode == 0, done.stderr
    refused, *judged = done.stdout.splitlines()
    assert re.fullmatch(r"notes\.txt: refused: .*\.", refused)
    # In the order in which they were named.
    for number, line in enumerate(judged):
        assert re.fullmatch(rf"small-{number}\.png: .+: .+\.", line)
    reports = list(tmp_path.glob("report-*.pdf"))
    assert len(reports) == 2
    assert all(report.read_bytes().startswith(b"%PDF") for report in reports)


def test_the_python_client_tells_what_is_wrong(portal: Installation, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(drawn_image((32, 32), format="PNG"))
    command = [sys.executable, str(EXAMPLES / "client.py"), "a.png"]
    done = run_example(command, portal, "vpx_" + "0" * 64, tmp_path)
    assert done.returncode == 1
    assert "token_invalid" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_client_in_a_shell(portal: Installation, token: str, tmp_path: Path) -> None:
    (tmp_path / "small.png").write_bytes(drawn_image((32, 32), format="PNG", seed=7))
    command = ["sh", str(EXAMPLES / "client.sh"), "small.png"]
    done = run_example(command, portal, token, tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"small\.png: .+: .+\.\n", done.stdout)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_all_web_processes_count_together(portal: Installation, session: requests.Session) -> None:
    """Of the requests of one minute no two are told the same number."""

    def ask(number: int) -> tuple[int, int]:
        # A new connection each time, so that both processes are asked.
        answer = requests.get(
            f"{portal.url}/api/v1/usage/", headers=dict(session.headers), timeout=30
        )
        assert answer.ok
        return int(answer.headers["RateLimit-Remaining"]), int(answer.headers["RateLimit-Reset"])

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(ask, range(40)))
    # A minute may have ended among them, and the count begun anew.
    of_one_minute = [left for left, reset in told if abs(reset - told[-1][1]) < 30]
    assert len(set(of_one_minute)) == len(of_one_minute) > 0


def test_schemathesis_finds_nothing(portal: Installation, token: str, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("schemathesis")), "run"]
    command += [f"{portal.url}/api/v1/schema/", f"--header=Authorization: Token {token}"]
    command += ["--phases=examples,coverage,fuzzing", "--max-examples=4", "--seed=1"]
    command += ["--checks=not_a_server_error,status_code_conformance,content_type_conformance"]
    command[-1] += ",response_schema_conformance,response_headers_conformance"
    command += ["--no-color", "--generation-database=none", "--max-failures=5"]
    done = subprocess.run(
        command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Traceback" not in portal.log("web")


def dripping(portal: Installation, token: str, stop: threading.Event) -> str:
    """Send a request's body a byte at a time; what came back first, empty for nothing."""
    head = (
        f"POST /api/v1/submissions/ HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Token {token}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: 1000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", portal.port), timeout=60) as connection:
        connection.sendall(head.encode())
        connection.settimeout(0.5)
        while not stop.is_set():
            try:
                return connection.recv(100).decode(errors="replace").splitlines()[0]
            except TimeoutError:
                connection.sendall(b"-")
            except (ConnectionError, IndexError):
                return ""
    return "never ended"


def test_slow_senders_do_not_take_it_down(
    portal: Installation, token: str, session: requests.Session
) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(DRIPPING) as pool:
        slow = [pool.submit(dripping, portal, token, stop) for _ in range(DRIPPING)]
        try:
            # While they drip somebody hands an image in, and is answered.
            files = {"images": ("a.png", drawn_image((32, 32), format="PNG"))}
            answer = session.post(f"{portal.url}/api/v1/submissions/", files=files, timeout=30)
            assert answer.status_code == 201
            wait_for(lambda: all(one.done() for one in slow), "the slow ones to be ended")
        finally:
            stop.set()
        ends = [one.result() for one in slow]
    assert "never ended" not in ends
    assert any("408" in end for end in ends), ends
    assert all("408" in end or not end for end in ends), ends


def test_what_is_refused_early_is_told_in_the_one_form(portal: Installation, token: str) -> None:
    """Though much of the request is still on its way then."""
    url, large = f"{portal.url}/api/v1/submissions/", b"x" * 3_000_000
    files = {"images": ("a.png", large)}
    unknown = {"Authorization": "Token vpx_nobody_has_this_token"}
    answer = requests.post(url, files=files, headers=unknown, timeout=30)
    assert answer.json()["error"]["code"] == "token_invalid"
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    answer = requests.post(url, data=large, headers=headers, timeout=30)
    assert answer.json()["error"]["code"] == "body_too_large"


def test_the_web_processes_stay_light(portal: Installation) -> None:
    """After all of that."""
    for process in psutil.Process(portal.pid("web")).children():
        assert process.memory_info().rss <= MOST_BYTES
        print(f"web process: {process.memory_info().rss / 1e6:.0f} MB")  # noqa: T201
