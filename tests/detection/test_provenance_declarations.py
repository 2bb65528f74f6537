"""What a file declares of its origin counts where it stands for the file, and nowhere else."""

import json

import pytest

from tests import images, metadata
from tests.findings import found, told

CAPTURED = metadata.declared("digitalCapture")
AI = metadata.SOURCE_TYPES + "trainedAlgorithmicMedia"


@pytest.mark.parametrize(
    ("term", "code", "strength", "leaning"),
    [
        ("trainedAlgorithmicMedia", "declared_ai", "moderate", "ai"),
        ("compositeWithTrainedAlgorithmicMedia", "declared_ai_parts", "moderate", "ai"),
        ("digitalCapture", "declared_capture", "weak", "real"),
        ("computationalCapture", "declared_capture", "weak", "real"),
        ("screenCapture", "declared_screen", "weak", "doubt"),
        ("humanEdits", "declared_other", "context", "neutral"),
        ("somethingNew", "declared_other", "context", "neutral"),
    ],
)
def test_each_digital_source_type_has_its_meaning(
    term: str, code: str, strength: str, leaning: str
) -> None:
    finding = found(metadata.jpeg_xmp(metadata.declared(term)))[code]
    assert (finding.kind, finding.strength, finding.leaning) == ("declaration", strength, leaning)
    assert told(finding) == {"Digital source type": term}
    assert "Anybody can write" in finding.sentence


def test_it_may_stand_as_an_element_or_a_resource() -> None:
    for inner in (
        f"<Iptc4xmpExt:DigitalSourceType>{AI}</Iptc4xmpExt:DigitalSourceType>",
        f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{AI}"/>',
    ):
        assert "declared_ai" in found(metadata.jpeg_xmp(metadata.xmp(inner=inner)))


def test_another_prefix_means_the_same() -> None:
    packet = metadata.declared("trainedAlgorithmicMedia")
    packet = packet.replace(b"xmlns:Iptc4xmpExt=", b"xmlns:x=").replace(b"Iptc4xmpExt:", b"x:")
    assert "declared_ai" in found(metadata.jpeg_xmp(packet))


def test_another_namespace_does_not() -> None:
    packet = metadata.declared("trainedAlgorithmicMedia").replace(b"2008-02-29", b"1999-01-01")
    assert "declared_ai" not in found(metadata.jpeg_xmp(packet))


def test_what_an_ingredient_declares_is_not_the_files_own() -> None:
    inner = (
        "<xmpMM:Pantry><rdf:Bag><rdf:li><rdf:Description "
        f'Iptc4xmpExt:DigitalSourceType="{AI}"/></rdf:li></rdf:Bag></xmpMM:Pantry>'
    )
    assert "declared_ai" not in found(metadata.jpeg_xmp(metadata.xmp(inner=inner)))


@pytest.mark.parametrize("name", ["declared.gif", "declared.tif", "declared.jpg", "extended.jpg"])
def test_it_is_read_where_each_format_keeps_xmp(name: str) -> None:
    format_name, content = metadata.samples()[name]
    assert {"declared_ai", "declared_capture"} & found(content, format_name).keys()


def test_extended_xmp_counts_only_when_it_is_what_it_was_made_of() -> None:
    packet = metadata.declared("trainedAlgorithmicMedia")
    forged = metadata.jpeg_extended_xmp(packet, name="0" * 32)
    findings = found(forged)
    assert "declared_ai" not in findings
    assert "its parts are not those" in findings["unreadable"].sentence


@pytest.mark.parametrize(
    ("label", "code", "strength"),
    [("1", "declared_ai", "moderate"), ("2", "declared_ai_possible", "weak"), ("9", None, None)],
)
def test_the_label_that_china_asks_for_is_read(
    label: str, code: str | None, strength: str | None
) -> None:
    notes = {"Label": label, "ContentProducer": "001"}
    quoted = json.dumps(notes).replace('"', "&quot;")
    for content, format_name in (
        (metadata.png_texts({"AIGC": notes}), "PNG"),
        (metadata.png_texts({"Comment": {"AIGC": notes}}), "PNG"),
        (metadata.jpeg_xmp(metadata.xmp({"TC260:AIGC": quoted})), "JPEG"),
    ):
        findings = found(content, format_name)
        declared = [each for each in findings.values() if each.code.startswith("declared")]
        assert [each.code for each in declared] == ([code] if code else [])
        assert [each.strength for each in declared] == ([strength] if strength else [])


# Thirteen forged bytes and more: the words stand in the file, but nowhere where they count.
STRAY = (
    b"trainedAlgorithmicMedia",
    b"parameters\0" + metadata.A1111.encode(),
    metadata.declared("trainedAlgorithmicMedia"),
    b"Software\0Midjourney",
    images.png_chunk(*metadata.plain_text("parameters", metadata.A1111)),
    metadata.jpeg_xmp(metadata.declared("trainedAlgorithmicMedia"))[2:1000],
)


@pytest.mark.parametrize("stray", STRAY, ids=range(len(STRAY)))
@pytest.mark.parametrize(
    "format_name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"]
)
def test_stray_bytes_behind_the_image_count_for_nothing(format_name: str, stray: bytes) -> None:
    content = images.image_file(format_name)
    name = images.FORMATS[format_name]
    before, after = found(content, name), found(content + stray, name)
    assert {code for code in after if code != "unreadable"} == before.keys()


@pytest.mark.parametrize("stray", STRAY, ids=range(len(STRAY)))
def test_stray_bytes_among_the_pixels_count_for_nothing(stray: bytes) -> None:
    for format_name in ("BMP", "TIFF", "JPEG"):
        content = bytearray(images.image_file(format_name, (96, 64)))
        content[-2 - len(stray) : -2] = stray
        findings = found(bytes(content), images.FORMATS[format_name])
        assert not {each.kind for each in findings.values()} & {"generator", "declaration"} - {
            each.kind for each in findings.values() if each.code == "nothing_said"
        }


def test_a_chunk_of_another_kind_is_no_text() -> None:
    chunk = (b"prVt", metadata.plain_text("parameters", metadata.A1111)[1])
    assert "generator_record" not in found(metadata.png_with(chunk), "PNG")
