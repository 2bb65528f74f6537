"""Two analyses side by side: facts in rows, findings by code, and how alike the images are."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format

from detection.findings import STRENGTHS, Finding, Kind, Strength
from detection.models import Analysis, SubmittedImage
from detection.perceptual import NEAR, SHAPELESS, distance

KINDS: dict[Kind, str] = {
    "credentials": "Content Credentials",
    "generator": "Traces of a generator",
    "declaration": "What the file declares",
    "camera": "Camera",
    "editing": "Editing",
    "compression": "Compression",
    "screenshot": "Screenshot",
    "thumbnail": "Small preview in the file",
    "unreadable": "What could not be read",
}
STRENGTH_WORDS: dict[Strength, str] = {
    "conclusive": "Conclusive",
    "strong": "Strong",
    "moderate": "Moderate",
    "weak": "Hint",
    "context": "Good to know",
}
# Beyond near-copies, up to here, a picture may be a version of the other: two pictures that have
# nothing to do with each other differ in half of the bits, and hardly ever in so few.
SIMILAR = 10
# Of a hash, as many characters as an eye compares; whether all agree is said beside them.
HASH_SHOWN = 12
# An image so many times as large as the other would leave of that one only a dot.
SAME_SCALE_UP_TO = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One fact on both images; empty where it is not known."""

    name: str
    left: str
    right: str

    @property
    def differs(self) -> bool:
        """Tell whether both are known and not the same."""
        return self.left != self.right


@dataclass(frozen=True, slots=True)
class FindingRow:
    """What was found under one code in either image; `None` where it was not."""

    code: str
    left: Finding | None
    right: Finding | None

    @property
    def cells(self) -> list[tuple[str, str]]:
        """How strong it is, in a word, and what it says; both empty where it was not found."""
        return [
            (STRENGTH_WORDS[one.strength], one.sentence) if one else ("", "")
            for one in (self.left, self.right)
        ]

    @property
    def name(self) -> str:
        """What kind of evidence it is, in words."""
        return next(KINDS[one.kind] for one in (self.left, self.right) if one)

    @property
    def differs(self) -> bool:
        """Tell whether the images differ in it by more than the details."""
        said, other = self.cells
        return said != other


@dataclass(frozen=True, slots=True)
class Pane:
    """One image in its frame: the part of the plane that the frame shows, and where the image lies.

    All are pixels of the upright images. Two frames that show equally much have one scale.
    """

    analysis: Analysis
    width: int
    height: int
    left: float
    top: float


@dataclass(frozen=True, slots=True)
class Compared:
    """All that the page shows of two analyses."""

    panes: tuple[Pane, Pane]
    is_same_scale: bool
    can_share_scale: bool
    facts: list[Row]
    findings: list[FindingRow]
    alike: str


def compared(left: Analysis, right: Analysis, *, fills: bool = False) -> Compared:
    """Set two analyses side by side, at one scale or, with `fills`, each as large as its frame."""
    can_share_scale = _ratio(left.image, right.image) <= SAME_SCALE_UP_TO
    is_same_scale = can_share_scale and not fills
    return Compared(
        panes=_panes(left, right, is_same_scale=is_same_scale),
        is_same_scale=is_same_scale,
        can_share_scale=can_share_scale and _size(left.image) != _size(right.image),
        facts=list(_facts(left, right)),
        findings=_findings(left, right),
        alike=alike(left.image, right.image),
    )


def alike(left: SubmittedImage, right: SubmittedImage) -> str:
    """Say how alike two images are; nothing where that was not measured."""
    if left.pk == right.pk:
        return "These are two looks at the same image."
    if left.sha256 == right.sha256:
        return "Both are the same file, byte for byte."
    shapes = (left.perceptual_hash, right.perceptual_hash)
    if None in shapes or SHAPELESS in shapes:
        return "These are two different files."
    bits = distance(*shapes)  # type: ignore[arg-type] # neither is None
    return f"Two different files. {_likeness(bits)}"


def _likeness(bits: int) -> str:
    if bits == 0:
        return (
            "Their coarse shapes are the same: most likely one picture, saved again, resized or "
            "changed in small places only."
        )
    differ = f"Their coarse shapes differ in {bits} of 64 bits"
    if bits <= NEAR:
        return f"{differ}: most likely one picture, saved again, resized or slightly changed."
    if bits <= SIMILAR:
        return (
            f"{differ}: they may be two versions of one picture, or two pictures that look alike."
        )
    return (
        f"{differ}: two different pictures. A copy that was cropped, turned or mirrored would "
        "differ as much."
    )


def _facts(left: Analysis, right: Analysis) -> Iterator[Row]:
    pair = (left, right)

    def row(name: str, *values: str) -> Row:
        return Row(name, *values)

    yield row("Verdict", *(_verdict(one) for one in pair))
    yield row("Certainty", *(one.get_certainty_display() for one in pair))
    yield row("Probability of AI", *(_percent(one) for one in pair))
    yield row("Model", *(str(one.model_version or "none") for one in pair))
    yield row("Format", *(one.image.format for one in pair))
    yield row("Pixels", *(_size(one.image) for one in pair))
    yield row("Size", *(_bytes(one.image) for one in pair))
    yield row("SHA-256", *(f"{one.image.sha256[:HASH_SHOWN]}…" for one in pair))
    yield row("Handed in", *(_moment(one.image) for one in pair))


def _verdict(analysis: Analysis) -> str:
    return analysis.get_verdict_display() or analysis.get_state_display()


def _percent(analysis: Analysis) -> str:
    return f"{analysis.percent_fake:.1f} %" if analysis.shows_number else ""


def _size(image: SubmittedImage) -> str:
    return f"{image.width:,} \N{MULTIPLICATION SIGN} {image.height:,}"


def _bytes(image: SubmittedImage) -> str:
    exactly = f"{image.byte_size:,} bytes"
    return exactly if image.byte_size < 1024 else f"{filesizeformat(image.byte_size)} ({exactly})"


def _moment(image: SubmittedImage) -> str:
    return date_format(timezone.localtime(image.created_at), "j M Y, H:i T")


def _findings(left: Analysis, right: Analysis) -> list[FindingRow]:
    """Pair the findings by code, the strongest first; of several of one code the strongest."""
    sides = (_by_code(left), _by_code(right))
    rows = [FindingRow(code, *(side.get(code) for side in sides)) for code in sides[0] | sides[1]]
    return sorted(rows, key=_rank)


def _by_code(analysis: Analysis) -> dict[str, Finding]:
    found: dict[str, Finding] = {}
    for one in map(Finding.from_json, analysis.findings):
        found.setdefault(one.code, one)
    return found


def _rank(row: FindingRow) -> int:
    return min(STRENGTHS.index(one.strength) for one in (row.left, row.right) if one)


def _panes(left: Analysis, right: Analysis, *, is_same_scale: bool) -> tuple[Pane, Pane]:
    images = (left.image, right.image)
    width, height = max(one.width for one in images), max(one.height for one in images)

    def pane(analysis: Analysis) -> Pane:
        image = analysis.image
        wide, tall = (width, height) if is_same_scale else (image.width, image.height)
        return Pane(analysis, wide, tall, (wide - image.width) / 2, (tall - image.height) / 2)

    return pane(left), pane(right)


def _ratio(left: SubmittedImage, right: SubmittedImage) -> float:
    """Return how many times as large the longer side of one image is as that of the other."""
    small, large = sorted(max(one.width, one.height) for one in (left, right))
    return large / small
