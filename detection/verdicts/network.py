"""What the network alone says of an image: its kind, how sure that is, and why."""

from detection.verdicts.contract import AlarmBound, Certainty, HeldOut, Reason, Verdict

# From this probability on, of either kind, a verdict is of high certainty. Models that learnt from
# some hundred pictures never support that.
SURE = 0.99

NO_NUMBER = Reason(
    "no_number",
    "The model gives a number for any picture; here it would mean nothing, so none is shown.",
)


def opinion(
    *,
    p_fake: float,
    in_domain: bool,
    band_low: float,
    band_high: float,
    domain_sentence: str,
    has_number_beyond: bool = True,
    is_novel: bool = False,
    held_out: HeldOut | None = None,
    alarm_bound: AlarmBound | None = None,
) -> Verdict:
    """Return what the network says, by the rows of docs/assumptions.md that are about it.

    Args:
        p_fake: Calibrated P(AI-generated) in [0, 1].
        in_domain: Whether the model was validated on images of this size.
        band_low: At this probability or below, the image is judged real.
        band_high: At this probability or above, the image is judged AI-generated.
        domain_sentence: For which images the model was validated.
        has_number_beyond: Whether its number is told beyond its domain: of thumbnails alone.
        is_novel: Whether the picture is unlike those the model was validated on; it may be of
            another size as well.
        held_out: For a model whose band was set by false alarms: what that band is worth.
        alarm_bound: For any other: how its false alarms are kept few, where that is known.
    """
    if is_novel:
        return Verdict("inconclusive", _unlike(domain_sentence, is_other_size=not in_domain))
    if not in_domain:
        return Verdict("inconclusive", _outside(domain_sentence, with_number=has_number_beyond))
    of = "images" if held_out is None else "pictures like those it was fitted on, and"
    band = _band(band_low, band_high, held_out, alarm_bound)
    if p_fake >= band_high:
        sure = _frequency(of, "AI-generated", p_fake, is_coarse=held_out is not None)
        return Verdict("likely_ai", (sure, *band), _certainty(p_fake, held_out))
    if p_fake <= band_low:
        sure = _frequency(of, "real photographs", 1 - p_fake, is_coarse=held_out is not None)
        return Verdict("likely_real", (sure, *band), _certainty(1 - p_fake, held_out))
    return Verdict("inconclusive", (_undecided(p_fake), *band))


def opinion_without_model() -> Verdict:
    """Return the verdict on a photograph where no model of the photo track answers."""
    return Verdict(
        "inconclusive",
        (
            Reason(
                "no_validated_model",
                "No conclusion can be drawn: there is no validated model for this kind of picture "
                "here yet.",
            ),
            Reason(
                "coin_elsewhere",
                "Image generators leave other traces in each source of pictures. On a source that "
                "it has not learnt from, a detector is right about as often as a coin, so none was "
                "asked.",
            ),
            Reason(
                "look_elsewhere",
                "What can be looked at instead: what the file says of itself, who published the "
                "picture first, and what else shows the scene.",
            ),
        ),
    )


def _certainty(probability: float, held_out: HeldOut | None) -> Certainty:
    return "high" if held_out is None and probability >= SURE else "moderate"


def _outside(domain_sentence: str, *, with_number: bool) -> tuple[Reason, ...]:
    reasons = (
        Reason(
            "out_of_domain",
            "No conclusion can be drawn: the model was not validated for images of this size.",
        ),
        Reason("domain", domain_sentence),
    )
    number = Reason(
        "number_not_validated",
        "The number is shown for completeness. On ordinary photographs such a network is "
        "right about as often as a coin.",
    )
    return (*reasons, number if with_number else NO_NUMBER)


def _unlike(domain_sentence: str, *, is_other_size: bool) -> tuple[Reason, ...]:
    other_size = Reason(
        "other_size", "The model was not validated for pictures of this size either."
    )
    return (
        Reason(
            "unlike_validated",
            "No conclusion can be drawn: the picture is unlike the pictures this model was "
            "validated on.",
        ),
        *((other_size,) if is_other_size else ()),
        Reason("domain", domain_sentence),
        NO_NUMBER,
    )


def _frequency(of: str, class_name: str, probability: float, *, is_coarse: bool) -> Reason:
    """Say a probability as a natural frequency, which people read more reliably than percent.

    Coarsely, of 100, where some hundred pictures are all that it was learnt from.
    """
    of_thousand = min(max(round(1000 * probability), 1), 999)
    if is_coarse:
        of_thousand = 10 * min(max(round(100 * probability), 1), 99)
    about = f"{of_thousand / 10:g} of 100" if of_thousand % 10 == 0 else f"{of_thousand} of 1,000"
    return Reason(
        "model_sure", f"Of {of} with such a score, about {about} are expected to be {class_name}."
    )


def _undecided(p_fake: float) -> Reason:
    leaning = "AI-generated" if p_fake >= 0.5 else "real"
    return Reason(
        "in_band",
        f"The model leans towards {leaning}, but at such a score it is wrong too often to decide.",
    )


def _band(
    low: float, high: float, held_out: HeldOut | None, alarm_bound: AlarmBound | None
) -> tuple[Reason, ...]:
    """Say where the model decides, what that is to keep, and for photographs what it did keep."""
    decides = f"The model decides only below {100 * low:.1f} % or above {100 * high:.1f} %,"
    if held_out is None:
        kept = "so that at most 1 in 100 decided validation images was wrong."
        bounded = () if alarm_bound is None else (_bounded(alarm_bound),)
        return (Reason("band", f"{decides} {kept}"), *bounded)
    low_end, high_end = held_out.interval
    return (
        Reason(
            "false_alarms",
            f"{decides} set so that at most {100 * held_out.allowed:g} in 100 real pictures "
            "of the sources it was fitted on are called AI-generated.",
        ),
        Reason(
            "held_out",
            f"Of {held_out.real:,} real pictures held out of the fit, "
            f"{_of_hundred(held_out.false_alarms)} in 100 were called AI-generated (95 % interval "
            f"{_of_hundred(low_end)} to {_of_hundred(high_end)}); of {held_out.fake:,} "
            f"AI-generated ones, {_of_hundred(held_out.misses)} in 100 were called real.",
        ),
    )


def _bounded(bound: AlarmBound) -> Reason:
    if bound.is_supported:
        sentence = (
            f"Of {bound.real:,} real validation images at most {100 * bound.share:g} in 100 lay "
            "above the upper limit, so that few photographs are called AI-generated."
        )
    else:
        sentence = (
            f"The upper limit lies above all {bound.real:,} real validation images: so few cannot "
            f"tell above which score {100 * bound.share:g} in 100 of them would lie."
        )
    return Reason("alarm_bound", sentence)


def _of_hundred(share: float) -> str:
    """Tell a share that was measured on some hundred pictures: they support no decimals."""
    return f"{100 * share:.0f}"
