"""What the decoding program answers is checked, as a hostile file may have taken it over."""

import json
from dataclasses import replace
from typing import Any

import pytest

from detection.decoding import Decoded, Task, Work, wire
from detection.image_files import ImageRejected, Limits

TASK = Task(Work.PREVIEWS, Limits(1000, 10_000), 1280)
SIZE = 500
PICTURE = b"RIFF\x0a\x00\x00\x00WEBPxxxxxx"
SOUND = Decoded("PNG", 100, 100, SIZE, "0" * 64, -5, (PICTURE,))
FACTS: list[Any] = ["PNG", 100, 100, SIZE, "0" * 64, -5]


def answered(header: Any, *pictures: bytes, task: Task = TASK) -> Decoded | ImageRejected:
    told = header if isinstance(header, bytes) else json.dumps(header).encode()
    content = wire.LENGTH.pack(len(told)) + told + b"".join(pictures)

    def receive(size: int) -> bytes:
        nonlocal content
        assert size <= wire.MOST_PICTURE
        if len(content) < size:
            raise wire.Garbled
        piece, content = content[:size], content[size:]
        return piece

    return wire.result_from(receive, task, byte_size=SIZE)


def test_a_sound_answer_is_taken() -> None:
    assert answered([*FACTS, len(PICTURE)], PICTURE) == SOUND
    shape = Task(Work.SHAPE, TASK.limits, 64)
    assert answered(FACTS, task=shape) == replace(SOUND, pictures=())
    rejected = answered(["damaged_image", "The image is damaged."])
    assert isinstance(rejected, ImageRejected)
    assert rejected.code == "damaged_image"


def changed(place: int, value: object) -> list[object]:
    return [*FACTS[:place], value, *FACTS[place + 1 :], len(PICTURE)]


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"no JSON",
        b"[" * 4000,
        b"[" + b" " * wire.MOST_HEADER + b"]",
        b"\xff\xfe",
        {"code": "damaged_image"},
        [],
        FACTS,
        changed(0, "SVG"),
        changed(0, ["PNG"]),
        changed(1, 0),
        changed(1, True),
        changed(1, 100.0),
        changed(1, 101),
        changed(1, "100"),
        changed(3, SIZE + 1),
        changed(4, "0" * 63 + "G"),
        changed(4, "0" * 64 + "\n"),
        changed(4, None),
        changed(5, 1 << 63),
        changed(5, None),
        changed(5, float("nan")),
        [*FACTS, len(PICTURE), len(PICTURE), len(PICTURE)],
        [*FACTS, -1],
        [*FACTS, 1],
        [*FACTS, wire.MOST_PICTURE + 1],
        [*FACTS, str(len(PICTURE))],
        [*FACTS, len(PICTURE) + 1],
        ["made_up", "A sentence."],
        ["damaged_image", 5],
        [["damaged_image"], "A sentence."],
        ["damaged_image", "Two\nlines"],
        ["damaged_image", "x" * 301],
    ],
    ids=lambda header: repr(header)[:40],
)
def test_any_other_is_not(header: Any) -> None:
    with pytest.raises(wire.Garbled):
        answered(header, PICTURE, PICTURE, PICTURE)


@pytest.mark.parametrize(
    "picture",
    [b"<script>alert(1)</script>", PICTURE + b"<script>", b"RIFF" + PICTURE[4:12][::-1] + b"x" * 6],
)
def test_what_is_no_webp_is_no_preview(picture: bytes) -> None:
    with pytest.raises(wire.Garbled):
        answered([*FACTS, len(picture)], picture)
