"""A large image can be looked at with its own pixels: by its owner, and without metadata."""

import pytest
from django.test import Client

from detection.models import Analysis, ForensicViews
from detection.services import intake
from detection.services.forensic_views import views_request, views_run
from portal.models import User
from tests import images, metadata, work
from tests.fixtures import Committed
from tests.scenes import scene


def drawn(owner: User, content: bytes) -> Analysis:
    """The finished analysis of an image whose views are drawn."""
    analysis = work.ended(work.queued(owner, content, name="a.jpg"))
    views_request(image=analysis.image)
    assert views_run(views_id=ForensicViews.objects.get(image=analysis.image).pk)
    return analysis


@pytest.fixture
def large(alice: User) -> Analysis:
    """Of a photograph that is larger than its preview, with its camera's record."""
    return drawn(alice, metadata.camera_file(scene((1500, 1000))))


def address(analysis: Analysis) -> str:
    return f"/images/{analysis.image.public_id}/full/"


def test_it_has_the_images_own_pixels_and_tells_nothing_else(
    as_alice: Client, large: Analysis
) -> None:
    answer = as_alice.get(address(large))
    assert answer["Content-Type"] == "image/webp"
    picture = images.opened(answer.getvalue())
    assert picture.size == (1500, 1000)
    assert not picture.getexif()
    assert "xmp" not in picture.info
    assert b"Exif" not in answer.getvalue()


def test_it_is_private(as_charlie: Client, client: Client, large: Analysis) -> None:
    assert as_charlie.get(address(large)).status_code == 404
    assert client.get(address(large)).status_code == 302


def test_the_card_of_the_views_tells_the_page_of_it(as_alice: Client, large: Analysis) -> None:
    page = as_alice.get(f"/analyses/{large.public_id}/").text
    assert f'data-full-picture="{address(large)}"' in page
    assert page.count("data-stage-sharpens") == 1
    assert page.count("data-stage-window") == 2


def test_a_small_image_needs_none(as_alice: Client, alice: User) -> None:
    small = drawn(alice, images.image_file("PNG"))
    assert not ForensicViews.objects.get().full
    assert as_alice.get(address(small)).status_code == 404
    assert "data-full-picture" not in as_alice.get(f"/analyses/{small.public_id}/").text


def test_it_goes_with_its_image(large: Analysis, committed: Committed) -> None:
    names = {path.name for path in work.media_files()}
    stored = ForensicViews.objects.get()
    assert len(stored.stored_names) == 5
    assert (stored.full.name or "").rpartition("/")[2] in names
    with committed():
        intake.images_delete(images=[large.image])
    assert work.media_files() == set()
