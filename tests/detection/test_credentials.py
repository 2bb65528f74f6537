"""Content Credentials are read, checked, and told for what they are worth."""

from pathlib import Path

import pytest

from detection.provenance.credentials import Credentials
from tests import credentials as made
from tests.credentials import details, only, read, worth
from tests.images import FORMATS, image_file


@pytest.fixture
def image() -> bytes:
    return image_file("JPEG")


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_without_credentials_says_nothing(name: str, trust_list: Path) -> None:
    assert read(image_file(name), trust_list, FORMATS[name]) == Credentials()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "HEIF"])
def test_an_image_signed_as_made_by_ai_is_told_in_every_format(name: str, trust_list: Path) -> None:
    signed = made.signed_ai(image_file(name))
    finding = only(signed, trust_list, FORMATS[name])
    assert worth(finding) == ("signed_ai", "conclusive", "ai")
    assert finding.kind == "credentials"
    assert finding.sentence == (
        "“Painter” (Painter Ltd) signed that this image was made by AI. "
        "The signature fits the file, and the signer is on the trust list."
    )


def test_what_was_read_is_told_and_names_of_files_are_private(
    image: bytes, trust_list: Path
) -> None:
    author = {
        "label": "stds.schema-org.CreativeWork",
        "kind": "Json",
        "data": {
            "@context": "https://schema.org",
            "@type": "CreativeWork",
            "author": [{"@type": "Person", "name": "Alice Adams"}],
        },
    }
    actions = [made.created(made.AI, "Painter"), {"action": "c2pa.cropped"}]
    found = read(made.sign(image, actions, by=made.painter(), assertions=[author]), trust_list)
    (finding,) = found.findings
    assert details(finding) == {
        "Credentials": "valid, by a signer on the trust list",
        "Signed by": "Painter",
        "Organisation": "Painter Ltd",
        "Made with": "Workshop 2.0",
        "Thumbnail": "signed with the image",
        "Title": "secret-name.jpg",
        "Author": "Alice Adams",
        "Action 1": "created · with Painter 1.0 · made by AI",
        "Action 2": "cropped",
    }
    assert {"Title", "Author"}.isdisjoint(details(finding.without_private()))
    assert found.thumbnail is not None
    assert found.thumbnail.startswith(b"\xff\xd8")


def test_a_camera_s_signature_speaks_for_a_photograph_but_settles_nothing(
    image: bytes, trust_list: Path
) -> None:
    finding = only(made.camera_capture(image), trust_list)
    assert worth(finding) == ("signed_capture", "strong", "real")
    assert "photograph of a screen" in finding.sentence


def test_parts_made_by_ai_are_told_apart(image: bytes, trust_list: Path) -> None:
    assert worth(only(made.composite(image), trust_list)) == (
        "signed_ai_parts",
        "conclusive",
        "ai",
    )


def test_a_signature_that_declares_neither_is_context(image: bytes, trust_list: Path) -> None:
    drawn = made.sign(
        image, [made.created(made.SOURCE_TYPES + "digitalCreation", "Pen")], by=made.painter()
    )
    finding = only(drawn, trust_list)
    assert worth(finding) == ("signed", "context", "neutral")
    assert details(finding)["Action 1"].endswith("made on a computer by a person")


def test_a_strange_signer_is_no_proof(image: bytes, trust_list: Path) -> None:
    finding = only(made.by_unknown_signer(image), trust_list)
    assert worth(finding) == ("unknown_signer_ai", "moderate", "ai")
    assert "“Stranger” (Stranger Ltd) is not on the trust list" in finding.sentence
    finding = only(made.by_unknown_signer(image, made.CAPTURE), trust_list)
    assert worth(finding) == ("unknown_signer", "context", "neutral")


def test_without_a_trust_list_nobody_is_known(image: bytes, tmp_path: Path) -> None:
    finding = only(made.camera_capture(image), tmp_path / "none.pem")
    assert worth(finding) == ("unknown_signer", "context", "neutral")
    assert "No trust list is installed here" in finding.sentence


def test_a_damaged_trust_list_is_named(image: bytes, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pem"
    damaged.write_bytes(made.trust_list_pem()[:300])
    finding = only(made.signed_ai(image), damaged)
    assert worth(finding) == ("credentials_unreadable", "context", "neutral")
    assert "the trust list of this installation is damaged" in finding.sentence


def test_a_picture_changed_after_signing_raises_doubt(image: bytes, trust_list: Path) -> None:
    found = read(made.changed(made.signed_ai(image)), trust_list)
    (finding,) = found.findings
    assert worth(finding) == ("credentials_invalid", "strong", "doubt")
    assert "changed after it was signed" in finding.sentence
    assert "(assertion.dataHash.mismatch)" in details(finding)["Failed"]
    assert found.thumbnail, "it shows how the picture looked"


def test_a_manifest_moved_to_another_file_raises_doubt(trust_list: Path) -> None:
    one, other = image_file("PNG"), image_file("PNG", seed=9)
    manifest = chunk(made.signed_ai(one))
    at = other.index(b"IDAT") - 4
    finding = only(other[:at] + manifest + other[at:], trust_list, "PNG")
    assert worth(finding) == ("credentials_invalid", "strong", "doubt")
    assert "taken from another file" in finding.sentence


def chunk(signed_png: bytes) -> bytes:
    """The chunk that holds the manifest."""
    at = signed_png.index(b"caBX") - 4
    return signed_png[at : at + 12 + int.from_bytes(signed_png[at : at + 4], "big")]


def test_a_changed_record_raises_doubt_and_shows_no_thumbnail(
    image: bytes, trust_list: Path
) -> None:
    signed = made.signed_ai(image).replace(b"trainedAlgorithmicMedia", b"digitalCreationByPeople")
    found = read(signed, trust_list)
    (finding,) = found.findings
    assert worth(finding) == ("credentials_invalid", "strong", "doubt")
    assert "record itself was changed" in finding.sentence
    assert found.thumbnail is None


@pytest.mark.parametrize(
    ("source_type", "expected"),
    [
        (made.AI, ("ended_signer_ai", "moderate", "ai")),
        (made.CAPTURE, ("ended_signer", "context", "neutral")),
    ],
)
def test_a_signer_whose_certificate_has_ended_counts_as_one_whom_nobody_knows(
    image: bytes, trust_list: Path, source_type: str, expected: tuple[str, str, str]
) -> None:
    late = made.trusted().signing_expired("Late")
    signed = made.sign(image, [made.created(source_type, "Late")], by=late)
    finding = only(signed, trust_list)
    assert worth(finding) == expected
    assert "certificate of “Late” (Late Ltd) has ended" in finding.sentence
    assert only(made.changed(signed), trust_list).code == "credentials_invalid"


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"])
def test_a_manifest_kept_elsewhere_is_named_and_not_fetched(name: str, trust_list: Path) -> None:
    finding = only(made.remote_only(image_file(name)), trust_list, FORMATS[name])
    assert worth(finding) == ("credentials_elsewhere", "context", "neutral")
    assert "kept at manifests.example.org" in finding.sentence
    assert details(finding.without_private()) == {"Kept at": "manifests.example.org"}
