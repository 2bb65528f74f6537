"""How strongly a JPEG was compressed, from its quantisation tables."""

from collections.abc import Iterator

from detection.findings import Detail, Finding
from detection.provenance.containers import Jpeg
from detection.provenance.facts import Facts

# Below these, traces of generators and cameras alike are mostly gone.
STRONG_BELOW_PHOTO, STRONG_BELOW_SMALL = 60, 40
PHOTO_SIDE = 128  # pixels of the shorter side

# The example tables of the JPEG standard (ITU-T T.81, annex K) in zigzag order. The Independent
# JPEG Group's library, which most programs use, scales them by its quality from 1 to 100.
_LUMINANCE = (
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37,
    29, 40, 58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
    95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
)  # fmt: skip
_CHROMINANCE = (
    17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, *(99,) * 48,
)  # fmt: skip
_SAMPLINGS: dict[tuple[tuple[int, int], ...], str] = {
    ((1, 1), (1, 1), (1, 1)): "4:4:4",
    ((2, 1), (1, 1), (1, 1)): "4:2:2",
    ((2, 2), (1, 1), (1, 1)): "4:2:0",
    ((1, 2), (1, 1), (1, 1)): "4:4:0",
    ((4, 1), (1, 1), (1, 1)): "4:1:1",
}


def scaled(table: tuple[int, ...], quality: int) -> tuple[int, ...]:
    """Return a table as the IJG's library scales it to a quality from 1 to 100."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(min(max((step * percent + 50) // 100, 1), 255) for step in table)


_BY_QUALITY = {quality: scaled(_LUMINANCE, quality) for quality in range(1, 101)}
_EXACT = {table: quality for quality, table in _BY_QUALITY.items()}


def quality(jpeg: Jpeg) -> tuple[int, bool] | None:
    """Return the IJG's quality that comes nearest, 1 to 100, and whether it is met exactly.

    None where the file has no table for luminance.
    """
    table = jpeg.tables.get(0)
    if table is None:
        return None
    exact = _EXACT.get(table)
    if exact is None:
        return min(_BY_QUALITY, key=lambda each: _apart(table, _BY_QUALITY[each])), False
    return exact, jpeg.tables.get(1) in (None, scaled(_CHROMINANCE, exact), table)


def _apart(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Compare by ratios: a step of 2 instead of 1 halves the quality, 99 or 98 are the same."""
    return sum(max(a, b) / max(min(a, b), 1) for a, b in zip(one, other, strict=True))


def find(facts: Facts) -> Iterator[Finding]:
    """Yield one finding on how a JPEG was saved."""
    found = quality(facts.jpeg) if facts.jpeg else None
    if facts.jpeg is None or found is None:
        return
    value, is_standard = found
    is_photo = min(facts.width, facts.height) >= PHOTO_SIDE
    is_strong = value < (STRONG_BELOW_PHOTO if is_photo else STRONG_BELOW_SMALL)
    details = (
        Detail("Quality", f"{value}" if is_standard else f"about {value}"),
        Detail("Tables", "the usual ones (IJG)" if is_standard else "of the encoder's own"),
        Detail("Colour sampling", _SAMPLINGS.get(facts.jpeg.sampling, "grey or unusual")),
        Detail("Progressive", "yes" if facts.jpeg.is_progressive else "no"),
        Detail("Adobe's marker", "yes" if facts.jpeg.has_adobe_marker else "no"),
    )
    about = f"{'' if is_standard else 'about '}{value} of 100"
    if is_strong:
        yield Finding(
            "compression", "strongly_compressed", "JPEG tables", "weak", "doubt",
            f"The picture was saved at a quality of {about}. So strong a compression wipes out "
            "the fine traces that a verdict rests on.", details,
        )  # fmt: skip
    else:
        yield Finding(
            "compression", "compression", "JPEG tables", "context", "neutral",
            f"The picture was saved as a JPEG at a quality of {about}. It may have been saved "
            "more strongly compressed before.", details,
        )  # fmt: skip
