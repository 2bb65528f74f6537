"""The rows of a seeded installation: what real ones look like, and who has how many."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from detection import perceptual
from detection.models import (
    Analysis,
    ModelVersion,
    Queue,
    Refusal,
    State,
    Submission,
    SubmittedImage,
    Tag,
    Track,
    VerdictKind,
)
from detection.services.seeding.copies import DIGITS, Part

ORIGINAL, PREVIEW, HEATMAP = "originals/seed.bin", "previews/seed.webp", "heatmaps/seed.png"
DAYS = 730.0
# What the first person has of all images; the others share the rest, each less than the one before.
# So much, and so many failures and tags, that each list fills a page at a thousand analyses too.
HEAVIEST_SHARE = 0.3
WORDS = (
    *("holiday", "desk", "agency", "upload", "portrait", "street", "protest", "screenshot"),
    *("market", "harbour", "election", "storm", "concert", "evidence", "archive", "reader"),
)
# A word that few images have in their name: what somebody looks for.
RARE = "zeppelin"
TAGS = ("checked", "urgent", "forward", "archive", "agency", "reader", "sports", "weather")
SENTENCE = (
    "The model finds traces that it knows from pictures of this kind, and few of the others. "
)
CODES = ("model_sure", "file_says_nothing", "compressed_twice", "no_camera")


@dataclass(slots=True)
class Rows:
    """Rows that are not stored yet; keys are given already, so that rows can name each other."""

    days: float
    submissions: list[Submission] = field(default_factory=list)
    images: list[SubmittedImage] = field(default_factory=list)
    analyses: list[Analysis] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    tagged: list[tuple[int, tuple[int, str]]] = field(default_factory=list)


def rows_made(
    chance: random.Random, *, owners: Sequence[Any], analyses: int, doublings: int
) -> Rows:
    """Return so many analyses and all around them.

    Args:
        owners: Whose they are; the first has the most.
        analyses: How many.
        doublings: How often the rows will be doubled: the last copy is of today.
    """
    rows = Rows(days=DAYS / (1 << doublings))
    part = Part.now()
    weights = _weights(len(owners))
    versions = list(ModelVersion.objects.filter(model__champion__isnull=False)[:1])
    begun = timezone.now() - timedelta(days=DAYS)
    rows.tags = [Tag(owner=owner, name=name) for owner in owners for name in TAGS]
    while len(rows.analyses) < analyses:
        (owner,) = chance.choices(owners, weights)
        at = begun + timedelta(days=rows.days * len(rows.analyses) / analyses)
        submission = Submission(
            pk=part.submissions[1] + len(rows.submissions) + 1, owner=owner, created_at=at
        )
        rows.submissions.append(submission)
        for _ in range(chance.choice((1, 1, 1, 2, 4, 12))):
            if len(rows.analyses) < analyses:
                _add_image(rows, chance, submission, part, versions, analyses)
        if chance.random() < 0.03:
            rows.refusals.append(
                Refusal(
                    submission=submission,
                    file_name="notes.pdf",
                    code="unknown_format",
                    sentence="This is none of the formats of images that are read here.",
                )
            )
    return rows


def _weights(count: int) -> list[float]:
    """Return which share of all each person has."""
    tail = [1 / (rank + 1) ** 0.8 for rank in range(1, count)]
    total = sum(tail)
    if not total:
        return [1.0]
    # No other has more than the first, however few they are.
    first = max(HEAVIEST_SHARE, tail[0] / total)
    return [first, *((1 - first) * one / total for one in tail)]


def _add_image(
    rows: Rows,
    chance: random.Random,
    submission: Submission,
    part: Part,
    versions: list[ModelVersion],
    most: int,
) -> None:
    """Add an image with its analysis; some are looked at again, in some faces are looked for."""
    pk = part.images[1] + len(rows.images) + 1
    shape = chance.getrandbits(63)
    word = RARE if chance.random() < 0.002 else chance.choice(WORDS)
    is_photo = chance.random() < 0.4
    image = SubmittedImage(
        pk=pk,
        submission=submission,
        # The number follows the key in copies, too.
        file_name=f"{word}-{pk:0{DIGITS}d}.jpg",
        original=ORIGINAL,
        preview=PREVIEW,
        sha256=hashlib.sha256(chance.randbytes(16)).hexdigest(),
        format="JPEG",
        width=1600 if is_photo else 32,
        height=1200 if is_photo else 32,
        byte_size=chance.randrange(1_000, 4_000_000),
        perceptual_hash=shape,
        **{f"band_{number}": band for number, band in enumerate(perceptual.bands(shape))},
        note="Sent in by a reader, see the mail of that day." if chance.random() < 0.02 else "",
        created_at=submission.created_at,
    )
    rows.images.append(image)
    if chance.random() < 0.25:
        owner = submission.owner_id
        name = TAGS[min(int(chance.expovariate(1.0)), len(TAGS) - 1)]
        rows.tagged.append((pk, (owner, name)))
    track = Track.PHOTO if is_photo else Track.THUMBNAIL
    version = versions[0] if versions and not is_photo else None
    first = _analysis(rows, chance, image, part, track=track, model_version=version)
    if len(rows.analyses) < most and chance.random() < 0.02 and first.state == State.FINISHED:
        _analysis(rows, chance, image, part, track=track, model_version=version, is_repeat=True)
        repeat = rows.analyses[-1]
        first.is_current, repeat.is_current = (
            repeat.state != State.FINISHED,
            repeat.state == State.FINISHED,
        )
    if len(rows.analyses) < most and is_photo and chance.random() < 0.1:
        _analysis(rows, chance, image, part, track=Track.FACE, queue=Queue.FACES)


def _analysis(
    rows: Rows, chance: random.Random, image: SubmittedImage, part: Part, **fields: Any
) -> Analysis:
    ended = image.created_at + timedelta(seconds=2)
    analysis = Analysis(
        pk=part.analyses[1] + len(rows.analyses) + 1,
        image=image,
        owner_id=image.submission.owner_id,
        created_at=image.created_at,
        enqueued_at=image.created_at,
        started_at=ended,
        finished_at=ended,
        worker="inference@seed",
        attempts=1,
        milliseconds=chance.randrange(2, 90),
        **fields,
    )
    draw = chance.random()
    if draw < 0.1:
        analysis.state = State.FAILED if draw < 0.09 else State.CANCELLED
        analysis.error_code = "worker_lost" if draw < 0.09 else "cancelled"
        analysis.error_sentence = "The analysis was started 3 times and its worker was lost."
    else:
        analysis.state = State.FINISHED
        if analysis.track != Track.FACE:
            _decide(analysis, chance)
    rows.analyses.append(analysis)
    return analysis


def _decide(analysis: Analysis, chance: random.Random) -> None:
    """Give it a verdict with reasons and findings as long as those of real images."""
    kinds = (VerdictKind.LIKELY_REAL, VerdictKind.LIKELY_AI, VerdictKind.INCONCLUSIVE)
    (analysis.verdict,) = chance.choices(kinds, (52, 40, 8))
    is_decided = analysis.verdict != VerdictKind.INCONCLUSIVE
    analysis.certainty = chance.choice(("high", "high", "moderate", "low")) if is_decided else ""
    low, high = {"likely_real": (0.0, 0.3), "likely_ai": (0.7, 1.0)}.get(
        analysis.verdict, (0.3, 0.7)
    )
    analysis.p_fake, analysis.in_domain = chance.uniform(low, high), True
    analysis.band_low, analysis.band_high, analysis.novelty = 0.3, 0.7, chance.random()
    analysis.heatmap, analysis.heatmap_method = HEATMAP, "grad-cam"
    analysis.reasons = [
        {"code": code, "sentence": SENTENCE} for code in CODES[: chance.randrange(2, 5)]
    ]
    analysis.would_change = [SENTENCE]
    analysis.findings = [
        {
            "kind": "compression",
            "code": code,
            "source": "JPEG",
            "strength": "weak",
            "leaning": "neutral",
            "sentence": SENTENCE,
            "details": [{"label": "Quality", "value": str(chance.randrange(40, 99))}] * 3,
        }
        for code in CODES[: chance.randrange(1, 4)]
    ]
