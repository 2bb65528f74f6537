"""The verdict page tells of earlier images that are the same, or nearly so, and their verdicts."""

import io

import pytest
from django.test import Client
from PIL import Image
from pytest_django import DjangoAssertNumQueries, Settings

from detection import perceptual
from detection.models import ModelVersion, SubmittedImage
from detection.services.intake import images_delete
from detection.services.seen_before import MOST, Sighting, sightings
from portal.models import User
from tests import images, work


def drawn(seed: int = 0) -> Image.Image:
    """A picture of soft shapes: resized or compressed it keeps its perceptual hash."""
    return images.picture((9, 9), seed=seed).resize((90, 90), Image.Resampling.BICUBIC)


def as_jpeg(picture: Image.Image, quality: int = 85) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def seen(owner: User, content: bytes) -> list[Sighting]:
    """What is found for an image that this person hands in now."""
    return sightings(image=work.queued(owner, content).image, user=owner)


def test_the_same_file_is_found_with_its_verdict(alice: User, model: ModelVersion) -> None:
    earlier = work.analysed(alice)
    (sighting,) = seen(alice, images.plain(work.RED))
    assert sighting.is_same_file
    assert sighting.is_own
    assert (sighting.analysis, sighting.verdict) == (earlier, "likely_ai")
    assert sighting.seen_at == earlier.image.created_at


def test_nearly_the_same_picture_is_found(alice: User) -> None:
    work.queued(alice, as_jpeg(drawn()))
    smaller = drawn().resize((70, 70), Image.Resampling.BICUBIC)
    for other in (as_jpeg(drawn(), 40), as_jpeg(smaller)):
        (sighting, *_) = seen(alice, other)
        assert not sighting.is_same_file
        assert sighting.differing_bits <= perceptual.NEAR
        assert sighting.verdict == ""
    assert seen(alice, as_jpeg(drawn(seed=1))) == []


def test_the_same_file_comes_first_and_the_list_ends(alice: User) -> None:
    for quality in range(60, 80, 2):
        work.queued(alice, as_jpeg(drawn(), quality))
    found = seen(alice, as_jpeg(drawn(), 60))
    assert len(found) == MOST + 1
    assert [sighting.is_same_file for sighting in found] == [True, *[False] * MOST]


def test_plain_surfaces_are_like_nothing(alice: User) -> None:
    work.queued(alice, images.plain(work.BLUE))
    assert seen(alice, images.plain(work.GREY)) == []


def test_only_earlier_images_are_told(alice: User) -> None:
    first = work.queued(alice)
    work.queued(alice)
    assert sightings(image=first.image, user=alice) == []


def test_what_was_deleted_is_not_told(alice: User) -> None:
    earlier = work.queued(alice)
    images_delete(images=[earlier.image])
    assert seen(alice, images.plain(work.RED)) == []


def test_other_peoples_images_are_told_by_setting_alone_and_without_a_way_to_them(
    alice: User, charlie: User, model: ModelVersion, settings: Settings
) -> None:
    work.analysed(alice)
    assert seen(charlie, images.plain(work.RED)) == []
    settings.SEEN_BEFORE = "installation"
    (own, theirs) = seen(charlie, images.plain(work.RED))
    assert (own.is_own, theirs.is_own) == (True, False)
    assert (theirs.analysis, theirs.image, theirs.verdict) == (None, None, "likely_ai")


def test_images_from_before_hashes_were_kept_are_found_by_their_file(alice: User) -> None:
    work.queued(alice, as_jpeg(drawn()))
    no_bands: dict[str, None] = {f"band_{number}": None for number in range(4)}
    SubmittedImage.objects.update(perceptual_hash=None, **no_bands)
    assert [sighting.is_same_file for sighting in seen(alice, as_jpeg(drawn()))] == [True]
    SubmittedImage.objects.update(perceptual_hash=None, **no_bands)
    assert seen(alice, as_jpeg(drawn(), 40)) == []


def test_it_asks_the_database_as_often_for_many_as_for_one(
    alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for quality in range(60, 80):
        work.queued(alice, as_jpeg(drawn(), quality))
    image = work.queued(alice, as_jpeg(drawn(), 90)).image
    with django_assert_max_num_queries(6):
        sightings(image=image, user=alice)


@pytest.mark.parametrize("value", [0, 1, -1, 2**62, -(2**63), 0x1234_5678_9ABC_DEF0])
def test_bands_and_distances_are_of_the_64_bits(value: int) -> None:
    bands = perceptual.bands(value)
    assert len(bands) == perceptual.NEAR + 1
    assert sum(band << (16 * place) for place, band in enumerate(bands)) == value % 2**64
    assert perceptual.distance(value, value) == 0
    assert perceptual.distance(value, ~value) == 64


def test_the_page_tells_it(as_alice: Client, alice: User, model: ModelVersion) -> None:
    first = work.analysed(alice)
    second = work.analysed(alice)
    page = as_alice.get(f"/analyses/{second.public_id}/").text
    assert "Seen before" in page
    assert "The same file" in page
    assert f'href="/analyses/{first.public_id}/"' in page
    assert f'href="/compare/?a={first.public_id}&amp;b={second.public_id}"' in page
    assert page.count(f"/images/{first.image.public_id}/thumbnail/") == 1
    assert "more than 5" not in page
    assert "Seen before" not in as_alice.get(f"/analyses/{first.public_id}/").text


def test_the_page_says_that_there_are_more(
    as_alice: Client, alice: User, model: ModelVersion
) -> None:
    *_, last = [work.analysed(alice) for _ in range(MOST + 2)]
    page = as_alice.get(f"/analyses/{last.public_id}/").text
    assert page.count('data-testid="sighting"') == MOST
    assert "There are more than 5; these are the nearest." in page
