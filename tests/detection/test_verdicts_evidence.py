"""The rows of the decision table in which the file has a say, and what would change a verdict."""

import itertools

import pytest

from detection.findings import Finding, Kind, Leaning, Strength
from detection.verdicts import HeldOut, Verdict, decide, opinion, opinion_without_model

REAL, MOSTLY_REAL, UNSURE, MOSTLY_AI, AI = 0.001, 0.05, 0.5, 0.95, 0.999
LARGE = (800, 600)
HELD_OUT = HeldOut(
    real=100, fake=100, allowed=0.05, false_alarms=0.04, interval=(0.02, 0.1), misses=0.1
)


def finding(
    code: str,
    leaning: Leaning,
    strength: Strength,
    kind: Kind = "generator",
    source: str = "PNG text chunk",
) -> Finding:
    return Finding(kind, code, source, strength, leaning, f"What {code} says.")


SIGNED_AI = finding("signed_ai", "ai", "conclusive", "credentials", "C2PA manifest")
SIGNED_PARTS = finding("signed_ai_parts", "ai", "conclusive", "credentials", "C2PA manifest")
CAPTURE = finding("signed_capture", "real", "strong", "credentials", "C2PA manifest")
UNKNOWN_AI = finding("unknown_signer_ai", "ai", "moderate", "credentials", "C2PA manifest")
INVALID = finding("credentials_invalid", "doubt", "strong", "credentials", "C2PA manifest")
RECORD = finding("generator_record", "ai", "strong")
LABEL = finding("declared_ai", "ai", "moderate", "declaration", "XMP")
NAME = finding("generator_named", "ai", "moderate", "generator", "EXIF")
HINT = finding("generator_hint", "ai", "weak")
CAMERA = finding("camera_record", "real", "moderate", "camera", "EXIF")
COMPRESSED = finding("strongly_compressed", "doubt", "weak", "compression", "JPEG tables")
SCREENSHOT = finding("screenshot", "doubt", "weak", "screenshot", "size")
THUMBNAIL = finding("thumbnail_differs", "doubt", "weak", "thumbnail", "EXIF")
UNREADABLE = finding("unreadable", "neutral", "context", "unreadable")

FORGEABLE = (UNKNOWN_AI, RECORD, LABEL, NAME, HINT, CAMERA, COMPRESSED, SCREENSHOT, UNREADABLE)


def decided(
    p_fake: float,
    *findings: Finding,
    size: tuple[int, int] = LARGE,
    held_out: HeldOut | None = None,
) -> Verdict:
    """The verdict of a model that decides such images outside of 20 to 80 %."""
    alone = opinion(
        p_fake=p_fake,
        in_domain=True,
        band_low=0.2,
        band_high=0.8,
        domain_sentence="Such images.",
        held_out=held_out,
    )
    return decide(alone, findings, size=size)


def undecided(*findings: Finding, size: tuple[int, int] = LARGE) -> Verdict:
    return decide(opinion_without_model(), findings, size=size)


def codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


@pytest.mark.parametrize(
    ("p_fake", "held_out", "certainty"),
    [
        (REAL, None, "high"),
        (MOSTLY_REAL, None, "moderate"),
        (UNSURE, None, ""),
        (MOSTLY_AI, None, "moderate"),
        (AI, None, "high"),
        # Some hundred pictures never support more.
        (REAL, HELD_OUT, "moderate"),
        (AI, HELD_OUT, "moderate"),
    ],
)
def test_the_network_alone_has_a_certainty(
    p_fake: float, held_out: HeldOut | None, certainty: str
) -> None:
    assert decided(p_fake, held_out=held_out).certainty == certainty


@pytest.mark.parametrize("signed", [SIGNED_AI, SIGNED_PARTS])
@pytest.mark.parametrize("p_fake", [REAL, UNSURE, AI])
def test_a_trusted_signature_that_declares_ai_settles_it(p_fake: float, signed: Finding) -> None:
    for verdict in (decided(p_fake, signed, CAMERA, SCREENSHOT), undecided(signed)):
        assert (verdict.kind, verdict.certainty) == ("likely_ai", "settled")
        assert codes(verdict) == [signed.code, "network_beside"]
        assert verdict.reasons[0].sentence == signed.sentence


def test_a_signature_counts_by_its_strength_and_not_by_its_name() -> None:
    forged = finding("signed_ai", "ai", "moderate", "generator", "PNG text chunk")
    assert undecided(forged).kind == "inconclusive"
    assert decided(REAL, forged).kind == "likely_real"


