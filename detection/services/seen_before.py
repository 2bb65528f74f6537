"""Finds earlier images that are the same as one, or nearly so, and what was said of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from detection import perceptual
from detection.models import Analysis, State, SubmittedImage, VerdictKind

# More are no use on a page. One more is looked for, which tells that there are more.
MOST = 5
# Bands that many images share, such as those of plain pictures, are not looked through to the end.
MOST_CANDIDATES = 500


@dataclass(frozen=True, slots=True)
class Sighting:
    """An earlier image that is the same file, or nearly the same picture.

    Attributes:
        is_own: Whether the person who asks handed it in.
        is_same_file: Whether it is the same byte for byte.
        differing_bits: Of the 64 of the perceptual hash; 0 for the same file.
        seen_at: When it was handed in.
        image: The earlier image; `None` where it is somebody else's.
        analysis: The answer that stands for it; `None` where it has none yet, or where it is
            somebody else's, of whom only the verdict is told.
        verdict: That answer's verdict, one of `VerdictKind`; empty where there is none.
    """

    is_own: bool
    is_same_file: bool
    differing_bits: int
    seen_at: datetime
    image: SubmittedImage | None
    analysis: Analysis | None
    verdict: str

    @property
    def verdict_label(self) -> str:
        """The verdict as people read it."""
        return VerdictKind(self.verdict).label


def sightings(*, image: SubmittedImage, user: Any) -> list[Sighting]:
    """Return earlier images like this one, the same files first, then the nearest.

    At most one more than `MOST`.
    Among one's own alone, or where `SEEN_BEFORE` says so among all of this installation.
    """
    earlier = SubmittedImage.objects.filter(pk__lt=image.pk)
    if settings.SEEN_BEFORE == "own":
        earlier = earlier.visible_to(user)
    found = sorted(_alike(image, earlier), key=lambda pair: (pair[0], -pair[1].pk))[: MOST + 1]
    answers = _answers([other for _, other in found])
    return [_sighting(image, other, bits, answers.get(other.pk), user) for bits, other in found]


def _alike(
    image: SubmittedImage, earlier: QuerySet[SubmittedImage]
) -> list[tuple[int, SubmittedImage]]:
    """Return (differing bits, image), each once; the same file counts as -1."""
    columns = (
        *("pk", "public_id", "file_name", "width", "height", "created_at"),
        *("sha256", "perceptual_hash", "submission__owner_id", "forgotten_at"),
    )
    light = earlier.select_related("submission").only(*columns).order_by("-pk")
    alike = {other.pk: (-1, other) for other in light.filter(sha256=image.sha256)[: MOST + 1]}
    shape = image.perceptual_hash
    if shape is None or shape == perceptual.SHAPELESS:
        return list(alike.values())
    for number, band in enumerate(perceptual.bands(shape)):
        for other in light.filter(Q(**{f"band_{number}": band}))[:MOST_CANDIDATES]:
            bits = perceptual.distance(shape, other.perceptual_hash or 0)
            if bits <= perceptual.NEAR:
                alike.setdefault(other.pk, (bits, other))
    return list(alike.values())


def _answers(images: list[SubmittedImage]) -> dict[int, Analysis]:
    """Return the answer that stands for each image, by the image's key."""
    standing = Analysis.objects.on_images().current().filter(image__in=images)
    finished = standing.filter(state=State.FINISHED).defer("findings").order_by("pk")
    return {analysis.image_id: analysis for analysis in finished}


def _sighting(
    image: SubmittedImage, other: SubmittedImage, bits: int, answer: Analysis | None, user: Any
) -> Sighting:
    is_own = other.submission.owner_id == user.pk
    return Sighting(
        is_own=is_own,
        is_same_file=other.sha256 == image.sha256,
        differing_bits=max(bits, 0),
        seen_at=other.created_at,
        image=other if is_own else None,
        analysis=answer if is_own else None,
        verdict=answer.verdict if answer else "",
    )
