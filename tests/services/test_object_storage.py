"""A portal whose files lie in a bucket: everything comes back, and an outage loses nothing."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from tests.data import drawn_image
from tests.gate import Gate
from tests.installation import Installation, running_installation, server_variables
from tests.servers import S3, MariaDB, Redis
from tests.visitor import PASSWORD, Visitor
from tests.waiting import wait_for

pytestmark = pytest.mark.services

MOST_BYTES = 200 * 1024 * 1024
# What the processes of an installation share, wherever they run.
SHARED = (
    *("DATABASE_URL", "REDIS_URL", "STORAGE_URL", "SECRET_KEY", "STATIC_ROOT"),
    *("ALLOWED_HOSTS", "EMAIL_URL", "HTTPS"),
)


@pytest.fixture(scope="module")
def bucket(s3: S3) -> str:
    """An empty one."""
    return s3.new_bucket()


@pytest.fixture(scope="module")
def gate(s3: S3) -> Iterator[Gate]:
    """The way to the storage, which these tests may shut."""
    gate = Gate((s3.host, s3.port))
    yield gate
    gate.shut()


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
    s3: S3,
    bucket: str,
    gate: Gate,
) -> Iterator[Installation]:
    """MariaDB, Redis and a bucket."""
    folder = tmp_path_factory.mktemp("object-storage")
    variables = server_variables(folder, static_root, mariadb, shared_redis)
    variables["STORAGE_URL"] = s3.url(bucket, gate.port)
    with running_installation(folder, variables) as installation:
        yield installation


@pytest.fixture(scope="module")
def second_web(
    portal: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Another web process of the same portal, in a folder of its own, that hands out addresses."""
    second = Installation(
        tmp_path_factory.mktemp("second-web"),
        {name: portal.environment[name] for name in SHARED} | {"MEDIA_DELIVERY": "redirect"},
    )
    try:
        second.start("web")
        yield second
    finally:
        second.stop()


@pytest.fixture(scope="module")
def alice(portal: Installation) -> Visitor:
    """Signed up while all was well."""
    return portal.visitor().sign_up("alice@example.org")


def media_links(portal: Installation, submission: str) -> dict[str, str]:
    """The addresses of the four files of a submission's first image."""
    ((image, analysis),) = portal.rows(
        "SELECT i.public_id, a.public_id FROM detection_analysis a"
        " JOIN detection_submittedimage i ON i.id = a.image_id"
        " JOIN detection_submission s ON s.id = i.submission_id"
        " WHERE s.public_id = %s AND a.track <> 'face'",
        submission,
    )
    kinds = ("thumbnail", "preview", "original")
    return {
        **{kind: f"/images/{image}/{kind}/" for kind in kinds},
        "heatmap": f"/analyses/{analysis}/heatmap/",
    }


def test_everything_comes_back_through_the_portal(
    portal: Installation, alice: Visitor, s3: S3, bucket: str
) -> None:
    content = drawn_image((32, 32), seed=101)
    submission = alice.submit({"kept.jpg": content})
    assert portal.wait_until_ended(submission) == ["finished"]
    answers = {kind: alice.get(path) for kind, path in media_links(portal, submission).items()}
    assert {kind: answer.status_code for kind, answer in answers.items()} == dict.fromkeys(
        answers, 200
    )
    assert answers["original"].content == content
    assert answers["original"].headers["Content-Disposition"].startswith("attachment")
    assert answers["preview"].headers["Content-Type"] == "image/webp"
    assert answers["heatmap"].content.startswith(b"\x89PNG")
    assert not [path for path in (portal.folder / "media").rglob("*") if path.is_file()]
    stored = s3.names(bucket)
    assert len([name for name in stored if name.startswith("models/")]) >= 1
    for name in (name for name in stored if not name.startswith("models/")):
        grants = s3.client().get_object_acl(Bucket=bucket, Key=name)["Grants"]
        assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"], name