def test_a_cameras_signature_calls_an_image_real_and_says_what_it_leaves_open() -> None:
    verdict = undecided(CAPTURE)
    assert (verdict.kind, verdict.certainty) == ("likely_real", "moderate")
    assert codes(verdict) == ["signed_capture", "capture_of_a_screen", "network_beside"]
    assert decided(UNSURE, CAPTURE).certainty == "moderate"
    assert decided(MOSTLY_REAL, CAPTURE).certainty == "high"


@pytest.mark.parametrize(
    ("p_fake", "said", "kind", "certainty"),
    [
        (MOSTLY_REAL, RECORD, "likely_real", "low"),
        (MOSTLY_REAL, LABEL, "likely_real", "moderate"),
        (UNSURE, LABEL, "likely_real", "low"),
        (UNSURE, RECORD, "inconclusive", ""),
    ],
)
def test_a_cameras_signature_beside_words_of_ai_is_less_certain(
    p_fake: float, said: Finding, kind: str, certainty: str
) -> None:
    verdict = decided(p_fake, CAPTURE, said)
    assert (verdict.kind, verdict.certainty) == (kind, certainty)
    assert {"signed_capture", "file_says_otherwise"} <= set(codes(verdict))


def test_what_wears_traces_down_takes_nothing_from_a_signature() -> None:
    assert decided(MOSTLY_REAL, CAPTURE, SCREENSHOT, COMPRESSED).certainty == "high"


def test_a_cameras_signature_against_the_network_leaves_it_open() -> None:
    verdict = decided(AI, CAPTURE)
    assert (verdict.kind, verdict.certainty) == ("inconclusive", "")
    assert codes(verdict)[:3] == ["contradiction", "signed_capture", "model_sure"]


@pytest.mark.parametrize("p_fake", [REAL, MOSTLY_REAL, UNSURE, MOSTLY_AI, AI])
def test_what_anybody_can_write_never_calls_an_image_real_nor_turns_the_network(
    p_fake: float,
) -> None:
    alone = decided(p_fake).kind
    for count in (1, 2, 3):
        for some in itertools.combinations(FORGEABLE, count):
            with_file, without_model = decided(p_fake, *some).kind, undecided(*some).kind
            assert without_model != "likely_real"
            if alone != "inconclusive":
                assert with_file in (alone, "inconclusive")
            else:
                assert with_file != "likely_real"


def test_a_whole_record_speaks_where_the_network_does_not() -> None:
    for verdict in (undecided(RECORD), decided(UNSURE, RECORD)):
        assert (verdict.kind, verdict.certainty) == ("likely_ai", "low")
        assert codes(verdict) == ["file_says_ai", "forgeable", "network_beside"]
        assert verdict.reasons[0].sentence == RECORD.sentence


def test_a_label_alone_decides_nothing_but_is_told_first() -> None:
    verdict = undecided(LABEL)
    assert verdict.kind == "inconclusive"
    assert codes(verdict)[0] == "label_says_ai"
    assert LABEL.sentence in verdict.reasons[0].sentence


def test_two_labels_of_different_origin_that_agree_count_as_a_record() -> None:
    assert undecided(LABEL, NAME).kind == "likely_ai"
    twice = finding("generator_named", "ai", "moderate", source=LABEL.source)
    assert undecided(LABEL, twice).kind == "inconclusive"


def test_a_broken_signature_is_told_where_the_network_says_nothing() -> None:
    verdict = undecided(INVALID)
    assert verdict.kind == "inconclusive"
    assert codes(verdict)[:2] == ["no_validated_model", "changed_after_signing"]
    assert verdict.reasons[1].sentence == INVALID.sentence


def test_what_is_told_beside_a_signature_says_whether_a_network_was_asked() -> None:
    assert "No network was asked" in undecided(SIGNED_AI).reasons[1].sentence
    assert "cannot tell" in decided(UNSURE, SIGNED_AI).reasons[1].sentence


def test_what_is_in_the_file_already_would_change_nothing() -> None:
    assert any("settings of an image generator" in each for each in decided(REAL).would_change)
    told = decided(REAL, RECORD).would_change
    assert not any("settings of an image generator" in each for each in told)


def test_a_hint_is_no_label() -> None:
    assert codes(undecided(HINT))[0] == "no_validated_model"
    assert codes(decided(REAL, HINT))[0] == "model_sure"


