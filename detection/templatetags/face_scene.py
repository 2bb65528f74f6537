"""Sizes of what is drawn over an image to mark its faces, in the image's own pixels."""

from dataclasses import dataclass
from typing import Protocol

from django import template

register = template.Library()

# Of the image's longer side: large enough to be read where a telephone shows the whole image.
TAG_SHARE = 0.06


class _Image(Protocol):
    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...


@dataclass(frozen=True)
class FaceScene:
    """The side of a face's tag, and where in it its number stands and how large."""

    tag: float
    centre: float
    baseline: float
    text: float


@register.simple_tag
def face_scene(image: _Image) -> FaceScene:
    """Return the sizes for one image."""
    tag = round(TAG_SHARE * max(image.width, image.height), 1)
    return FaceScene(tag, round(tag / 2, 1), round(0.75 * tag, 1), round(0.72 * tag, 1))
