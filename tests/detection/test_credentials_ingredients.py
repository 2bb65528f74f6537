"""What went into an image counts only where its own signer is trusted; nothing hides a change."""

from pathlib import Path

import pytest

from detection.provenance.credentials import reading
from detection.provenance.credentials.judging import findings
from detection.provenance.credentials.manifests import active_manifest
from tests import credentials as made
from tests.credentials import details, only, read, worth
from tests.images import image_file


@pytest.fixture(scope="module")
def image() -> bytes:
    return image_file("JPEG")


def test_an_image_made_by_ai_stays_one_in_an_editor(image: bytes, trust_list: Path) -> None:
    once = made.edited(made.signed_ai(image))
    for file in (once, made.edited(once)):
        finding = only(file, trust_list)
        assert worth(finding) == ("signed_ai", "conclusive", "ai")
        assert finding.sentence.startswith(
            "“Painter” (Painter Ltd) signed that the image behind this one was made by AI. "
            "“Editor” (Editor Ltd) made this file from it."
        )
    assert details(finding)["Ingredient 1"] == (
        "the image that was worked on · valid, by a signer on the trust list · "
        "signed by “Editor” (Editor Ltd)"
    )
    assert "Ingredient 1, title" not in details(finding.without_private())


def test_a_photograph_stays_one_in_an_editor(image: bytes, trust_list: Path) -> None:
    edited = made.edited(made.camera_capture(image), layers=(made.camera_capture(image),))
    assert worth(only(edited, trust_list)) == ("signed_capture", "strong", "real")


def test_ai_put_into_a_photograph_is_a_part(image: bytes, trust_list: Path) -> None:
    mixed = made.edited(made.camera_capture(image), layers=(made.signed_ai(image),))
    finding = only(mixed, trust_list)
    assert worth(finding) == ("signed_ai_parts", "conclusive", "ai")
    assert "an image that went into this one was made by AI" in finding.sentence


def test_something_of_unknown_origin_in_a_photograph_ends_its_proof(
    image: bytes, trust_list: Path
) -> None:
    for layer in (image, made.changed(made.camera_capture(image))):
        mixed = made.edited(made.camera_capture(image), layers=(layer,))
        assert worth(only(mixed, trust_list)) == ("signed", "context", "neutral")


def test_a_stranger_s_claim_does_not_become_proof_by_a_trusted_editor(
    image: bytes, trust_list: Path
) -> None:
    signed, claimed = read(made.edited(made.by_unknown_signer(image)), trust_list).findings
    assert worth(signed) == ("signed", "context", "neutral")
    assert worth(claimed) == ("unknown_signer_ai", "moderate", "ai")
    capture = made.edited(made.by_unknown_signer(image, made.CAPTURE))
    assert worth(only(capture, trust_list)) == ("signed", "context", "neutral")


def test_a_trusted_claim_does_not_become_proof_by_a_strange_editor(
    image: bytes, trust_list: Path
) -> None:
    stranger = made.stranger().signing("Stranger")
    finding = only(made.edited(made.signed_ai(image), by=stranger), trust_list)
    assert worth(finding) == ("unknown_signer_ai", "moderate", "ai")
    finding = only(made.edited(made.camera_capture(image), by=stranger), trust_list)
    assert worth(finding) == ("unknown_signer", "context", "neutral")


def test_an_ingredient_that_was_changed_before_counts_for_nothing(
    image: bytes, trust_list: Path
) -> None:
    finding = only(made.edited(made.changed(made.signed_ai(image))), trust_list)
    assert worth(finding) == ("signed", "context", "neutral")
    assert "not valid" in details(finding)["Ingredient 1"]


def test_another_record_in_an_ingredient_s_place_is_no_proof(
    image: bytes, trust_list: Path
) -> None:
    answer = reading.read_apart(
        made.edited(made.signed_ai(image)),
        media_type="image/jpeg",
        trust_list=trust_list,
        seconds=20,
    )
    assert answer
    manifest = active_manifest(answer.store, answer.checks)
    assert manifest
    assert [part.state for part in manifest.ingredients] == ["trusted"]
    whole = answer.store["active_manifest"]
    answer.checks[whole]["ingredientDeltas"] = []
    manifest = active_manifest(answer.store, answer.checks)
    assert manifest
    assert [part.state for part in manifest.ingredients] == ["invalid"]


@pytest.mark.parametrize("version", [1, 2])
def test_both_versions_of_claims_are_read(version: int, image: bytes, trust_list: Path) -> None:
    begun = [made.created(made.AI, "Painter")]
    signed = made.sign(image, begun, by=made.painter(), claim_version=version)
    assert worth(only(signed, trust_list)) == ("signed_ai", "conclusive", "ai")
    assert worth(only(made.edited(signed), trust_list)) == ("signed_ai", "conclusive", "ai")


def with_forged_ingredient(image: bytes) -> tuple[bytes, bytes]:
    """A signed edit of a drawing, and the same with the drawing's record changed to say AI.

    Both terms are of one length, and no hash over the file covers the records in it.
    """
    term = "digitalCreationByPeople"
    drawn = made.sign(image, [made.created(made.SOURCE_TYPES + term, "Pen")], by=made.painter())
    edited = made.edited(drawn)
    return edited, edited.replace(term.encode(), b"trainedAlgorithmicMedia")


def test_a_forged_record_of_an_ingredient_is_no_proof(image: bytes, trust_list: Path) -> None:
    edited, forged = with_forged_ingredient(image)
    assert worth(only(edited, trust_list)) == ("signed", "context", "neutral")
    assert only(forged, trust_list).code == "credentials_invalid"


def test_a_forged_record_is_found_even_where_the_library_was_made_to_hide_it(
    image: bytes, trust_list: Path
) -> None:
    """The library leaves out what any manifest in the file claims to have noted before.

    So the report of the honest file stands for what a forger could make it say of the forged one.
    """
    edited, forged = with_forged_ingredient(image)
    honest, found = (
        reading.read_apart(file, media_type="image/jpeg", trust_list=trust_list, seconds=20)
        for file in (edited, forged)
    )
    assert honest
    assert found
    report = {
        **found.store,
        **{key: honest.store[key] for key in honest.store if key != "manifests"},
    }
    report.pop("validation_status", None)
    manifest = active_manifest(report, found.checks)
    assert manifest
    assert manifest.state == "trusted"
    assert [part.state for part in manifest.ingredients] == ["invalid"]
    (finding,) = findings(manifest, has_trust_list=True)
    assert worth(finding) == ("signed", "context", "neutral")
