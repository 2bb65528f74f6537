"""Chooses analyses of photographs whose label would teach most, for a person to take them in."""

from typing import Any

from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef, Q

from detection.decoding import Work
from detection.image_files import ImageRejected
from detection.informative import POOL, Candidate, most_to_learn
from detection.models import Analysis, Feedback, Item, Track
from detection.models.analyses import AnalysisQuerySet
from detection.perceptual import SHAPELESS
from detection.services.decoding import decode
from detection.services.intake.drafts import PREVIEW_SIDE

WANTED = 50
# The newest are looked through: what came in long ago may be of another stream.
LOOKED_THROUGH = 5000


def analyses_to_label(*, user: Any, wanted: int = WANTED) -> list[int]:
    """Return the keys of analyses of photographs, the one first whose label teaches most.

    Only of images that this user may take in, and that no dataset holds yet.
    """
    columns = ("pk", "p_fake", "novelty", "image__thumbnail", "image__preview")
    rows = _unlabelled(user).order_by("-pk").values_list(*columns)[:LOOKED_THROUGH]
    found = {pk: (p_fake, novelty, small or large) for pk, p_fake, novelty, small, large in rows}
    unsure = most_to_learn(
        (Candidate(pk, p, novelty, SHAPELESS) for pk, (p, novelty, _) in found.items()), wanted=POOL
    )
    known = Item.objects.accepted().photographs().order_by("-pk")
    return most_to_learn(
        (Candidate(pk, *found[pk][:2], _shape(found[pk][2])) for pk in unsure),
        known=known.values_list("perceptual_hash", flat=True)[:POOL],
        wanted=wanted,
    )


def _unlabelled(user: Any) -> AnalysisQuerySet:
    """Return the answers that stand for photographs of the user's own, or with consent."""
    agreed = Feedback.objects.consenting().filter(analysis=OuterRef("pk"))
    held = Item.objects.filter(sha256=OuterRef("image__sha256"))
    photographs = Analysis.objects.filter(track=Track.PHOTO, image__forgotten_at=None).current()
    mine = Q(image__submission__owner=user)
    return photographs.filter(mine | Exists(agreed)).exclude(Exists(held))


def _shape(name: str) -> int:
    """Return the perceptual hash of a stored preview; one that is gone is like no image."""
    try:
        with default_storage.open(name) as file:
            return decode(file, work=Work.SHAPE, side=PREVIEW_SIDE).shape
    except (OSError, ImageRejected):
        return SHAPELESS
