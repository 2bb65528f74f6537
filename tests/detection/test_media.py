"""Private files: given to those who may see the image, in a form that no browser ever runs."""

import io

import pytest
from django.test import Client
from PIL import Image

from detection.models import Analysis
from portal.models import User
from tests import images, work

KINDS = ("thumbnail", "preview", "original")


@pytest.fixture
def analysis(alice: User) -> Analysis:
    """Alice's, of a large picture, with a heatmap."""
    content = images.image_file("JPEG", (600, 300))
    analysis = work.ended(work.queued(alice, content, name="Größe 🌄.jpg"))
    analysis.heatmap.save("", work.upload(images.plain("red")))
    return analysis


def addresses(analysis: Analysis) -> list[str]:
    image = analysis.image.public_id
    return [f"/images/{image}/{kind}/" for kind in KINDS] + [
        f"/analyses/{analysis.public_id}/heatmap/"
    ]


def test_every_file_forbids_all_that_a_page_could_do(as_alice: Client, analysis: Analysis) -> None:
    for path in addresses(analysis):
        answer = as_alice.get(path)
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert {part.strip() for part in answer["Cache-Control"].split(",")} == {
            *("private", "immutable", "max-age=86400"),
        }
        assert "Cookie" in answer["Vary"]


@pytest.mark.parametrize(("kind", "size"), [("thumbnail", (256, 128)), ("preview", (600, 300))])
def test_previews_are_pictures(
    as_alice: Client, analysis: Analysis, kind: str, size: tuple[int, int]
) -> None:
    answer = as_alice.get(f"/images/{analysis.image.public_id}/{kind}/")
    assert answer["Content-Type"] == "image/webp"
    assert Image.open(io.BytesIO(answer.getvalue())).size == size


def test_a_small_image_serves_as_its_own_thumbnail(as_alice: Client, alice: User) -> None:
    image = work.queued(alice).image
    thumbnail, preview = (
        as_alice.get(f"/images/{image.public_id}/{kind}/").getvalue()
        for kind in ("thumbnail", "preview")
    )
    assert thumbnail == preview


def test_the_original_is_a_download_bit_for_bit(as_alice: Client, analysis: Analysis) -> None:
    answer = as_alice.get(f"/images/{analysis.image.public_id}/original/")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe")
    assert answer.getvalue() == images.image_file("JPEG", (600, 300))


@pytest.mark.parametrize("name", ['a"b.png', "a\\b.png", "a;b.png", "a\r\nX: y.png"])
def test_a_name_cannot_break_out_of_its_header(as_alice: Client, alice: User, name: str) -> None:
    image = work.queued(alice, name=name).image
    answer = as_alice.get(f"/images/{image.public_id}/original/")
    assert answer["Content-Disposition"].startswith("attachment; filename")
    assert "X" not in answer.headers


def test_a_file_that_is_gone_is_not_found(as_alice: Client, analysis: Analysis) -> None:
    for file in work.media_files():
        file.unlink()
    for path in addresses(analysis):
        assert as_alice.get(path).status_code == 404


def test_an_analysis_without_a_heatmap(as_alice: Client, alice: User) -> None:
    analysis = work.queued(alice)
    assert as_alice.get(f"/analyses/{analysis.public_id}/heatmap/").status_code == 404


def test_strangers_and_others_get_nothing_that_a_cache_may_keep(
    client: Client, as_charlie: Client, analysis: Analysis
) -> None:
    for path in addresses(analysis):
        assert client.get(path).status_code == 302
        answer = as_charlie.get(path)
        assert answer.status_code == 404
        assert "immutable" not in answer.get("Cache-Control", "")


def test_nothing_leads_to_the_media_folder(as_admin: Client, analysis: Analysis) -> None:
    for image_path in (analysis.image.original.name, analysis.heatmap.name):
        for prefix in ("/media/", "/no-public-media/", "/"):
            assert as_admin.get(f"{prefix}{image_path}").status_code == 404
