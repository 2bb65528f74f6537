"""Programs, histories, dates and sizes tell of editing, and never more than that."""

import pytest

from tests import images, metadata
from tests.findings import found, told


def written(tag: int, text: str) -> bytes:
    return metadata.jpeg_exif(metadata.exif({tag: (metadata.ASCII, text)}))


@pytest.mark.parametrize(
    "content",
    [
        written(0x0131, "Adobe Photoshop 26.0 (Windows)"),
        written(0x000B, "darktable 4.8"),
        metadata.jpeg_xmp(metadata.xmp({"xmp:CreatorTool": "GIMP 2.10"})),
        metadata.samples()["history.jpg"][1],
    ],
    ids=["software", "processing", "creator tool", "history"],
)
def test_a_program_for_editing_is_named_and_says_little(content: bytes) -> None:
    finding = found(content)["edited"]
    assert (finding.kind, finding.strength, finding.leaning) == ("editing", "weak", "neutral")
    assert "usual" in finding.sentence


def test_the_steps_of_a_history_are_told_in_order() -> None:
    packet = metadata.history(
        ("created", "Adobe Photoshop 26.0", "2025-01-01T10:00:00"),
        ("saved", "Adobe Lightroom 8.0", "2025-01-02T10:00:00"),
    )
    finding = found(metadata.jpeg_xmp(packet))["edited"]
    steps = [line.value for line in finding.details if line.label == "Step"]
    assert steps == [
        "2025-01-01T10:00:00 · created · Adobe Photoshop 26.0",
        "2025-01-02T10:00:00 · saved · Adobe Lightroom 8.0",
    ]


def test_a_long_history_is_cut() -> None:
    steps = [("saved", f"Photoshop {step}", "2025") for step in range(100)]
    finding = found(metadata.jpeg_xmp(metadata.history(*steps)))["edited"]
    assert len([line for line in finding.details if line.label == "Step"]) == 30


def test_the_firmware_of_a_camera_is_no_editing() -> None:
    finding = found(written(0x0131, "Ver.1.05"))["software_named"]
    assert finding.strength == "context"


@pytest.mark.parametrize("name", ["FaceApp", "Remini 3.7", "Topaz Photo AI"])
def test_programs_that_invent_detail_raise_doubt(name: str) -> None:
    finding = found(written(0x0131, name))["reworked_by_ai"]
    assert (finding.strength, finding.leaning) == ("weak", "doubt")


@pytest.mark.parametrize(
    ("saved", "code"),
    [
        ("2024:05:01 12:00:05", None),
        ("2024:05:20 12:00:00", "saved_later"),
        ("2023:05:01 12:00:00", "dates_contradict"),
        ("2024:13:41 99:00:00", None),
        ("0000:00:00 00:00:00", None),
    ],
)
def test_dates_are_compared(saved: str, code: str | None) -> None:
    block = metadata.exif({0x0132: (metadata.ASCII, saved)}, metadata.EXPOSURE)
    codes = found(metadata.jpeg_exif(block)).keys() & {"saved_later", "dates_contradict"}
    assert codes == ({code} if code else set())


@pytest.mark.parametrize(
    ("size", "differs"), [((48, 32), False), ((32, 48), False), ((480, 320), True)]
)
def test_a_size_other_than_the_recorded_one_is_told(size: tuple[int, int], differs: bool) -> None:
    photo = {0xA002: (metadata.LONG, (size[0],)), 0xA003: (metadata.LONG, (size[1],))}
    findings = found(metadata.jpeg_exif(metadata.exif({}, photo)))
    assert ("size_differs" in findings) is differs
    if differs:
        assert told(findings["size_differs"])["Size in the record"] == "480 x 320"


def test_a_plain_file_was_not_edited_as_far_as_it_says() -> None:
    findings = found(images.image_file("JPEG"))
    assert not [each for each in findings.values() if each.kind == "editing"]
