"""What the network alone says, row by row: from probability and domain to a verdict."""

import math

import pytest

from detection.verdicts import AlarmBound, HeldOut, Verdict, opinion, opinion_without_model

LOW, HIGH = 0.2, 0.8
DOMAIN = "Squares of 8x8 pixels."
HELD_OUT = HeldOut(
    real=1234, fake=216, allowed=0.05, false_alarms=0.0431, interval=(0.02, 0.0774), misses=0
)


def verdict(
    p_fake: float, *, in_domain: bool = True, low: float = LOW, high: float = HIGH
) -> Verdict:
    return opinion(
        p_fake=p_fake, in_domain=in_domain, band_low=low, band_high=high, domain_sentence=DOMAIN
    )


def on_photo(p_fake: float, *, in_domain: bool = True, is_novel: bool = False) -> Verdict:
    return opinion(
        p_fake=p_fake,
        in_domain=in_domain,
        band_low=LOW,
        band_high=HIGH,
        domain_sentence=DOMAIN,
        has_number_beyond=False,
        is_novel=is_novel,
        held_out=HELD_OUT,
    )


def codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


@pytest.mark.parametrize(
    ("p_fake", "kind"),
    [
        (0.0, "likely_real"),
        (0.1, "likely_real"),
        (LOW, "likely_real"),
        (math.nextafter(LOW, 1), "inconclusive"),
        (0.5, "inconclusive"),
        (math.nextafter(HIGH, 0), "inconclusive"),
        (HIGH, "likely_ai"),
        (0.9, "likely_ai"),
        (1.0, "likely_ai"),
    ],
)
def test_inside_the_domain_the_probability_decides(p_fake: float, kind: str) -> None:
    assert verdict(p_fake).kind == kind


@pytest.mark.parametrize("p_fake", [0.0, LOW, 0.5, HIGH, 1.0])
def test_outside_the_domain_nothing_is_decided(p_fake: float) -> None:
    outside = verdict(p_fake, in_domain=False)
    assert outside.kind == "inconclusive"
    assert [reason.code for reason in outside.reasons] == [
        *("out_of_domain", "domain", "number_not_validated"),
    ]
    assert outside.reasons[1].sentence == DOMAIN


def test_a_photograph_that_no_model_looks_at_is_inconclusive() -> None:
    nobody = opinion_without_model()
    assert nobody.kind == "inconclusive"
    assert codes(nobody) == ["no_validated_model", "coin_elsewhere", "look_elsewhere"]


@pytest.mark.parametrize("p_fake", [0.0, LOW, 0.5, HIGH, 1.0])
def test_of_a_photograph_outside_no_number_is_told(p_fake: float) -> None:
    outside = on_photo(p_fake, in_domain=False)
    assert outside.kind == "inconclusive"
    assert codes(outside) == ["out_of_domain", "domain", "no_number"]
    assert outside.reasons[1].sentence == DOMAIN


@pytest.mark.parametrize("p_fake", [0.0, LOW, 0.5, HIGH, 1.0])
@pytest.mark.parametrize("in_domain", [True, False])
def test_a_photograph_unlike_the_validated_ones_is_inconclusive(
    p_fake: float, in_domain: bool
) -> None:
    unlike = on_photo(p_fake, in_domain=in_domain, is_novel=True)
    assert unlike.kind == "inconclusive"
    size = [] if in_domain else ["other_size"]
    assert codes(unlike) == ["unlike_validated", *size, "domain", "no_number"]
    assert unlike.reasons[0].sentence == (
        "No conclusion can be drawn: the picture is unlike the pictures this model was validated "
        "on."
    )
    assert unlike.reasons[-2].sentence == DOMAIN


@pytest.mark.parametrize(
    ("p_fake", "kind", "first"),
    [
        (LOW, "likely_real", "model_sure"),
        (math.nextafter(LOW, 1), "inconclusive", "in_band"),
        (math.nextafter(HIGH, 0), "inconclusive", "in_band"),
        (HIGH, "likely_ai", "model_sure"),
    ],
)
def test_inside_the_domain_a_photograph_is_decided_by_the_band(
    p_fake: float, kind: str, first: str
) -> None:
    decided = on_photo(p_fake)
    assert decided.kind == kind
    assert codes(decided) == [first, "false_alarms", "held_out"]


def test_a_photographs_band_says_what_it_promises_and_what_it_kept() -> None:
    sure, promise, kept = on_photo(0.95).reasons
    assert sure.sentence == (
        "Of pictures like those it was fitted on, and with such a score, about 95 of 100 are "
        "expected to be AI-generated."
    )
    assert promise.sentence == (
        "The model decides only below 20.0 % or above 80.0 %, set so that at most 5 in 100 real "
        "pictures of the sources it was fitted on are called AI-generated."
    )
    assert kept.sentence == (
        "Of 1,234 real pictures held out of the fit, 4 in 100 were called AI-generated (95 % "
        "interval 2 to 8); of 216 AI-generated ones, 0 in 100 were called real."
    )