@pytest.mark.parametrize(
    ("p_fake", "said", "kind", "certainty"),
    [
        (REAL, LABEL, "likely_real", "moderate"),
        (REAL, RECORD, "likely_real", "low"),
        (MOSTLY_REAL, LABEL, "likely_real", "low"),
        (MOSTLY_REAL, RECORD, "inconclusive", ""),
    ],
)
def test_a_file_that_says_ai_takes_from_the_certainty_of_a_network_that_says_real(
    p_fake: float, said: Finding, kind: str, certainty: str
) -> None:
    verdict = decided(p_fake, said)
    assert (verdict.kind, verdict.certainty) == (kind, certainty)
    assert "file_says_otherwise" in codes(verdict)


def test_a_file_that_agrees_is_told_and_makes_nothing_surer() -> None:
    verdict = decided(MOSTLY_AI, RECORD)
    assert (verdict.kind, verdict.certainty) == ("likely_ai", "moderate")
    assert codes(verdict)[:2] == ["model_sure", "file_agrees"]


@pytest.mark.parametrize(
    ("doubts", "certainty"),
    [
        ((COMPRESSED,), "moderate"),
        ((SCREENSHOT,), "moderate"),
        ((INVALID,), "moderate"),
        ((THUMBNAIL,), "moderate"),
        ((COMPRESSED, SCREENSHOT), "low"),
        ((COMPRESSED, COMPRESSED), "moderate"),
        ((COMPRESSED, SCREENSHOT, THUMBNAIL), ""),
    ],
)
@pytest.mark.parametrize("p_fake", [REAL, AI])
def test_each_kind_of_doubt_takes_a_step_and_is_told(
    p_fake: float, doubts: tuple[Finding, ...], certainty: str
) -> None:
    verdict = decided(p_fake, *doubts)
    assert verdict.certainty == certainty
    assert (verdict.kind == "inconclusive") == (not certainty)
    first = "model_sure" if certainty else "too_many_doubts"
    assert codes(verdict)[0] == first
    reasons = {
        "compression": "too_compressed",
        "screenshot": "screenshot",
        "credentials": "changed_after_signing",
        "thumbnail": "thumbnail_differs",
    }
    assert {reasons[doubt.kind] for doubt in doubts} <= set(codes(verdict))


@pytest.mark.parametrize(
    ("size", "certainty"),
    [((128, 900), "moderate"), ((255, 255), "moderate"), ((256, 256), "high"), ((32, 32), "high")],
)
def test_a_small_photograph_is_less_certain(size: tuple[int, int], certainty: str) -> None:
    verdict = decided(AI, size=size)
    assert verdict.certainty == certainty
    assert ("few_pixels" in codes(verdict)) == (certainty == "moderate")


@pytest.mark.parametrize(
    ("size", "is_told"), [((90, 60), True), ((900, 100), True), (LARGE, False)]
)
def test_an_image_that_no_model_takes_is_called_too_small(
    size: tuple[int, int], is_told: bool
) -> None:
    alone = opinion(
        p_fake=AI, in_domain=False, band_low=0.2, band_high=0.8, domain_sentence="Others."
    )
    verdict = decide(alone, size=size)
    assert codes(verdict)[0] == "out_of_domain"
    assert ("too_small" in codes(verdict)) == is_told
    if is_told:
        assert f"{size[0]} x {size[1]} pixels" in verdict.reasons[1].sentence


@pytest.mark.parametrize("p_fake", [REAL, MOSTLY_REAL, UNSURE, MOSTLY_AI, AI])
def test_every_verdict_says_what_would_change_it(p_fake: float) -> None:
    for some in itertools.combinations((SIGNED_AI, CAPTURE, *FORGEABLE), 2):
        for verdict in (decided(p_fake, *some), undecided(*some)):
            assert verdict.would_change
            for sentence in (*verdict.would_change, *(r.sentence for r in verdict.reasons)):
                assert sentence[0].isupper()
                assert sentence.endswith(".")
            assert len({reason.code for reason in verdict.reasons}) == len(verdict.reasons)


def test_an_unknown_signer_could_become_a_known_one() -> None:
    assert "trust list" in undecided(UNKNOWN_AI).would_change[0]
    assert "trust list: then" not in undecided(LABEL).would_change[0]


def test_no_doubt_weighs_where_a_signature_has_settled_it() -> None:
    verdict = decided(REAL, SIGNED_AI, SCREENSHOT, COMPRESSED, size=(200, 200))
    assert codes(verdict) == ["signed_ai", "network_beside"]
