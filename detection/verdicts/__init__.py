"""From probability, domain and findings to a verdict in words: the table of docs/assumptions.md."""

from collections.abc import Sequence

from detection.findings import Finding
from detection.verdicts.contract import AlarmBound, Certainty, HeldOut, Kind, Reason, Verdict
from detection.verdicts.evidence import weigh
from detection.verdicts.network import opinion, opinion_without_model

__all__ = [
    "AlarmBound",
    "Certainty",
    "HeldOut",
    "Kind",
    "Reason",
    "Verdict",
    "decide",
    "decide_without_model",
]


def decide(
    *,
    p_fake: float,
    in_domain: bool,
    band_low: float,
    band_high: float,
    domain_sentence: str,
    is_photo: bool = False,
    is_novel: bool = False,
    held_out: HeldOut | None = None,
    alarm_bound: AlarmBound | None = None,
    findings: Sequence[Finding] = (),
    size: tuple[int, int] | None = None,
) -> Verdict:
    """Decide by what the network says and what the file says.

    Args:
        p_fake, in_domain, band_low, band_high, domain_sentence: See `network.opinion`.
        is_photo, is_novel, held_out, alarm_bound: See `network.opinion`.
        findings: What the file says of itself; none for a face, which has no file of its own.
        size: Upright (width, height) of the image in pixels, where few of them are a reason.
    """
    alone = opinion(
        p_fake=p_fake,
        in_domain=in_domain,
        band_low=band_low,
        band_high=band_high,
        domain_sentence=domain_sentence,
        is_photo=is_photo,
        is_novel=is_novel,
        held_out=held_out,
        alarm_bound=alarm_bound,
    )
    return weigh(alone, findings, size=size)


def decide_without_model(
    *, findings: Sequence[Finding] = (), size: tuple[int, int] | None = None
) -> Verdict:
    """Decide on a photograph where no model of the photo track answers; see `decide`."""
    return weigh(opinion_without_model(), findings, size=size)
