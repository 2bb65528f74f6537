"""Files made to cost time or memory cost neither, and the rest of them is still told."""

import pytest

from detection.image_files import FORMATS
from detection.provenance import examine
from tests import images, metadata
from tests.findings import examined_within_bounds, found, unreadable
from tests.hostile_metadata import hostile


@pytest.mark.parametrize("name", sorted(hostile()))
def test_it_is_read_in_bounded_time_and_memory(name: str) -> None:
    format_name, content, reason = hostile()[name]
    findings = examined_within_bounds(content, format_name)
    told = unreadable(findings)
    assert findings
    if reason:
        assert any(reason in sentence for sentence in told), told
    assert all("could not be read: " in sentence for sentence in told)


@pytest.mark.parametrize("name", ["zTXt bomb", "ICC bomb", "deep JSON", "no name", "crowded EXIF"])
def test_what_stands_beside_is_still_told(name: str) -> None:
    _, content, _ = hostile()[name]
    at = len(images.PNG_SIGNATURE) + 25
    chunk = images.png_chunk(*metadata.plain_text("parameters", metadata.A1111))
    findings = found(content[:at] + chunk + content[at:], "PNG")
    assert {"generator_record", "unreadable"} <= findings.keys()


def test_what_stands_before_the_damage_is_still_told() -> None:
    content = metadata.jpeg_exif(metadata.exif(metadata.CAMERA, metadata.EXPOSURE))
    at = content.index(b"\xff\xdb")
    findings = found(content[:at] + b"junk" + content[at:])
    assert {"camera_record", "unreadable"} <= findings.keys()


@pytest.mark.parametrize("key", ["version", "metadata_scheme", "loras", "seed", "prompt", "Label"])
def test_json_just_shallow_enough_to_be_read_is_survived(key: str) -> None:
    for depth in (*range(700, 1_000, 7), *range(960, 1_000)):
        nested = (
            '{"a":' * (depth // 2) + "[" * (depth // 2) + "]" * (depth // 2) + "}" * (depth // 2)
        )
        notes = (
            f'{{"prompt":"x","seed":1,"steps":2,"sampler":"y","AIGC":{nested},"{key}":{nested}}}'
        )
        assert found(metadata.png_texts({"Comment": notes}), "PNG")


def test_an_external_entity_is_never_opened() -> None:
    findings = found(hostile()["external entity"][1])
    assert not {"edited", "software_named"} & findings.keys()


@pytest.mark.parametrize("name", sorted(metadata.samples()))
def test_a_file_cut_off_anywhere_is_survived(name: str) -> None:
    format_name, content = metadata.samples()[name]
    for end in range(0, len(content), max(1, len(content) // 60)):
        assert examine(content[:end], format=format_name, width=48, height=32)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("content", [b"", b"\0", b"thirteen bytes", bytes(5_000_000)])
def test_what_is_no_image_is_survived(format_name: str, content: bytes) -> None:
    examined_within_bounds(content, format_name)


def test_problems_are_told_a_few_times_only() -> None:
    chunks = [(b"zTXt", b"key%d\0\0broken" % number) for number in range(500)]
    findings = examined_within_bounds(metadata.png_with(*chunks), "PNG")
    assert len(unreadable(findings)) == 8
