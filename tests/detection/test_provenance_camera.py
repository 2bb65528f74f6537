"""What cameras write is shown for what it is worth; what is personal is for the owner alone."""

import pytest

from tests import images, metadata
from tests.findings import found, told
from tests.metadata import RATIONAL


@pytest.mark.parametrize("order", ["<", ">"])
def test_maker_model_and_exposure_make_a_record(order: str) -> None:
    block = metadata.exif(metadata.CAMERA, metadata.EXPOSURE, metadata.PLACE, order=order)
    finding = found(metadata.jpeg_exif(block))["camera_record"]
    assert (finding.kind, finding.strength, finding.leaning) == ("camera", "moderate", "real")
    assert told(finding) == {
        "Maker": "Canon",
        "Model": "Canon EOS R6",
        "Lens": "RF50mm F1.8 STM",
        "Exposure": "1/250 s",
        "Aperture": "f/5.6",
        "ISO": "400",
        "Focal length": "50 mm",
        "Taken": "2024:05:01 12:00:00",
    }


@pytest.mark.parametrize("format_name", ["avif", "heic", "png", "webp"])
def test_it_is_read_from_every_format(format_name: str) -> None:
    name, content = metadata.samples()[f"camera.{format_name}"]
    assert told(found(content, name)["camera_record"])["Model"] == "Canon EOS R6"


def test_it_is_read_from_a_tiff_whose_directories_are_the_file() -> None:
    content = metadata.tiff_with({271: "Nikon", 272: "D850"})
    assert told(found(content, "TIFF")["camera_named"])["Maker"] == "Nikon"


@pytest.mark.parametrize(
    ("main", "photo"),
    [
        (metadata.CAMERA, {}),
        ({}, metadata.EXPOSURE),
        (metadata.CAMERA, {0x829A: (RATIONAL, (1, 0)), 0x829D: (RATIONAL, (0, 1))}),
        (metadata.CAMERA, {0x829A: (RATIONAL, (1, 60)), 0x8827: (metadata.SHORT, (0,))}),
    ],
    ids=["no exposure", "no camera", "impossible", "half"],
)  # fmt: skip
def test_fewer_fields_say_less(
    main: dict[int, metadata.Field], photo: dict[int, metadata.Field]
) -> None:
    findings = found(metadata.jpeg_exif(metadata.exif(main, photo)))
    assert findings["camera_named"].strength == "weak"
    assert "camera_record" not in findings


def test_xmp_names_a_camera_too() -> None:
    packet = metadata.xmp({"tiff:Make": "FUJIFILM", "tiff:Model": "X-T5"})
    assert told(found(metadata.jpeg_xmp(packet))["camera_named"])["Model"] == "X-T5"


@pytest.mark.parametrize("code", ["camera_record", "personal_data"])
def test_every_sentence_says_that_anybody_can_write_this(code: str) -> None:
    assert "Anybody can write" in found(metadata.camera_file())[code].sentence


def test_a_generator_that_poses_as_a_camera_is_none() -> None:
    block = metadata.exif({0x010F: (metadata.ASCII, "Midjourney")}, metadata.EXPOSURE)
    findings = found(metadata.jpeg_exif(block))
    assert findings["generator_named"].leaning == "ai"
    assert "camera_record" not in findings


def test_the_position_is_shown_to_the_owner_alone() -> None:
    finding = found(metadata.camera_file())["personal_data"]
    assert told(finding)["Position"] == "48.137150, 11.575383"
    public = finding.without_private()
    # Not even that there is one.
    assert public.details == ()
    assert "48.13" not in str(public.as_json())


def test_south_and_west_are_negative() -> None:
    place: dict[int, metadata.Field] = {
        1: (metadata.ASCII, "S"), 2: (RATIONAL, (33, 1, 30, 1, 0, 1)),
        3: (metadata.ASCII, "W"), 4: (RATIONAL, (70, 1, 30, 1, 0, 1)),
    }  # fmt: skip
    finding = found(metadata.jpeg_exif(metadata.exif(place=place)))["personal_data"]
    assert told(finding)["Position"] == "-33.500000, -70.500000"


@pytest.mark.parametrize("degrees", [(91, 1), (1, 0), (4_000_000_000, 1)])
def test_a_position_that_is_not_on_earth_is_none(degrees: tuple[int, ...]) -> None:
    place = {**metadata.PLACE, 2: (RATIONAL, degrees)}
    assert "personal_data" not in found(metadata.jpeg_exif(metadata.exif(place=place)))


def test_names_rights_and_serial_numbers_are_private() -> None:
    main = {0x013B: (metadata.ASCII, "Ann Adams"), 0x8298: (metadata.ASCII, "(c) Ann")}
    photo = {0xA430: (metadata.ASCII, "Ann A."), 0xA431: (metadata.ASCII, "S123")}
    content = metadata.jpeg_exif(metadata.exif(main, photo))
    findings = found(content)
    lines = told(findings["personal_data"])
    assert {"Artist", "Copyright", "Owner of the camera", "Serial number"} <= lines.keys()
    public = str([each.without_private() for each in findings.values()])
    assert not [word for word in ("Ann", "S123") if word in public]


def test_names_in_xmp_are_private_too() -> None:
    inner = "<dc:creator><rdf:Seq><rdf:li>Ann Adams</rdf:li></rdf:Seq></dc:creator>"
    finding = found(metadata.jpeg_xmp(metadata.xmp({"photoshop:City": "Ulm"}, inner)))[
        "personal_data"
    ]
    assert (told(finding)["Creator"], told(finding)["City"]) == ("Ann Adams", "Ulm")
    assert "Ann" not in str(finding.without_private())


def test_nothing_said_is_said_once_and_gives_way_to_what_is() -> None:
    plain = found(images.image_file("PNG"), "PNG")
    assert plain["nothing_said"].strength == "context"
    assert "proves nothing" in plain["nothing_said"].sentence
    assert "nothing_said" not in found(metadata.camera_file())
    assert "nothing_said" in found(images.with_metadata("JPEG"))