def test_a_signed_address_hands_a_file_out_and_an_unsigned_one_does_not(
    portal: Installation, alice: Visitor, second_web: Installation
) -> None:
    content = drawn_image((32, 32), seed=102)
    submission = alice.submit({"signed.jpg": content})
    portal.wait_until_ended(submission)
    visitor = second_web.visitor()
    visitor.email = alice.email
    assert visitor.sign_in().ok
    for kind, path in media_links(portal, submission).items():
        answer = visitor.get(path, allow_redirects=False)
        assert answer.status_code == requests.codes.found, kind
        address = answer.headers["Location"]
        assert "X-Amz-Expires=60" in address
        handed = requests.get(address, timeout=10)
        assert handed.ok, kind
        if kind == "original":
            assert handed.content == content
            assert handed.headers["Content-Type"] == "application/octet-stream"
            assert handed.headers["Content-Disposition"].startswith("attachment")
        unsigned = requests.get(address.partition("?")[0], timeout=10)
        assert unsigned.status_code == requests.codes.forbidden, kind
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(address))
    policy = visitor.get("/submit/").headers["Content-Security-Policy"]
    assert f"img-src 'self' {origin}" in policy


def test_a_storage_that_is_away_is_told_and_nothing_is_lost(
    portal: Installation, alice: Visitor, gate: Gate
) -> None:
    portal.stop("inference")
    submission = alice.submit({"waits.jpg": drawn_image((32, 32), seed=103)})
    gate.shut()
    refused = alice.add_image(alice.open_submission(), "no.jpg", drawn_image((32, 32), seed=104))
    assert refused.status_code == requests.codes.service_unavailable
    assert "at the moment" in refused.text
    ready = requests.get(f"{portal.url}/health/ready/", timeout=30)
    assert ready.status_code == requests.codes.service_unavailable
    (link,) = alice.analysis_links(submission)
    assert alice.get(link).ok
    picture = alice.get(media_links(portal, submission)["preview"])
    assert picture.status_code == requests.codes.service_unavailable
    portal.start("inference")
    portal.wait_for_line("inference", "the storage cannot be reached")
    assert set(portal.states(submission)) <= {"queued", "running"}
    gate.open()
    assert portal.wait_until_ended(submission) == ["finished"]
    assert requests.get(f"{portal.url}/health/ready/", timeout=30).ok


def test_a_storage_that_denies_is_told_without_its_words(
    portal: Installation, alice: Visitor, s3: S3, bucket: str
) -> None:
    submission = alice.open_submission()
    before = s3.names(bucket)
    with s3.denying():
        refused = alice.add_image(submission, "no.jpg", drawn_image((32, 32), seed=105))
    assert refused.status_code == requests.codes.service_unavailable
    assert "InvalidAccessKeyId" not in refused.text
    assert "the storage refuses" in portal.log("web")
    assert portal.states(submission) == []
    assert s3.names(bucket) <= before
    assert alice.add_image(submission, "yes.jpg", drawn_image((32, 32), seed=105)).ok
    assert portal.wait_until_ended(submission) == ["finished"]


def test_after_an_account_is_deleted_the_bucket_holds_nothing_of_it(
    portal: Installation, alice: Visitor, s3: S3, bucket: str
) -> None:
    left_before = {name for name in s3.names(bucket) if not name.startswith("models/")}
    bob = portal.visitor().sign_up("bob@example.org")
    files = {
        "large.jpg": drawn_image((600, 400), seed=106),
        "small.jpg": drawn_image((32, 32), seed=107),
    }
    submission = bob.submit(files)
    portal.wait_until_ended(submission)
    ((image,), *_) = portal.rows(
        "SELECT i.public_id FROM detection_submittedimage i"
        " JOIN detection_submission s ON s.id = i.submission_id WHERE s.public_id = %s",
        submission,
    )
    assert bob.post(f"/images/{image}/views/ask/").ok
    query = "SELECT state FROM detection_forensicviews"
    wait_for(lambda: portal.rows(query) == [("finished",)], "the views", timeout=90)
    made = {name for name in s3.names(bucket) if not name.startswith("models/")} - left_before
    assert len(made) >= 9, made
    assert bob.post("/account/delete/", {"password": PASSWORD}).ok
    assert {name for name in s3.names(bucket) if not name.startswith("models/")} == left_before
    assert portal.rows("SELECT COUNT(*) FROM detection_leftover") == [(0,)]


def test_the_web_process_stays_light(portal: Installation, alice: Visitor) -> None:
    for path in ("/history/", "/guide/", "/account/"):
        assert alice.get(path).ok
    for process in psutil.Process(portal.pid("web")).children(recursive=True):
        assert process.memory_info().rss <= MOST_BYTES
    assert psutil.Process(portal.pid("inference")).memory_info().rss <= MOST_BYTES + 50 * 1024**2
