"""The camera's own small picture is compared with the large one, however it was put in."""

import io

import pytest
from PIL import Image, ImageOps

from detection.perceptual import perceptual_hash
from tests import images, metadata
from tests.findings import examined_within_bounds, found, unreadable

SIZE = (480, 320)


def scene(seed: int) -> Image.Image:
    """A picture with large shapes, unlike that of any other seed."""
    return images.picture((6, 4), seed=seed).resize(SIZE, Image.Resampling.BICUBIC)


def small(picture: Image.Image, *, boxed: bool = False) -> bytes:
    """A thumbnail as cameras make it, with black bars up to 4:3 or without."""
    if not boxed:
        return images.encoded(picture.resize((160, 160 * picture.height // picture.width)), "JPEG")
    return images.encoded(ImageOps.pad(picture, (160, 120), color="black"), "JPEG")


def upright(content: bytes) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")


def examined(content: bytes) -> dict[str, object]:
    picture = upright(content)
    return dict(found(content, size=picture.size, shape=perceptual_hash(picture)))


@pytest.mark.parametrize("boxed", [False, True])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_same_picture_is_no_finding(boxed: bool, orientation: int) -> None:
    for seed in range(3):
        content = metadata.camera_file(
            scene(seed), thumbnail=small(scene(seed), boxed=boxed), orientation=orientation
        )
        assert "thumbnail_differs" not in examined(content)


@pytest.mark.parametrize("boxed", [False, True])
def test_another_picture_raises_doubt(boxed: bool) -> None:
    content = metadata.camera_file(scene(1), thumbnail=small(scene(2), boxed=boxed))
    picture = upright(content)
    finding = found(content, size=SIZE, shape=perceptual_hash(picture))["thumbnail_differs"]
    assert (finding.kind, finding.strength, finding.leaning) == ("thumbnail", "weak", "doubt")


def test_a_slight_crop_or_another_brightness_is_no_finding() -> None:
    picture = scene(5)
    cropped = picture.crop((8, 6, 472, 314)).point(
        [min(255, value + 12) for value in range(256)] * 3
    )
    assert "thumbnail_differs" not in examined(
        metadata.camera_file(cropped, thumbnail=small(picture))
    )


def test_without_a_shape_nothing_is_compared() -> None:
    content = metadata.camera_file(scene(1), thumbnail=small(scene(2)))
    assert "thumbnail_differs" not in found(content, size=SIZE)
    assert "thumbnail_differs" not in found(content, size=SIZE, shape=0)


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (images.image_file("JPEG", (2000, 16)), "2000 x 16"),
        (images.png_bomb(2_000, 2_000), "no sound JPEG"),
        (b"not a picture at all", "no sound JPEG"),
        (images.image_file("JPEG", (160, 120))[:1500], "no sound JPEG"),
        (images.image_file("PNG", (160, 120)), "no sound JPEG"),
    ],
    ids=["huge", "bomb", "text", "cut off", "png"],
)
def test_a_lying_thumbnail_is_told_and_costs_nothing(lie: bytes, reason: str) -> None:
    content = metadata.camera_file(scene(1), thumbnail=lie)
    findings = examined_within_bounds(content, "JPEG", size=SIZE, shape=1234567)
    assert [reason in sentence for sentence in unreadable(findings)] == [True]
    assert "camera_record" in {each.code for each in findings}


def test_a_header_that_claims_a_giant_is_not_decoded() -> None:
    giant = bytearray(images.image_file("JPEG", (160, 120)))
    at = giant.index(b"\xff\xc0") + 5
    giant[at : at + 4] = b"\xff\xdc\xff\xdc"
    content = metadata.camera_file(scene(1), thumbnail=bytes(giant))
    findings = examined_within_bounds(content, "JPEG", size=SIZE, shape=1234567)
    assert "claims to be a giant" in unreadable(findings)[0]
