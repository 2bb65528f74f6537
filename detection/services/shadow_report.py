"""What a challenger said beside the champion: how often both agree, and whether scores drift."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from detection import ml_gateway
from detection.models import Analysis, ModelVersion, ShadowAnswer, State, VerdictKind

# The newest of them tell how it stands; more would only take time.
LOOKED_AT = 5000
# With fewer scores than this in both windows, the index itself jumps by a tenth.
WINDOW = 200
WINDOWS = 10
BINS = 20
DISAGREEMENTS = 20

Scores = QuerySet[Any, Any]


@dataclass(frozen=True, slots=True)
class Window:
    """So many scores after each other, and how far they are from the first ones."""

    since: datetime
    until: datetime
    psi: float
    is_drift: bool


@dataclass(frozen=True, slots=True)
class Drift:
    """The windows of one version; empty until there are two."""

    version: ModelVersion
    count: int
    windows: tuple[Window, ...]

    @property
    def is_drift(self) -> bool:
        """Tell whether the newest scores are far from the first ones."""
        return bool(self.windows) and self.windows[-1].is_drift


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An image on which both come to different verdicts."""

    analysis: Analysis
    p_champion: float
    p_challenger: float
    verdict: VerdictKind


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """How a challenger did beside the champion on live images.

    Attributes:
        changes: Champion's verdict -> challenger's verdict -> how many images.
        champion_bins, challenger_bins: How many scores in each of the equal bins of [0, 1].
        between: Index between both versions' scores of the same images; `None` for too few.
    """

    count: int
    agreeing: int
    changes: dict[str, dict[str, int]]
    champion_bins: list[int]
    challenger_bins: list[int]
    between: float | None
    drifts: tuple[Drift, ...]
    disagreements: tuple[Disagreement, ...]

    @property
    def agreement(self) -> float | None:
        """Share of the images with the same verdict by both."""
        return self.agreeing / self.count if self.count else None


def shadow_report(*, version: ModelVersion) -> ShadowReport:
    """Compare a version's shadow answers with what the champions of those days said."""
    answers = ShadowAnswer.objects.filter(version=version, analysis__p_fake__isnull=False)
    # Each may know other ends of what it was validated on.
    own_domain = Coalesce("in_domain", "analysis__in_domain")
    rows = list(
        answers.order_by("-pk").values_list(
            *("analysis_id", "analysis__p_fake", "analysis__model_version", "analysis__in_domain"),
            *(own_domain, "p_fake"),
        )[:LOOKED_AT]
    )
    champions = ModelVersion.objects.in_bulk({row[2] for row in rows})
    changes = {old: dict.fromkeys(VerdictKind.values, 0) for old in VerdictKind.values}
    apart: dict[int, tuple[float, float, VerdictKind]] = {}
    for pk, p_champion, champion, was_in_domain, in_domain, p_challenger in rows:
        # What the network alone says: a signature in the file settles a verdict past any network.
        old = verdict_of(champions[champion], p_champion, bool(was_in_domain))
        new = verdict_of(version, p_challenger, bool(in_domain))
        changes[old][new] += 1
        if new != old and len(apart) < DISAGREEMENTS:
            apart[pk] = (p_champion or 0.0, p_challenger, new)
    theirs, own = (np.array([row[column] for row in rows], float) for column in (1, 5))
    return ShadowReport(
        len(rows),
        sum(changes[kind][kind] for kind in VerdictKind.values),
        changes,
        ml_gateway.scores_counted(theirs, BINS),
        ml_gateway.scores_counted(own, BINS),
        ml_gateway.scores_drifted(theirs, own)[0] if len(rows) >= WINDOW else None,
        tuple(_drifts(version)),
        tuple(_disagreements(apart)),
    )


def verdict_of(version: ModelVersion, p_fake: float, in_domain: bool) -> VerdictKind:
    """Return the verdict that follows from a version's probability."""
    low, high = version.band
    if not in_domain or low < p_fake < high:
        return VerdictKind.INCONCLUSIVE
    return VerdictKind.LIKELY_AI if p_fake >= high else VerdictKind.LIKELY_REAL


def _drifts(version: ModelVersion) -> Iterable[Drift]:
    champion = ModelVersion.objects.champion_of(version.model.track)
    if champion is not None:
        answered = Analysis.objects.filter(
            model_version=champion, state=State.FINISHED, is_repeat=False, p_fake__isnull=False
        )
        yield drift_of(champion, answered.order_by("pk").values_list("p_fake", "created_at"))
    answers = ShadowAnswer.objects.filter(version=version).order_by("pk")
    yield drift_of(version, answers.values_list("p_fake", "created_at"))


def drift_of(version: ModelVersion, scores: Scores) -> Drift:
    """Compare a version's newest scores, window by window, with its first ones.

    Args:
        version: Whose they are.
        scores: Each with its time, in order of it; only the windows are fetched.
    """
    count = scores.count()
    reference = [score for score, _ in scores[:WINDOW]]
    full = min((count - WINDOW) // WINDOW, WINDOWS) if count >= 2 * WINDOW else 0
    first = count - full * WINDOW
    later = list(scores[first:count]) if full else []
    edges = range(0, len(later) + 1, WINDOW)
    windows = [_window(reference, later[start:end]) for start, end in pairwise(edges)]
    return Drift(version, count, tuple(windows))


def _window(reference: list[float], scores: list[tuple[float, datetime]]) -> Window:
    found = np.array([score for score, _ in scores])
    psi, is_drift = ml_gateway.scores_drifted(np.array(reference), found)
    return Window(scores[0][1], scores[-1][1], psi, is_drift)


def _disagreements(
    apart: dict[int, tuple[float, float, VerdictKind]],
) -> Iterable[Disagreement]:
    analyses = Analysis.objects.for_display().in_bulk(list(apart))
    for pk, parts in apart.items():
        if pk in analyses:
            yield Disagreement(analyses[pk], *parts)
