"""Signs that a file is a picture of a screen: its size, what it lacks, and marks of programs.

One sign is a coincidence: many generators and editors make PNG files, some of a screen's size. Two
signs that agree are worth saying.
"""

import re
from collections.abc import Iterator

from detection.findings import Detail, Finding
from detection.provenance.camera import has_camera
from detection.provenance.facts import Facts
from detection.provenance.reading import shown

# Screens in points, shorter side first, and how many pixels their devices draw for one.
_POINTS = (
    (320, 568), (375, 667), (414, 736), (375, 812), (414, 896), (390, 844), (428, 926), (393, 852),
    (430, 932), (402, 874), (440, 956), (420, 912), (810, 1080), (820, 1180), (834, 1112),
    (834, 1194), (834, 1210), (744, 1133), (1024, 1366), (1032, 1376), (360, 780), (360, 800),
    (412, 915), (412, 892), (384, 854),
)  # fmt: skip
_FACTORS = (2, 3)
# In pixels: telephones, then portables and desktop screens. No size that cameras or generators
# commonly make is among them.
_PIXELS = (
    (720, 1560), (720, 1600), (828, 1792), (1080, 2160), (1080, 2220), (1080, 2280), (1080, 2310),
    (1080, 2316), (1080, 2340), (1080, 2376), (1080, 2400), (1080, 2408), (1080, 2412),
    (1080, 2424), (1080, 2460), (1008, 2244), (1220, 2712), (1280, 2856), (1344, 2992),
    (1440, 2880), (1440, 2960), (1440, 3040), (1440, 3088), (1440, 3120), (1440, 3200),
    (768, 1366), (900, 1440), (1050, 1680), (1600, 2560), (1664, 2560), (1800, 2880), (1864, 2880),
    (1912, 2940), (1920, 3072), (1964, 3024), (2234, 3456), (2520, 4480), (2880, 5120),
    (1440, 3440), (1440, 5120), (1504, 2256), (1824, 2736), (1664, 2496),
)  # fmt: skip
_OWN_SIZES = frozenset(_PIXELS) | {
    (factor * short, factor * long) for short, long in _POINTS for factor in _FACTORS
}
# Screens have these, and so have countless other pictures: they only back up a mark.
_COMMON_SIZES = frozenset(
    {(768, 1024), (720, 1280), (800, 1280), (1024, 1280), (900, 1600), (1080, 1920), (1200, 1920),
     (1440, 2560), (2160, 3840), (1536, 2048), (750, 1334), (1242, 2208)}
)  # fmt: skip

_MARK = re.compile(
    r"screen\s?shot|screen capture|bildschirmfoto|snipping tool|spectacle", re.IGNORECASE
)
_PROGRAMS = re.compile(
    r"gnome-screenshot|flameshot|greenshot|sharex|lightshot|snagit|ksnip|shutter\b|scrot"
    r"|snip & sketch",
    re.IGNORECASE,
)
_DISPLAY = re.compile(rb"Color LCD|Built-in|iMac|Studio Display|LG UltraFine", re.IGNORECASE)
_MAC_DENSITY = 5_669  # pixels per metre: the 144 dpi that macOS writes
_LOSSLESS = ("PNG",)


def find(facts: Facts) -> Iterator[Finding]:
    """Yield one finding where at least two signs agree."""
    mark = _mark(facts)
    size = tuple(sorted((facts.width, facts.height)))
    signs = [f"A program's mark: {mark}"] if mark else []
    if size in _OWN_SIZES or (mark and size in _COMMON_SIZES):
        signs.append(f"The size of a screen: {facts.width} x {facts.height}")
    if facts.format in _LOSSLESS and not has_camera(facts):
        signs.append("A PNG file without a camera's record")
    if _DISPLAY.search(facts.profile[:4096]):
        signs.append("The colour profile of a display")
    if facts.format in _LOSSLESS and facts.pixels_per_metre == _MAC_DENSITY:
        signs.append("The pixel density of screens")
    if len(signs) < 2 or has_camera(facts):
        return
    yield Finding(
        kind="screenshot",
        code="screenshot",
        source="size, format and texts",
        strength="moderate" if mark else "weak",
        leaning="doubt",
        sentence=(
            "This looks like a picture of a screen. What the screen showed has lost the traces of "
            "its making, so a verdict on it is worth less."
        ),
        details=tuple(Detail("Sign", sign) for sign in signs),
    )


def _mark(facts: Facts) -> str:
    """Return the short text that calls the file a screenshot, or nothing."""
    values = [text.value for text in facts.texts] + [facts.xmp.first("xmp:CreatorTool")]
    for value in values:
        # A prompt or a caption may speak of screenshots; a mark is short.
        if len(value) <= 60 and (_MARK.search(value) or _PROGRAMS.search(value)):
            return shown(value, 60)
    return ""
