"""A batch on MariaDB, Redis and S3: the line breaks, a worker is killed, each image ends once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import batches
from tests.data import drawn_image
from tests.installation import Installation, server_variables
from tests.servers import S3, MariaDB, Redis
from tests.visitor import Visitor
from tests.waiting import wait_for

pytestmark = pytest.mark.services
IMAGES, COPIES, WORDS = 390, 10, 5
FILES = IMAGES + COPIES + WORDS
PIECE = 256_000


@pytest.fixture
def bucket(s3: S3) -> str:
    """Where its files lie."""
    return s3.new_bucket()


@pytest.fixture
def portal(
    tmp_path: Path,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
    s3: S3,
    bucket: str,
) -> Iterator[Installation]:
    """Web, verdicts and the clock; who unpacks is started by the test."""
    folder = tmp_path / "var"
    variables = server_variables(folder, static_root, mariadb, shared_redis)
    variables["STORAGE_URL"] = s3.url(bucket)
    installation = Installation(folder, variables)
    installation.prepare()
    try:
        installation.start("web", "inference", "pictures", "beat")
        yield installation
    finally:
        installation.stop()


def zipped() -> bytes:
    """Different images, some of them twice, files that are none, and noise to make it long."""
    files = {f"{n}.txt": bytes(200_000) for n in range(WORDS)}
    files |= {f"{n:04d}.png": drawn_image((32, 32), seed=n) for n in range(IMAGES)}
    # To the very end: the last piece, which holds the directory too, is read more than once.
    files |= {f"copy {n}.png": files[f"{n:04d}.png"] for n in range(COPIES)}
    return batches.packed(files)


def column(portal: Installation, name: str) -> object:
    """A column of the only batch."""
    ((state, seen),) = portal.rows("SELECT state, files_seen FROM detection_batch")
    return {"state": state, "files_seen": seen}[name]


def piece(visitor: Visitor, place: str, content: bytes, offset: int) -> tuple[int, dict[str, Any]]:
    """Send what lies at this offset; status and answer."""
    answer = visitor.post_raw(f"{place}?offset={offset}", content[offset : offset + PIECE])
    return answer.status_code, answer.json()


def test_each_image_ends_once_whatever_breaks(portal: Installation, s3: S3, bucket: str) -> None:
    visitor = portal.visitor().sign_up("batch@example.org")
    content = zipped()
    opened = visitor.post(
        "/batches/open/", {"name": "all.zip", "size": len(content), "wants_mail": "on"}
    ).json()
    place = opened["pieces_url"]
    status, told = piece(visitor, place, content, 0)
    assert (status, told["received"]) == (201, PIECE)
    # The answer to the second piece is lost with the web server.
    piece(visitor, place, content, PIECE)
    portal.kill("web")
    portal.start("web")
    status, told = piece(visitor, place, content, PIECE)
    assert (status, told["error"]["expected"]) == (409, 2 * PIECE)
    received = 2 * PIECE
    while received < len(content):
        status, told = piece(visitor, place, content, received)
        assert status == 201
        received = told["received"]
    assert told["state"] == "unpacking"
    # In pieces, and one more whose row came to nothing if the server fell between the two.
    assert len(s3.names(bucket, "batches/")) >= len(content) // PIECE

    portal.start("errands")
    wait_for(lambda: int(str(column(portal, "files_seen"))) >= 64, "the first files")
    portal.kill("errands")
    assert int(str(column(portal, "files_seen"))) < FILES
    portal.start("errands")
    wait_for(lambda: column(portal, "state") == "finished", "the end of the batch", timeout=180)

    assert column(portal, "files_seen") == FILES
    numbers = [n for (n,) in portal.rows("SELECT number FROM detection_batchfile ORDER BY number")]
    assert numbers == list(range(FILES))
    ends = portal.rows(
        "SELECT count(*), count(DISTINCT image_id), sum(state = 'finished'), sum(attempts <= 1)"
        " FROM detection_analysis"
    )
    assert [tuple(map(int, end)) for end in ends] == [(IMAGES + COPIES,) * 4]
    ((refused,),) = portal.rows("SELECT count(*) FROM detection_batchfile WHERE image_id IS NULL")
    assert refused == WORDS
    ((pieces,),) = portal.rows("SELECT count(*) FROM detection_batchpiece")
    assert pieces == 0
    wait_for(lambda: len(s3.names(bucket, "batches/")) <= 1, "the end of the pieces")
    wait_for(lambda: told_by_mail(portal), "the mail")
    page = visitor.get(opened["url"]).text
    assert "Same file as" in visitor.get(opened["url"] + "?show=copies").text
    assert "not accepted" in page
    portal.stop("beat", "errands")
    assert told_by_mail(portal) == 1


def told_by_mail(portal: Installation) -> int:
    """How many mails say that the batch has ended."""
    mails = [path.read_text() for path in portal.mail_folder.glob("*")]
    return sum(mail.count("Subject: [Veripix] all.zip: finished") for mail in mails)