@pytest.mark.parametrize(
    ("p_fake", "about"), [(0.973, "97 of 100"), (0.9996, "99 of 100"), (0.004, "99 of 100")]
)
def test_a_fit_to_some_hundred_pictures_tells_no_thousandths(p_fake: float, about: str) -> None:
    assert f"about {about} are expected" in on_photo(p_fake).reasons[0].sentence


def test_a_photo_model_without_a_fit_speaks_of_its_band_as_others_do() -> None:
    decided = opinion(
        p_fake=0.95,
        in_domain=True,
        band_low=LOW,
        band_high=HIGH,
        domain_sentence=DOMAIN,
        has_number_beyond=False,
    )
    assert codes(decided) == ["model_sure", "band"]


@pytest.mark.parametrize(
    ("p_fake", "sentence"),
    [
        (1.0, "Of images with such a score, about 999 of 1,000 are expected to be AI-generated."),
        (
            0.9996,
            "Of images with such a score, about 999 of 1,000 are expected to be AI-generated.",
        ),
        (0.973, "Of images with such a score, about 973 of 1,000 are expected to be AI-generated."),
        (0.95, "Of images with such a score, about 95 of 100 are expected to be AI-generated."),
        (0.05, "Of images with such a score, about 95 of 100 are expected to be real photographs."),
        (
            0.0,
            "Of images with such a score, about 999 of 1,000 are expected to be real photographs.",
        ),
    ],
)
def test_the_first_reason_says_how_often_that_is_right(p_fake: float, sentence: str) -> None:
    first = verdict(p_fake).reasons[0]
    assert (first.code, first.sentence) == ("model_sure", sentence)


@pytest.mark.parametrize(("p_fake", "word"), [(0.49, "real"), (0.5, "AI-generated"), (0.7, "AI-")])
def test_in_the_band_it_says_where_the_model_leans(p_fake: float, word: str) -> None:
    first = verdict(p_fake).reasons[0]
    assert first.code == "in_band"
    assert f"leans towards {word}" in first.sentence


@pytest.mark.parametrize("p_fake", [0.05, 0.5, 0.95])
def test_the_band_is_told_with_every_decision(p_fake: float) -> None:
    last = verdict(p_fake, low=0.035, high=0.9651).reasons[-1]
    assert last.code == "band"
    assert "below 3.5 % or above 96.5 %" in last.sentence


KEPT = (
    "Of 3,000 real validation images at most 0.5 in 100 lay above the upper limit, so that few "
    "photographs are called AI-generated."
)
TOO_FEW = (
    "The upper limit lies above all 60 real validation images: so few cannot tell above which "
    "score 1 in 100 of them would lie."
)


@pytest.mark.parametrize(
    ("bound", "sentence"),
    [
        (AlarmBound(share=0.005, real=3000, is_supported=True), KEPT),
        (AlarmBound(share=0.01, real=60, is_supported=False), TOO_FEW),
    ],
)
@pytest.mark.parametrize("p_fake", [0.05, 0.5, 0.95])
def test_the_bound_on_false_alarms_is_told_with_the_band(
    p_fake: float, bound: AlarmBound, sentence: str
) -> None:
    decided = opinion(
        p_fake=p_fake,
        in_domain=True,
        band_low=LOW,
        band_high=HIGH,
        domain_sentence=DOMAIN,
        alarm_bound=bound,
    )
    assert codes(decided)[-2:] == ["band", "alarm_bound"]
    assert decided.reasons[-1].sentence == sentence


def test_without_a_band_the_middle_decides() -> None:
    assert verdict(0.5, low=0.5, high=0.5).kind == "likely_ai"
    assert verdict(0.4999, low=0.5, high=0.5).kind == "likely_real"


@pytest.mark.parametrize("p_fake", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("in_domain", [True, False])
def test_every_reason_is_a_sentence(p_fake: float, in_domain: bool) -> None:
    reasons = [
        *verdict(p_fake, in_domain=in_domain).reasons,
        *on_photo(p_fake, in_domain=in_domain).reasons,
        *on_photo(p_fake, is_novel=True).reasons,
        *opinion_without_model().reasons,
    ]
    assert reasons
    for reason in reasons:
        assert reason.sentence[0].isupper()
        assert reason.sentence.endswith(".")
        assert reason.code.isidentifier()
