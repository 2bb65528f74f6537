"""Findings come strongest first, each once, and silence only where nothing is said."""

from detection.findings import STRENGTHS, Finding
from detection.provenance import examine, in_order
from tests import images, metadata

SIGNED = Finding("credentials", "signed_ai", "C2PA", "conclusive", "ai", "Signed.")


def everything() -> tuple[Finding, ...]:
    """The findings on a file that a generator, a camera and an editor all wrote into."""
    main = {**metadata.CAMERA, 0x0131: (metadata.ASCII, "Adobe Photoshop 26.0")}
    photo = {**metadata.EXPOSURE, 0x9286: metadata.user_comment(metadata.A1111)}
    content = metadata.jpeg_with(
        (0xE1, b"Exif\0\0" + metadata.exif(main, photo, metadata.PLACE)),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + metadata.declared("digitalCapture")),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0no packet"),
    )
    return examine(content, format="JPEG", width=48, height=32)


def test_the_strongest_come_first() -> None:
    findings = everything()
    assert [each.code for each in findings] == [
        *("generator_record", "camera_record", "declared_capture", "edited"),
        *("personal_data", "compression", "unreadable"),
    ]
    places = [STRENGTHS.index(each.strength) for each in findings]
    assert places == sorted(places)


def test_the_same_file_gives_the_same_findings() -> None:
    assert everything() == everything()


def test_what_another_reader_found_is_joined_in() -> None:
    silent = examine(images.image_file("PNG"), format="PNG", width=48, height=32)
    assert [each.code for each in silent] == ["nothing_said"]
    assert in_order((*silent, SIGNED, SIGNED)) == (SIGNED,)
    assert in_order((*everything(), SIGNED))[0] == SIGNED


def test_a_file_with_a_box_for_credentials_is_not_silent() -> None:
    content = metadata.jpeg_with((0xEB, b"JP\0\1" + bytes(20)))
    findings = examine(content, format="JPEG", width=48, height=32)
    assert "nothing_said" not in {each.code for each in findings}
