"""What is no safe image is refused, by a code for programs and a sentence for people."""

import io

import pytest
from PIL import ExifTags, Image

from detection.foreign_marks import texts_of
from detection.image_files import CHUNK, FORMATS, ImageRejected, Limits, inspect
from tests import images

LIMITS = Limits(max_bytes=3_000_000, max_pixels=1_000_000)
HTML = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def refusal(content: bytes, limits: Limits = LIMITS) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        inspect(io.BytesIO(content), limits)
    return caught.value


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"Dear diary, this is text in a file that is called holiday.jpg.", "unsupported_format"),
        (b"thirteen byte", "unsupported_format"),
        (b"\xff", "unsupported_format"),
        (images.PNG_SIGNATURE, "unsupported_format"),
        (SVG, "unsupported_format"),
        (b'\xef\xbb\xbf \n<?xml version="1.0"?>' + SVG, "unsupported_format"),
        (HTML, "unsupported_format"),
        (b"<!-- a comment -->" + HTML, "unsupported_format"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "unsupported_format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "unsupported_format"),
        (b"PK\x03\x04" + bytes(200), "unsupported_format"),
    ],
    ids=[
        *("empty", "text", "13 bytes", "one byte", "bare signature", "svg", "xml with a mark"),
        *("html", "comment", "pdf", "postscript", "zip"),
    ],
)
def test_it_refuses_what_is_no_image(content: bytes, code: str) -> None:
    assert refusal(content).code == code


def test_the_refusal_of_a_foreign_format_names_those_that_can_be_read() -> None:
    sentence = refusal(b"text").sentence
    assert all(name in sentence for name in FORMATS)


@pytest.mark.parametrize("name", ["PPM", "TGA", "ICO", "PCX", "EPS", "PDF", "ICNS", "JPEG2000"])
def test_decoders_that_nobody_needs_stay_shut(name: str) -> None:
    content = images.image_file(name, (64, 64))
    assert refusal(content).code == "unsupported_format"


@pytest.mark.parametrize("name", sorted(set(images.FORMATS) - {"MPO"}))
@pytest.mark.parametrize("part", [0.03, 0.3, 0.6, 0.9])
def test_it_refuses_a_file_that_was_cut_off(name: str, part: float) -> None:
    content = images.image_file(name)
    assert refusal(content[: int(len(content) * part)]).code in (
        "damaged_image",
        "unsupported_format",
    )


