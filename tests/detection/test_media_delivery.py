"""Files get to a browser in three ways, each after it was asked who is asking."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from django.test import Client
from pytest_django import Settings

from detection.models import Analysis
from portal.models import User
from portal.storage_address import ObjectAddress
from tests import images, work

BUCKET = ObjectAddress("http://127.0.0.1:1", "veripix", "key", "half", "us-east-1", True, "kept")
PUBLIC = "https://files.example.org"


@pytest.fixture
def analysis(alice: User) -> Analysis:
    """Alice's, with a heatmap."""
    content = images.image_file("JPEG", (600, 300))
    analysis = work.ended(work.queued(alice, content, name='Größe "1".jpg'))
    analysis.heatmap.save("", work.upload(images.plain("red")))
    return analysis


@pytest.fixture
def by_address(analysis: Analysis, settings: Settings) -> None:
    """Signed addresses, of a storage that nobody has to reach for that."""
    settings.MEDIA_DELIVERY = "redirect"
    backend = "portal.object_storage.ObjectStorage"
    options = BUCKET.options(public=PUBLIC, seconds=60)
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend, "OPTIONS": options}}


@pytest.fixture
def by_proxy(analysis: Analysis, settings: Settings) -> None:
    """The proxy in front reads the folder."""
    settings.MEDIA_DELIVERY = "accel"


def paths(analysis: Analysis) -> list[str]:
    image = f"/images/{analysis.image.public_id}/"
    kinds = ("thumbnail", "preview", "original")
    return [*(f"{image}{kind}/" for kind in kinds), f"/analyses/{analysis.public_id}/heatmap/"]


def queried(answer: Any) -> dict[str, str]:
    """What a signed address says."""
    return {name: value[0] for name, value in parse_qs(urlsplit(answer["Location"]).query).items()}


@pytest.mark.usefixtures("by_address")
def test_an_address_is_signed_and_holds_for_a_minute(as_alice: Client, analysis: Analysis) -> None:
    for path in paths(analysis):
        answer = as_alice.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith(f"{PUBLIC}/veripix/kept/")
        said = queried(answer)
        assert said["X-Amz-Expires"] == "60"
        assert said["X-Amz-Signature"] == signature(answer["Location"], said["X-Amz-Date"])
        assert b"half" not in answer.content
        assert "half" not in answer["Location"]
        # Never kept longer than the address holds.
        assert "max-age=30" in answer["Cache-Control"]
        assert "private" in answer["Cache-Control"]


def signature(address: str, moment: str) -> str:
    """The signature that this key gives this address at this moment, without the portal's code."""
    bare, _, query = address.partition("?")
    given = [part for part in query.split("&") if not part.startswith("X-Amz-")]
    request = AWSRequest("GET", f"{bare}?{'&'.join(given)}")
    request.context["timestamp"] = moment
    signer = S3SigV4QueryAuth(Credentials("key", "half"), "s3", "us-east-1", expires=60)
    at = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda **_: at, raising=False)
        signer.add_auth(request)
    return str(parse_qs(urlsplit(request.url).query)["X-Amz-Signature"][0])


@pytest.mark.usefixtures("by_address")
def test_an_address_says_what_the_portal_knows_and_not_the_uploader(
    as_alice: Client, analysis: Analysis
) -> None:
    thumbnail, _, original, heatmap = (queried(as_alice.get(path)) for path in paths(analysis))
    assert thumbnail["response-content-type"] == "image/webp"
    assert heatmap["response-content-type"] == "image/png"
    assert original["response-content-type"] == "application/octet-stream"
    assert original["response-content-disposition"].startswith("attachment; filename")


@pytest.mark.parametrize("way", ["by_address", "by_proxy"])
def test_nobody_else_gets_an_address(
    request: pytest.FixtureRequest, as_charlie: Client, client: Client, analysis: Analysis, way: str
) -> None:
    request.getfixturevalue(way)
    for path in paths(analysis):
        for somebody, status in ((as_charlie, 404), (client, 302)):
            answer = somebody.get(path)
            assert answer.status_code == status
            assert "X-Accel-Redirect" not in answer
            assert "X-Amz-Signature" not in answer.get("Location", "")


@pytest.mark.usefixtures("by_proxy")
def test_the_proxy_is_told_the_file_its_type_and_its_name(
    as_alice: Client, analysis: Analysis
) -> None:
    thumbnail, _, original, heatmap = (as_alice.get(path) for path in paths(analysis))
    assert thumbnail["X-Accel-Redirect"] == f"/no-public-media/{analysis.image.thumbnail.name}"
    assert heatmap["Content-Type"] == "image/png"
    assert original["Content-Type"] == "application/octet-stream"
    assert original["Content-Disposition"].startswith("attachment; filename*=utf-8''Gr")
    for answer in (thumbnail, original, heatmap):
        assert answer.content == b""
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.usefixtures("by_proxy")
def test_the_proxy_is_not_sent_for_a_file_that_is_gone(
    as_alice: Client, analysis: Analysis
) -> None:
    for file in work.media_files():
        file.unlink()
    for path in paths(analysis):
        assert as_alice.get(path).status_code == 404


def test_the_content_type_of_an_object_is_by_its_name_alone() -> None:
    from portal.object_storage import ObjectStorage

    options: dict[str, Any] = BUCKET.options(public="", seconds=60)
    storage = ObjectStorage(**options)
    upload = work.upload(b"<script>", "page.html")
    upload.content_type = "text/html"
    for name, expected in (
        ("originals/a.bin", "application/octet-stream"),
        ("previews/a.webp", "image/webp"),
        ("heatmaps/a.png", "image/png"),
        ("items/a.html", "application/octet-stream"),
    ):
        written = storage._get_write_parameters(name, upload)
        assert written["ContentType"] == expected
        assert "ACL" not in written
