"""Images that nobody has handed in before, each known by the hash of its file."""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from tests.images import image_file

THUMBNAIL, PHOTOGRAPH = (32, 32), (200, 200)


@dataclass(frozen=True)
class Picture:
    """A file to hand in."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """What the portal knows it by."""
        return hashlib.sha256(self.content).hexdigest()


def pictures(*, photographs: int, first: int) -> Iterator[Picture]:
    """Thumbnails without end, with a photograph after every `photographs` of them (0: none)."""
    for number in itertools.count(first):
        is_photograph = photographs and number % photographs == photographs - 1
        size = PHOTOGRAPH if is_photograph else THUMBNAIL
        yield Picture(f"{number:06d}.jpg", image_file("JPEG", size, seed=number))
