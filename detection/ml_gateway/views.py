"""Draws the pictures to look at, and says what they tell beside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from detection.findings import Detail, Finding
from detection.ml_gateway.common import translated

if TYPE_CHECKING:
    from ml.recompression import Recompression


@dataclass(frozen=True, slots=True)
class DrawnViews:
    """What was drawn of one file.

    Attributes:
        pictures: A value of `ViewKind` -> WebP; of a large image "full" too, the image itself.
        findings: What the pixels told that were decoded for it.
    """

    pictures: Mapping[str, bytes]
    findings: tuple[Finding, ...]


def draw_views(source: bytes, *, max_pixels: int) -> DrawnViews:
    """Decode a file once and draw every view of it.

    Args:
        source: The file's bytes.
        max_pixels: Larger images are refused.

    Raises:
        GatewayError: With the code of `ml` when the file cannot be read.
    """
    from ml.views import draw

    with translated():
        views = draw(source, max_pixels=max_pixels)
    found = views.recompression
    is_likely = found is not None and found.is_likely
    return DrawnViews(views.pictures, (_compressed_twice(found),) if found and is_likely else ())


def _compressed_twice(found: "Recompression") -> Finding:
    agreeing = sum(step > 0 for step in found.steps)
    return Finding(
        kind="compression",
        code="compressed_twice",
        source="JPEG coefficients",
        strength="weak",
        leaning="neutral",
        sentence="The picture was probably saved as a JPEG before, more strongly compressed, and "
        "then once more. Messengers, websites and every editor do that; it tells nothing about AI.",
        details=(Detail("Patterns that show it", f"{agreeing} of {len(found.steps)}"),),
    )
