"""The scale shows a probability in the part that its verdict has."""

from dataclasses import dataclass

import pytest

from detection.templatetags.verdict_scale import (
    AI_BEGINS,
    END,
    REAL_ENDS,
    VerdictScale,
    position,
    verdict_scale,
)
from detection.verdicts import opinion


@dataclass
class Analysis:
    p_fake: float | None = 0.5
    band: tuple[float, float] | None = (0.035, 0.965)


@pytest.mark.parametrize(
    ("p_fake", "expected"),
    [
        (0.0, 0.0),
        (0.1, REAL_ENDS / 2),
        (0.2, REAL_ENDS),
        (0.5, (REAL_ENDS + AI_BEGINS) / 2),
        (0.8, AI_BEGINS),
        (0.9, (AI_BEGINS + END) / 2),
        (1.0, END),
    ],
)
def test_each_part_is_even_within_itself(p_fake: float, expected: float) -> None:
    assert position(p_fake, 0.2, 0.8) == pytest.approx(expected)


@pytest.mark.parametrize(("low", "high"), [(0.035, 0.965), (0.4, 0.9), (0.5, 0.5), (0.0, 1.0)])
@pytest.mark.parametrize("p_fake", [0.0, 1e-9, 0.02, 0.035, 0.2, 0.5, 0.75, 0.965, 0.98, 1.0])
def test_the_mark_stands_in_the_part_of_its_verdict(p_fake: float, low: float, high: float) -> None:
    verdict = opinion(
        p_fake=p_fake, in_domain=True, band_low=low, band_high=high, domain_sentence=""
    )
    at = position(p_fake, low, high)
    parts = {
        "likely_real": (0.0, REAL_ENDS),
        "inconclusive": (REAL_ENDS, AI_BEGINS),
        "likely_ai": (AI_BEGINS, END),
    }
    first, last = parts[verdict.kind]
    # A band of no width decides everything; the mark of its only point stands in the middle.
    assert first <= at <= last or low == high == p_fake


def test_it_tells_the_edges_of_the_band_in_percent() -> None:
    assert verdict_scale(Analysis()) == VerdictScale(at=50.0, low_percent=3.5, high_percent=96.5)


@pytest.mark.parametrize("analysis", [Analysis(p_fake=None), Analysis(band=None)])
def test_without_a_probability_or_a_band_there_is_no_scale(analysis: Analysis) -> None:
    assert verdict_scale(analysis) is None
