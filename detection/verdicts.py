"""From probability and domain to a verdict in words, with its reasons."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["likely_ai", "likely_real", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that weighed; `code` is for programs, `sentence` for people."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What people read, with its reasons in order of weight; the first one sums it up."""

    kind: Kind
    reasons: tuple[Reason, ...]


def decide(
    *, p_fake: float, in_domain: bool, band_low: float, band_high: float, domain_sentence: str
) -> Verdict:
    """Decide by the table in docs/assumptions.md.

    Args:
        p_fake: Calibrated P(AI-generated) in [0, 1].
        in_domain: Whether the model was validated on images of this kind.
        band_low: At this probability or below, the image is judged real.
        band_high: At this probability or above, the image is judged AI-generated.
        domain_sentence: For which images the model was validated.
    """
    if not in_domain:
        return Verdict("inconclusive", _outside(domain_sentence))
    if p_fake >= band_high:
        return Verdict(
            "likely_ai", (_frequency("AI-generated", p_fake), _band(band_low, band_high))
        )
    if p_fake <= band_low:
        frequency = _frequency("real photographs", 1 - p_fake)
        return Verdict("likely_real", (frequency, _band(band_low, band_high)))
    return Verdict("inconclusive", (_undecided(p_fake), _band(band_low, band_high)))


def _outside(domain_sentence: str) -> tuple[Reason, ...]:
    return (
        Reason(
            "out_of_domain",
            "No conclusion can be drawn: no model here has been validated for this kind of image.",
        ),
        Reason("domain", domain_sentence),
        Reason(
            "number_not_validated",
            "The number is shown for completeness. On ordinary photographs such a network is "
            "right about as often as a coin.",
        ),
    )


def _frequency(class_name: str, probability: float) -> Reason:
    """Say a probability as a natural frequency, which people read more reliably than percent."""
    of_thousand = min(max(round(1000 * probability), 1), 999)
    of = f"{of_thousand / 10:g} of 100" if of_thousand % 10 == 0 else f"{of_thousand} of 1,000"
    return Reason(
        "model_sure", f"Of images with such a score, about {of} are expected to be {class_name}."
    )


def _undecided(p_fake: float) -> Reason:
    leaning = "AI-generated" if p_fake >= 0.5 else "real"
    return Reason(
        "in_band",
        f"The model leans towards {leaning}, but at such a score it is wrong too often to decide.",
    )


def _band(low: float, high: float) -> Reason:
    return Reason(
        "band",
        f"The model decides only below {100 * low:.1f} % or above {100 * high:.1f} %, so that at "
        "most 1 in 100 decided validation images was wrong.",
    )
