"""What the file says is stored with its verdict; the picture that was signed is encoded anew."""

import io

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from detection.findings import Finding
from detection.models import ModelVersion
from detection.services.evidence import file_examine, thumbnail_store
from portal.models import User
from tests import images, work


def test_findings_are_stored_with_the_analysis(alice: User, model: ModelVersion) -> None:
    analysis = work.analysed(alice, images.with_metadata("JPEG"), name="holiday.jpg")
    assert analysis.findings
    found = [Finding.from_json(stored) for stored in analysis.findings]
    assert [finding.as_json() for finding in found] == analysis.findings
    strengths = ["conclusive", "strong", "moderate", "weak", "context"]
    order = [strengths.index(finding.strength) for finding in found]
    assert order == sorted(order)


def test_a_photograph_without_a_model_has_findings_too(alice: User) -> None:
    analysis = work.analysed(alice, images.image_file("JPEG", (300, 200)))
    assert (analysis.verdict, analysis.code) == ("inconclusive", "no_validated_model")
    assert analysis.findings
    assert analysis.would_change


@pytest.mark.parametrize("name", sorted(images.FORMATS))
def test_every_format_is_examined(name: str) -> None:
    content = images.image_file(name, (300, 200))
    evidence = file_examine(content=content, format=images.FORMATS[name], size=(300, 200))
    assert all(isinstance(finding, Finding) for finding in evidence.findings)
    assert evidence.thumbnail is None


def test_the_signed_picture_is_kept_small_and_without_what_it_carries(alice: User) -> None:
    name = thumbnail_store(name="previews/a.webp", thumbnail=images.with_metadata("JPEG"))
    with default_storage.open(name) as file:
        content = file.read()
    assert images.PLACE.encode() not in content
    assert b"Alice Adams" not in content
    stored = Image.open(io.BytesIO(content))
    assert (stored.format, stored.size) == ("WEBP", (48, 32))
    wide = images.image_file("PNG", (1200, 900))
    large = thumbnail_store(name="previews/b.webp", thumbnail=wide)
    with default_storage.open(large) as file:
        assert Image.open(io.BytesIO(file.read())).size == (512, 384)


@pytest.mark.parametrize(
    "thumbnail",
    [
        *(None, b"", b"no picture", images.png_bomb(), images.image_file("JPEG")[:300]),
        *(images.image_file("TIFF"), images.image_file("GIF")),
    ],
    ids=["none", "empty", "text", "bomb", "cut off", "TIFF", "GIF"],
)
def test_what_is_no_sound_small_picture_is_not_kept(alice: User, thumbnail: bytes | None) -> None:
    before = work.media_files()
    assert thumbnail_store(name="previews/a.webp", thumbnail=thumbnail) == ""
    assert work.media_files() == before
