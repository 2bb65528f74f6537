"""What marks a face grows with the image, so that it is as large on every screen."""

from dataclasses import dataclass

import pytest

from detection.templatetags.face_scene import face_scene


@dataclass
class Picture:
    width: int
    height: int


@pytest.mark.parametrize("size", [(320, 320), (4000, 3000), (100, 2000)])
def test_the_number_stands_within_its_tag(size: tuple[int, int]) -> None:
    scene = face_scene(Picture(*size))
    assert scene.tag == pytest.approx(0.06 * max(size), abs=0.1)
    assert scene.centre == pytest.approx(scene.tag / 2, abs=0.1)
    assert scene.text < scene.baseline < scene.tag
