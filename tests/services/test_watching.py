"""What those who watch an installation see: figures, lines of the log, a page, and Flower."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.data import drawn_image
from tests.installation import (
    Installation,
    clean_environment,
    server_variables,
    shipped_commands,
)
from tests.portal.test_metrics import samples
from tests.servers import MariaDB, Redis, end, free_port
from tests.visitor import PASSWORD, Visitor
from tests.waiting import wait_for

TOKEN = "a-token-of-the-tests-alone"
MAKE_STAFF = (
    "from portal.models import User;"
    "User.objects.filter(email='{}').update(is_staff=True, is_superuser=True)"
)

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
) -> Iterator[Installation]:
    """An installation that is watched; its web server runs two processes, and no worker yet."""
    folder = tmp_path_factory.mktemp("watched")
    variables = {
        **server_variables(folder, static_root, mariadb, shared_redis),
        "METRICS_TOKEN": TOKEN,
        "LOG_FORMAT": "json",
        "ACCESS_LOG": "true",
        "TASK_EVENTS": "true",
    }
    installation = Installation(folder, variables)
    installation.prepare()
    try:
        installation.start("web", options=["--workers=2"])
        yield installation
    finally:
        installation.stop()


@pytest.fixture(scope="module")
def alice(portal: Installation) -> Visitor:
    """Somebody who hands in images, and may enter the panel."""
    visitor = portal.visitor().sign_up("alice@example.org")
    portal.manage("shell", "-c", MAKE_STAFF.format(visitor.email))
    return visitor


def scrape(portal: Installation) -> dict[tuple[str, ...], float]:
    """What Prometheus reads at this moment."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.get(f"{portal.url}/metrics", headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    return samples(answer.text)


def total(found: dict[tuple[str, ...], float], name: str, *labels: str) -> float:
    """The sum of all samples of a name that have these values among their labels."""
    return sum(
        value for key, value in found.items() if key[0] == name and set(labels) <= set(key[1:])
    )


def lines(portal: Installation, program: str) -> list[dict[str, Any]]:
    """The lines of a program's log; Celery prints a greeting and a farewell beside it."""
    printed = [line for line in portal.log(program).splitlines() if line]
    return [json.loads(line) for line in printed if program == "web" or line.startswith("{")]


def test_a_queue_without_a_worker_grows_and_verdicts_are_counted(
    portal: Installation, alice: Visitor
) -> None:
    files = {f"{n}.png": drawn_image((32, 32), seed=n, format="PNG") for n in range(3)}
    submission = alice.submit({**files, "text.png": b"no image"})
    found = scrape(portal)
    assert found[("veripix_queue_depth", "single", "inference")] == 3
    assert found[("veripix_queue_oldest_seconds", "inference")] > 0
    assert ("veripix_workers", "inference") not in found
    assert total(found, "veripix_images_taken_total", "PNG") == 3
    assert total(found, "veripix_errors_total", "intake") == 1
    assert total(found, "veripix_verdicts_total") == 0

    portal.start("inference")
    assert portal.wait_until_ended(submission) == ["finished"] * 3
    wait_for(
        lambda: ("veripix_workers", "inference") in scrape(portal), "the worker's sign of life"
    )
    found = scrape(portal)
    assert found[("veripix_queue_depth", "single", "inference")] == 0
    assert found[("veripix_queue_running", "inference")] == 0
    assert total(found, "veripix_verdicts_total", "thumbnail", "cifake-residual 1", "model") == 3
    for stage in ("read", "examine", "infer", "decide", "heatmap", "store"):
        assert total(found, "veripix_stage_images_total", "analysis", stage) == 3, stage
    assert total(found, "veripix_wait_seconds_count", "inference") == 3
    assert total(found, "veripix_answer_seconds_count", "inference") == 3
    assert total(found, "veripix_tasks_total", "detection.tasks.analyse_images", "done") >= 1


def test_both_processes_of_the_web_server_are_counted(portal: Installation, alice: Visitor) -> None:
    before = total(scrape(portal), "veripix_requests_total", "guide", "200")
    for _ in range(20):
        # A connection of its own each time, so that either process may take it.
        assert requests.get(f"{portal.url}/guide/", timeout=10).ok
    after = scrape(portal)
    assert total(after, "veripix_requests_total", "guide", "200") == before + 20
    assert total(after, "veripix_request_seconds_count", "guide") == before + 20
    written = {file.name for file in (portal.folder / "metrics").glob("histogram_*")}
    assert len(written) >= 3, "two web processes and a worker"


def test_a_task_is_traced_back_to_the_request_and_nobody_is_named(
    portal: Installation, alice: Visitor
) -> None:
    answer = alice.add_image(
        alice.open_submission(), "traced.png", drawn_image((32, 32), seed=9, format="PNG")
    )
    number = answer.headers["X-Request-ID"]

    def caused() -> list[dict[str, Any]]:
        return [line for line in lines(portal, "inference") if line.get("request_id") == number]

    task, *_ = wait_for(caused, "the line of the task that the request caused")
    assert task["task"] == "detection.tasks.analyse_images"
    assert task["task_id"]
    (request,) = [
        line
        for line in lines(portal, "web")
        if line.get("request_id") == number and line["logger"] == "portal.access"
    ]
    assert (request["view"], request["status"]) == ("image_add", 201)
    assert request["user_id"]
    assert any(line["logger"] == "gunicorn.error" for line in lines(portal, "web"))
    for program in ("web", "inference"):
        told = [json.dumps(line) for line in lines(portal, program)]
        for word in (alice.email, "traced.png", "/submissions/"):
            assert [line for line in told if word in line] == [], word


def test_staff_see_who_works(portal: Installation, alice: Visitor) -> None:
    def page() -> str:
        text = alice.get("/admin/status/").text
        return text if "inference@" in text and "Answers" in text else ""

    text = wait_for(page, "the worker on the status page")
    assert "MariaDB" in text
    assert "cifake-residual 1" in text
    assert alice.get("/health/?format=json").json()["workers"] == "OK"


def test_flower_shows_workers_to_those_with_the_password(portal: Installation) -> None:
    port = free_port()
    *shell, script = shipped_commands()["flower"]
    changes = {
        r"\$\$": "$",
        # Compose's Redis speaks TLS; tests/services/test_tls.py has one that does.
        r'--broker="rediss://[^"]*"': f"--broker={portal.environment['REDIS_URL']}",
        r"--port=5555": f"--address=127.0.0.1 --port={port}",
    }
    for shipped, here in changes.items():
        script, count = re.subn(shipped, here, script)
        assert count == 1, shipped
    url = f"http://127.0.0.1:{port}"
    with (portal.folder / "flower.log").open("ab") as log:
        flower = subprocess.Popen(
            [*shell, script],
            cwd=portal.folder,
            env={"PATH": clean_environment()["PATH"], "FLOWER_BASIC_AUTH": f"staff:{PASSWORD}"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:

        def is_up() -> bool:
            try:
                return requests.get(f"{url}/healthcheck", timeout=5).ok
            except requests.ConnectionError:
                return False

        wait_for(is_up, "Flower", timeout=60)
        assert requests.get(f"{url}/workers", timeout=10).status_code == 401
        assert requests.get(f"{url}/api/workers", timeout=10).status_code == 401

        def sees_worker() -> bool:
            answer = requests.get(
                f"{url}/api/workers?refresh=1", auth=("staff", PASSWORD), timeout=20
            )
            return answer.ok and any(name.startswith("inference@") for name in answer.json())

        wait_for(sees_worker, "the worker in Flower", timeout=120)
    finally:
        end(flower)
