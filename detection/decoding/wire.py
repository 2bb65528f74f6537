"""What web process and decoding program say to each other; the answer is checked, never trusted.

A request is a few numbers, and the file: a small one follows them, of any other a descriptor comes
with them. An answer is JSON behind its length, and then the bytes of the pictures it announces.
"""

import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from detection.image_files import FORMATS, ImageRejected, Limits

LENGTH = struct.Struct("!I")
# The place of the work, most bytes, most pixels, the side, and how many bytes follow.
REQUEST = struct.Struct("!BQQQI")
# Up to this size a file travels through the socket, which is quicker than a descriptor of it.
MOST_INLINE = 32_768
MOST_HEADER = 4096
# A picture of 1280 x 1280 pixels is 4.9 MB before it is encoded.
MOST_PICTURE = 8_000_000
MOST_SENTENCE = 300
READY = b"+"
# What the program may refuse a file for: the codes of `image_files.inspect`.
REFUSALS = (
    *("empty_file", "file_too_large", "disguised_document", "unsupported_format"),
    *("too_many_pixels", "damaged_image"),
)
SHA256 = re.compile(r"[0-9a-f]{64}")
RIFF = struct.Struct("<4sI4s")


class Work(StrEnum):
    """What is wanted of a file, beside the facts: its previews, its coarse shape, or a picture."""

    PREVIEWS = "previews"
    SHAPE = "shape"
    PICTURE = "picture"


WORKS = tuple(Work)
# How many pictures come with an answer, at least and at most.
PICTURES = {Work.PREVIEWS: (1, 2), Work.SHAPE: (0, 0), Work.PICTURE: (1, 1)}


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done with one file; `side` is the longer side of the larger picture."""

    work: Work
    limits: Limits
    side: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """What is known of a safe file.

    Attributes:
        format: One of `image_files.FORMATS`.
        width, height: In pixels, upright as EXIF says.
        byte_size: Of the file.
        sha256: Of the file, as 64 hexadecimal digits.
        shape: The perceptual hash.
        pictures: WebP, the larger one first, upright and without metadata.
    """

    format: str
    width: int
    height: int
    byte_size: int
    sha256: str
    shape: int
    pictures: tuple[bytes, ...] = ()


class Garbled(Exception):
    """What came is no answer: the program has ended, or is no longer itself."""


def request_of(task: Task, following: int) -> bytes:
    """Return a request as it travels; so many bytes of the file follow, if no descriptor does."""
    work, limits = WORKS.index(task.work), task.limits
    return REQUEST.pack(work, limits.max_bytes, limits.max_pixels, task.side, following)


def task_of(request: bytes) -> tuple[Task, int]:
    """Return the task in a request, and how many bytes of the file follow."""
    work, max_bytes, max_pixels, side, following = REQUEST.unpack(request)
    return Task(WORKS[work], Limits(max_bytes, max_pixels), side), following


def answer_of(result: Decoded | ImageRejected) -> bytes:
    """Return an answer as it travels."""
    if isinstance(result, ImageRejected):
        header: list[Any] = [result.code, result.sentence[:MOST_SENTENCE]]
        pictures: tuple[bytes, ...] = ()
    else:
        facts = (result.format, result.width, result.height, result.byte_size, result.sha256)
        header = [*facts, result.shape, *map(len, result.pictures)]
        pictures = result.pictures
    told = json.dumps(header).encode()
    return b"".join((LENGTH.pack(len(told)), told, *pictures))


def result_from(
    receive: Callable[[int], bytes], task: Task, *, byte_size: int
) -> Decoded | ImageRejected:
    """Read one answer and check all of it.

    Args:
        receive: Returns exactly so many bytes of the answer.
        task: What was asked for.
        byte_size: Of the file that was sent along.

    Raises:
        Garbled: It is not an answer to that.
    """
    (length,) = LENGTH.unpack(receive(LENGTH.size))
    if not 0 < length <= MOST_HEADER:
        raise Garbled
    try:
        header = json.loads(receive(length))
    except (ValueError, RecursionError):
        raise Garbled from None
    if not isinstance(header, list):
        raise Garbled
    if len(header) == 2:
        return _refusal(*header)
    if len(header) < 6 or header[3] != byte_size:
        raise Garbled
    name, width, height, _, sha256, shape = header[:6]
    _facts_check(name, width, height, byte_size, sha256, shape, task=task)
    sizes = header[6:]
    least, most = PICTURES[task.work]
    is_bounded = all(type(size) is int and RIFF.size < size <= MOST_PICTURE for size in sizes)
    if not (least <= len(sizes) <= most and is_bounded):
        raise Garbled
    pictures = tuple(receive(size) for size in sizes)
    for picture in pictures:
        mark, following, kind = RIFF.unpack(picture[: RIFF.size])
        if (mark, kind) != (b"RIFF", b"WEBP") or following + 8 != len(picture):
            raise Garbled
    return Decoded(name, width, height, byte_size, sha256, shape, pictures)


def _refusal(code: Any, sentence: Any) -> ImageRejected:
    is_text = isinstance(sentence, str) and len(sentence) <= MOST_SENTENCE
    if code not in REFUSALS or not is_text or not sentence.isprintable():
        raise Garbled
    return ImageRejected(code, sentence)


def _facts_check(
    name: Any, width: Any, height: Any, byte_size: int, sha256: Any, shape: Any, *, task: Task
) -> None:
    is_sound = (
        name in FORMATS
        and all(type(value) is int and value > 0 for value in (width, height, byte_size))
        and width * height <= task.limits.max_pixels
        and byte_size <= task.limits.max_bytes
        and isinstance(sha256, str)
        and SHA256.fullmatch(sha256) is not None
        and type(shape) is int
        and -(1 << 63) <= shape < 1 << 63
    )
    if not is_sound:
        raise Garbled
