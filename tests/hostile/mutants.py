"""Real photographs, or made ones where there are none, damaged and spliced."""

import random
import struct
import zipfile
from functools import cache

from PIL import Image, ImageFilter

from tests import images
from tests.data import DATA_ROOT
from tests.hostile.cases import EITHER, Cases, case
from tests.hostile.kinds import extension

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "HEIF")
COUNT = 4


@cache
def photographs() -> tuple[bytes, ...]:
    """A few JPEG files as they are on the web: of the data sets, or made if these are not there."""
    path = DATA_ROOT / "site" / "site.zip"
    if not path.is_file():
        return tuple(_made(seed) for seed in range(COUNT))
    with zipfile.ZipFile(path) as archive:
        files = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        return tuple(archive.read(name) for name in files[:: len(files) // COUNT][:COUNT])


@cache
def originals() -> dict[str, bytes]:
    """Pillow's name of each format -> a photograph in it, small enough to be handed in often."""
    found = {}
    for name, content in zip(FORMATS, photographs() * 2, strict=True):
        picture = images.opened(content).convert("RGB")
        picture.thumbnail((240, 240))
        found[name] = images.encoded(picture, name)
    found["JPEG"] = photographs()[0]
    return found


def damaged(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """The file with bits flipped, pieces exchanged, numbers at their limits, or spliced."""
    way = chance.choice((_flipped, _swapped, _numbered, _repeated, images_mutated))
    body = way(content, chance)
    if chance.random() < 0.2:
        other = chance.choice(others)
        cut = chance.random()
        body = body[: int(len(body) * cut)] + other[int(len(other) * cut) :]
    return body


def images_mutated(content: bytes, chance: random.Random) -> bytes:
    """Bytes changed, cut out, doubled, or the end cut off."""
    return images.mutated(content, chance.getrandbits(32))


def _flipped(content: bytes, chance: random.Random) -> bytes:
    body = bytearray(content)
    # Mostly where the headers are.
    reach = min(len(body), chance.choice((64, 700, len(body))))
    for _ in range(chance.choice((1, 3, 20, 200))):
        body[chance.randrange(reach)] ^= 1 << chance.randrange(8)
    return bytes(body)


def _swapped(content: bytes, chance: random.Random) -> bytes:
    a, b, c = sorted(chance.randrange(len(content)) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def _numbered(content: bytes, chance: random.Random) -> bytes:
    body = bytearray(content)
    reach = min(len(body) - 4, chance.choice((64, 700, len(body) - 4)))
    for _ in range(chance.randint(1, 6)):
        form = chance.choice(("<H", ">H", "<I", ">I"))
        most = (1 << 8 * struct.calcsize(form)) - 1
        number = chance.choice((0, 1, 255, 7000, most // 2, most))
        struct.pack_into(form, body, chance.randrange(reach), number & most)
    return bytes(body)


def _repeated(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    piece = content[at : at + chance.randint(1, 400)]
    return content[:at] + piece * chance.choice((2, 30, 1000)) + content[at:]


def mutants(each: int = 6) -> Cases:
    """Some of each format, always the same."""
    chance = random.Random(8)
    whole = originals()
    others = list(whole.values())
    return {
        f"mutant: {name} {number}": case(
            damaged(content, others, chance),
            EITHER | {"disguised_document"},
            f"a.{extension(name)}",
        )
        for name, content in whole.items()
        for number in range(each)
    }


def _made(seed: int) -> bytes:
    grain = Image.effect_noise((448, 448), 40 + seed)
    blurred = [grain.filter(ImageFilter.GaussianBlur(1 + at)) for at in range(3)]
    return images.encoded(Image.merge("RGB", blurred), "JPEG", quality=92)