def test_a_picture_behind_the_first_one_may_be_cut_off() -> None:
    content = images.image_file("MPO")
    assert inspect(io.BytesIO(content[: int(len(content) * 0.8)]), LIMITS).format == "JPEG"
    assert refusal(content[: int(len(content) * 0.3)]).code == "damaged_image"


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_a_file_that_lost_its_second_half_is_called_damaged(name: str) -> None:
    content = images.image_file(name)
    assert refusal(content[: len(content) // 2]).code == "damaged_image"


def test_it_refuses_a_bomb_of_pixels_without_decoding_it() -> None:
    bomb = images.png_bomb()
    assert len(bomb) < 500_000
    refused = refusal(bomb, Limits(20_000_000, 50_000_000))
    assert refused.code == "too_many_pixels"
    assert "50 megapixels" in refused.sentence


def test_it_refuses_a_moderate_bomb_by_our_own_limit() -> None:
    # Below what Pillow itself calls a bomb.
    assert refusal(images.png_bomb(8_000, 8_000)).code == "too_many_pixels"


def test_it_refuses_a_file_with_too_many_bytes_and_says_how_many_may_be() -> None:
    refused = refusal(images.image_file("PNG") + bytes(3_000_000))
    assert refused.code == "file_too_large"
    assert "3 MB" in refused.sentence


def with_description(text: bytes) -> bytes:
    """EXIF that describes a picture in these words."""
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = text.decode()
    return exif.tobytes()


POLYGLOTS = {
    "html behind a png": images.image_file("PNG") + HTML,
    "html behind a jpeg": images.image_file("JPEG") + HTML,
    "html behind a gif": images.image_file("GIF") + HTML,
    "script in a text chunk": images.png_with_text(b"<script>alert(1)</script>"),
    "php in a text chunk": images.png_with_text(b"<?php system($_GET[0]); ?>"),
    "script with a line break": images.png_with_text(b"<script\nsrc=//x></script>"),
    "script with a slash": images.png_with_text(b"<ScRiPt/src=//x>"),
    "html in a jpeg comment": images.encoded(images.picture(), "JPEG", comment=HTML),
    "svg root in html": images.image_file("PNG") + b"<html ><svg onload=alert(1)>",
    "frame": images.image_file("PNG") + b"<iframe src=javascript:alert(1)>",
    "body": images.image_file("PNG") + b"<body onload=alert(1)>",
}


@pytest.mark.parametrize("name", POLYGLOTS)
def test_it_refuses_an_image_that_is_a_page_or_program_too(name: str) -> None:
    assert refusal(POLYGLOTS[name]).code == "disguised_document"


@pytest.mark.parametrize("before", range(16))
def test_it_finds_a_mark_that_lies_across_two_pieces(before: int) -> None:
    sound = images.image_file("PNG")
    filler = bytes(CHUNK - len(sound) - before)
    assert refusal(sound + filler + b"<!DOCTYPE html>").code == "disguised_document"


def test_it_finds_a_mark_at_the_very_end() -> None:
    assert refusal(images.image_file("PNG") + b"<script>").code == "disguised_document"


def test_words_that_only_look_like_markup_are_let_pass() -> None:
    # Three bytes of chance more or less: large photographs hold every short word somewhere.
    for text in (b"<bodyguard>", b"<htmlx>", b"<?phpx", b"a < b, script", b"<scripture>"):
        inspect(io.BytesIO(images.png_with_text(text)), LIMITS)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", images.FORMATS)
def test_whatever_happens_to_a_file_it_is_taken_or_refused(name: str) -> None:
    sound = images.image_file(name)
    codes = {outcome(images.mutated(sound, seed)) for seed in range(200)}
    assert codes & {"damaged_image", "unsupported_format"}
    assert codes <= {"taken", "damaged_image", "unsupported_format", "too_many_pixels"}


def outcome(content: bytes) -> str:
    """The code of the refusal, or that the file was taken."""
    try:
        inspect(io.BytesIO(content), LIMITS)
    except ImageRejected as refused:
        return refused.code
    return "taken"


PROMPT = b"a screen full of <script> tags, <html > in neon, negative: <?php code"


@pytest.mark.parametrize(
    "content",
    [
        images.png_with_text(PROMPT),
        images.encoded(images.picture(), "JPEG", comment=PROMPT),
        images.encoded(images.picture(), "JPEG", xmp=b"<x:xmpmeta>" + PROMPT + b"</x:xmpmeta>"),
        images.encoded(images.picture(), "JPEG", exif=with_description(PROMPT)),
    ],
    ids=["text chunk", "comment", "XMP", "EXIF"],
)
def test_a_prompt_may_mention_markup(content: bytes) -> None:
    assert b"<script>" in content
    assert inspect(io.BytesIO(content), LIMITS).width == 48


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_beside_a_prompt_markup_is_found_as_ever(format: str) -> None:  # noqa: A002
    asked = images.png_with_text(PROMPT)
    if format == "JPEG":
        asked = images.encoded(images.picture(), "JPEG", comment=PROMPT)
    assert refusal(asked + HTML).code == "disguised_document"
    assert refusal(HTML + asked).code == "unsupported_format"


def test_only_a_sound_chunk_of_text_may_mention_markup() -> None:
    chunk = images.png_chunk(b"tEXt", b"Comment\0" + PROMPT)
    sound = images.image_file("PNG")
    at = len(images.PNG_SIGNATURE) + 25
    wrong_sum = chunk[:-1] + bytes([chunk[-1] ^ 1])
    assert texts_of(io.BytesIO(sound[:at] + wrong_sum + sound[at:])) == []
    other_kind = images.png_chunk(b"prVt", b"Comment\0" + PROMPT)
    assert refusal(sound[:at] + other_kind + sound[at:]).code == "disguised_document"
    # Behind the image's end there are no chunks.
    assert refusal(sound + chunk).code == "disguised_document"


def test_a_chain_that_does_not_hold_excuses_nothing() -> None:
    asked = images.png_with_text(PROMPT)
    assert texts_of(io.BytesIO(asked))
    assert texts_of(io.BytesIO(asked[:-12])) == []
    commented = images.encoded(images.picture(), "JPEG", comment=PROMPT)
    assert texts_of(io.BytesIO(commented))
    assert texts_of(io.BytesIO(commented[: commented.index(PROMPT) + len(PROMPT)])) == []


def test_a_text_that_lies_across_two_pieces_is_left_out_whole() -> None:
    asked = images.png_with_text(b"a" * CHUNK + PROMPT + b"a" * CHUNK)
    assert inspect(io.BytesIO(asked), LIMITS).format == "PNG"
