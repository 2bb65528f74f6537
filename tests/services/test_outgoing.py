"""On MariaDB, Redis and real workers: an image by its address, and a message that it was judged.

The receiver answers 500, is restarted, and then takes what it was told.
"""

import html
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.data import drawn_image
from tests.installation import Installation, running_installation, server_variables
from tests.receivers import Receiver, Request, receiving
from tests.servers import MariaDB, Redis, free_port
from tests.waiting import wait_for
from tests.webhook_check import documented_check

pytestmark = pytest.mark.services
PROGRAMS = ("web", "inference", "errands", "beat")
IMAGE = drawn_image((32, 32))


@pytest.fixture(scope="module")
def port() -> int:
    """Where the receiver listens, before and after its restart."""
    return free_port()


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
    port: int,
) -> Iterator[Installation]:
    """An installation that may ask this machine, and that does not wait long."""
    folder = tmp_path_factory.mktemp("outgoing")
    variables = {
        **server_variables(folder, static_root, mariadb, shared_redis),
        "URL_FETCH": "true",
        "OUTBOUND_PORTS": str(port),
        "OUTBOUND_ALLOW_NETWORKS": "127.0.0.1/32",
        "WEBHOOK_RETRY_SECONDS": "1",
    }
    with running_installation(folder, variables, programs=PROGRAMS) as installation:
        yield installation


def answering(status: int) -> Callable[[Request], None]:
    """Give the image to whoever asks for it, and this status to whoever tells something."""

    def answer(request: Request) -> None:
        if request.command == "GET":
            request.give(200, IMAGE, Content_Type="image/jpeg")
        else:
            request.give(status)

    return answer


def told(receiver: Receiver) -> dict[str, Request]:
    """The messages so far, by what they are about."""
    return {
        json.loads(request.body)["type"]: request
        for request in receiver.seen
        if request.command == "POST"
    }


def test_a_message_outlives_its_receiver(portal: Installation, port: int) -> None:
    alice = portal.visitor().sign_up("alice@example.org")
    hook = f"http://127.0.0.1:{port}/hook"
    both = ["analysis.ended", "submission.ended"]
    page = alice.post("/webhooks/", {"url": hook, "events": both}).text
    (secret,) = re.findall(r">(whsec_[^<]+)<", html.unescape(page))

    with receiving(answering(500), port=port) as receiver:
        answer = alice.post("/submit/address/", {"addresses": receiver.url("/drawn.jpg")})
        submission = answer.url.rstrip("/").rpartition("/")[2]
        wait_for(lambda: portal.states(submission) == ["finished"], "the verdict", timeout=90)
        refused = wait_for(lambda: told(receiver).get("analysis.ended"), "the first message")
        assert refused
    with receiving(answering(200), port=port) as receiver:
        wait_for(lambda: len(told(receiver)) == 2, "both messages", timeout=120)
        taken = told(receiver)

    assert taken["analysis.ended"].headers["webhook-id"] == refused.headers["webhook-id"]
    assert taken["analysis.ended"].body == refused.body
    check = documented_check()
    for request in taken.values():
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert check(secret, headers, request.body)
        assert not check(secret, headers, request.body + b" ")
    analysis = json.loads(taken["analysis.ended"].body)["data"]
    assert analysis["submission"] == submission
    assert analysis["image"]["file_name"] == "drawn.jpg"
    assert analysis["state"] == "finished"
    ended = json.loads(taken["submission.ended"].body)["data"]
    assert (ended["id"], ended["counts"]["total"], ended["counts"]["finished"]) == (
        submission,
        1,
        1,
    )

    def states() -> set[tuple[str, int]]:
        statement = "SELECT state, status FROM detection_webhookdelivery"
        return {(state, status) for state, status in portal.rows(statement)}

    wait_for(lambda: states() == {("delivered", 200)}, "all marked as taken")


def test_nothing_inside_is_opened(portal: Installation, port: int) -> None:
    charlie = portal.visitor().sign_up("charlie@example.org")
    for address in (f"http://[::1]:{port}/", f"http://127.0.0.2:{port}/", "http://127.0.0.1:22/"):
        answer = charlie.post("/submit/address/", {"addresses": address})
        assert answer.status_code == 422
    # A name is looked at by the worker that opens it.
    answer = charlie.post("/submit/address/", {"addresses": f"http://127.2:{port}/"})
    submission = answer.url.rstrip("/").rpartition("/")[2]
    page = f"/submissions/{submission}/progress/"
    wait_for(lambda: "address_not_allowed" in charlie.get(page).text, "the refusal")
    assert portal.states(submission) == []
