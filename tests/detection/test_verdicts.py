"""The decision table, row by row: probability and domain to a verdict with its reasons."""

import math

import pytest

from detection.verdicts import Verdict, decide

LOW, HIGH = 0.2, 0.8
DOMAIN = "Squares of 8x8 pixels."


def verdict(
    p_fake: float, *, in_domain: bool = True, low: float = LOW, high: float = HIGH
) -> Verdict:
    return decide(
        p_fake=p_fake, in_domain=in_domain, band_low=low, band_high=high, domain_sentence=DOMAIN
    )


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


def test_without_a_band_the_middle_decides() -> None:
    assert verdict(0.5, low=0.5, high=0.5).kind == "likely_ai"
    assert verdict(0.4999, low=0.5, high=0.5).kind == "likely_real"


@pytest.mark.parametrize("p_fake", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("in_domain", [True, False])
def test_every_reason_is_a_sentence(p_fake: float, in_domain: bool) -> None:
    reasons = verdict(p_fake, in_domain=in_domain).reasons
    assert reasons
    for reason in reasons:
        assert reason.sentence[0].isupper()
        assert reason.sentence.endswith(".")
        assert reason.code.isidentifier()
