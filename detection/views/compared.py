"""Two analyses side by side: facts in rows, findings by code, and how alike the images are."""

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import shorten

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format

from detection.findings import STRENGTHS, Finding, Kind, Strength
from detection.models import Analysis, SubmittedImage
from detection.perceptual import NEAR, SHAPELESS, distance
from detection.services.findings_told import findings_told
from detection.views.findings import glimpse

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
# Headings by code, where one kind has several codes: no two rows are to be called the same.
HEADINGS = {
    "signed_ai": "Signed: made by AI",
    "signed_ai_parts": "Signed: parts made by AI",
    "signed_capture": "Signed: taken with a camera",
    "signed": "Signed",
    "unknown_signer_ai": "Unknown signer: made by AI",
    "unknown_signer": "Unknown signer",
    "ended_signer_ai": "Ended certificate: made by AI",
    "ended_signer": "Ended certificate",
    "credentials_invalid": "Content Credentials that do not fit",
    "credentials_elsewhere": "Content Credentials kept elsewhere",
    "credentials_unreadable": "Content Credentials that cannot be read",
    "generator_record": "Settings of a generator",
    "generator_partial": "Notes of a generator",
    "generator_named": "Name of a generator",
    "declared_ai": "Declared: made by AI",
    "declared_ai_parts": "Declared: parts made by AI",
    "declared_ai_possible": "Declared: possibly made by AI",
    "declared_capture": "Declared: taken with a camera",
    "declared_screen": "Declared: a screen",
    "declared_other": "Declared: another origin",
    "camera_record": "Camera and exposure",
    "camera_named": "Some fields of a camera",
    "personal_data": "Place, names and rights",
    "edited": "Editing program",
    "reworked_by_ai": "Reworked by AI",
    "software_named": "Other program",
    "dates_contradict": "Dates that contradict each other",
    "saved_later": "Saved later",
    "size_differs": "Size as recorded",
    "strongly_compressed": "Strong compression",
    "compressed_twice": "Saved twice",
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
# Beyond so many times the other's longer side, one scale would leave of the other a few dots.
SAME_SCALE_UP_TO = 12
# Of the lines in which two tables differ, as many are told, so many characters of each.
TOLD_LINES = 3
TOLD_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One fact on both images; empty where it is not known."""

    name: str
    left: str
    right: str
    is_hash: bool = False

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
    def cells(self) -> list[tuple[str, str, str]]:
        """How strong it is, in a word, what it says, and the gist of its table; else all empty."""
        pair = (self.left, self.right)
        gists = [glimpse(one.without_private()) if one else "" for one in pair]
        if gists[0] == gists[1]:
            gists = [_unlike(one, other) for one, other in (pair, pair[::-1])]
        return [
            (STRENGTH_WORDS[one.strength], one.sentence, gist) if one else ("", "", "")
            for one, gist in zip(pair, gists, strict=True)
        ]

    @property
    def name(self) -> str:
        """What was found, in words."""
        kind = next(KINDS[one.kind] for one in (self.left, self.right) if one)
        return HEADINGS.get(self.code, kind)

    @property
    def differs(self) -> bool:
        """Tell whether the images differ in it by more than what is private."""
        said, other = (
            (one.strength, one.sentence, one.without_private().details) if one else None
            for one in (self.left, self.right)
        )
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
        first, second = values
        return Row(name, first, second)

    yield row("Verdict", *(_verdict(one) for one in pair))
    yield row("Certainty", *(one.get_certainty_display() for one in pair))
    yield row("Probability of AI", *(_percent(one) for one in pair))
    yield row("Model", *(str(one.model_version or "none") for one in pair))
    yield row("Format", *(one.image.format for one in pair))
    yield row("Pixels", *(_size(one.image) for one in pair))
    yield row("Size", *(_bytes(one.image) for one in pair))
    yield Row("SHA-256", left.image.sha256, right.image.sha256, is_hash=True)
    yield row("Handed in", *(_moment(one.image) for one in pair))


def _verdict(analysis: Analysis) -> str:
    return analysis.get_verdict_display() or analysis.get_state_display()


def _percent(analysis: Analysis) -> str:
    """Return the network's number with what the verdict page says of it."""
    is_beyond = analysis.in_domain is False
    if not analysis.shows_number or (is_beyond and analysis.rests_on_file):
        return ""
    percent = f"{analysis.percent_fake:.1f} %"
    if analysis.rests_on_file:
        return f"{percent}, the number of the network, which did not decide this"
    return f"{percent}, not validated for this kind of image" if is_beyond else percent


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
    for one in findings_told(analysis):
        found.setdefault(one.code, one)
    return found


def _unlike(finding: Finding | None, other: Finding | None) -> str:
    """Return the public lines of a table that the other lacks; nothing if there is no other."""
    if finding is None or other is None:
        return ""
    theirs = other.without_private().details
    lines = [line for line in finding.without_private().details if line not in theirs]
    return " · ".join(
        shorten(f"{line.label}: {line.value}", TOLD_LENGTH, placeholder=" …")
        for line in lines[:TOLD_LINES]
    )


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
