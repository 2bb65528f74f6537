"""Does the small picture within EXIF show what the large one shows?

Cameras put it in; a careless editor leaves it as it was.
"""

import io
from collections.abc import Iterator

from PIL import Image

from detection.findings import Detail, Finding
from detection.image_files import DAMAGE
from detection.perceptual import SHAPELESS, perceptual_hash
from detection.provenance.facts import Facts
from detection.provenance.unreadable import unreadable

MAX_SIDE = 1_024  # pixels
# Bits of 64. See the measurement in docs/findings.md: thumbnails of the same picture stay below,
# those of another one are seldom below.
MAX_APART = 20
_SOURCE = "The thumbnail"
# How to turn an image that is stored with this EXIF orientation upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def find(facts: Facts) -> Iterator[Finding]:
    """Yield a finding where the thumbnail shows something else, or cannot be read."""
    if not facts.exif.thumbnail or facts.shape is None or facts.shape == SHAPELESS:
        return
    try:
        image = Image.open(io.BytesIO(facts.exif.thumbnail), formats=["JPEG"])
        if max(image.size) > MAX_SIDE:
            yield unreadable(_SOURCE, f"it claims {image.width} x {image.height} pixels")
            return
        small = image.convert("RGB")
    except Image.DecompressionBombError:
        yield unreadable(_SOURCE, "it claims to be a giant")
        return
    except DAMAGE:
        yield unreadable(_SOURCE, "it is no sound JPEG")
        return
    apart = _apart(small, facts)
    if apart is None or apart <= MAX_APART:
        return
    yield Finding(
        kind="thumbnail",
        code="thumbnail_differs",
        source="EXIF thumbnail",
        strength="weak",
        leaning="doubt",
        sentence=(
            "The small picture that the camera put into the file shows something else than the "
            "large one. The large one was probably cropped, retouched or replaced since."
        ),
        details=(
            Detail("Size of the thumbnail", f"{small.width} x {small.height}"),
            Detail("Apart", f"{apart} of 64 coarse features"),
        ),
    )


def _apart(small: Image.Image, facts: Facts) -> int | None:
    """Return in how many of 64 bits the pictures differ, whichever way the thumbnail is meant."""
    hashes = []
    for turned in (small, _upright(small, facts)):
        hashes += [perceptual_hash(turned), perceptual_hash(_without_bars(turned, facts))]
    shaped = [each for each in hashes if each != SHAPELESS]
    shape = facts.shape or 0
    return min((((each ^ shape) & (1 << 64) - 1).bit_count() for each in shaped), default=None)


def _upright(small: Image.Image, facts: Facts) -> Image.Image:
    """Return it turned as the picture is; most cameras store both alike."""
    turn = _TURNS.get(int(facts.exif.number("Orientation") or 1))
    return small if turn is None else small.transpose(turn)


def _without_bars(small: Image.Image, facts: Facts) -> Image.Image:
    """Return what is left of a 4:3 thumbnail without the black bars around a wider picture."""
    width, height = small.size
    aspect = facts.width / facts.height
    inner_width = min(width, round(height * aspect)) or 1
    inner_height = min(height, round(width / aspect)) or 1
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    return small.crop((left, top, left + inner_width, top + inner_height))
