"""Whatever bytes stand in a file, it is read; whatever a program writes comes out as it went in."""

import json
from collections.abc import Callable
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from detection.findings import Finding
from detection.image_files import FORMATS
from detection.provenance import examine
from tests import images, metadata
from tests.findings import found, told

# The same inputs each time; `make fuzz` is there to find new ones.
often = settings(max_examples=80, deadline=None, derandomize=True, database=None)

Wrap = Callable[[bytes], bytes]
_BLOCKS: dict[str, tuple[str, Wrap]] = {
    "EXIF": ("JPEG", metadata.jpeg_exif),
    "little EXIF": ("JPEG", lambda block: metadata.jpeg_exif(b"II*\0\x08\0\0\0" + block)),
    "big EXIF": ("PNG", lambda block: metadata.png_with((b"eXIf", b"MM\0*\0\0\0\x08" + block))),
    "XMP": ("JPEG", metadata.jpeg_xmp),
    "extended XMP": ("JPEG", metadata.jpeg_extended_xmp),
    "resources": ("JPEG", lambda block: metadata.jpeg_with((0xED, b"Photoshop 3.0\0" + block))),
    "IPTC": ("TIFF", lambda block: metadata.tiff_with({33723: block or b"\0"})),
    "tables": ("JPEG", lambda block: metadata.jpeg_with((0xDB, block))),
    "frame": ("JPEG", lambda block: metadata.jpeg_with((0xC0, block))),
    "text": ("PNG", lambda block: metadata.png_with((b"tEXt", block))),
    "packed": ("PNG", lambda block: metadata.png_with((b"zTXt", block))),
    "really packed": ("PNG", lambda block: metadata.png_with(metadata.packed_text("x", block))),
    "international": ("PNG", lambda block: metadata.png_with((b"iTXt", block))),
    "profile": ("PNG", lambda block: metadata.png_with((b"iCCP", block))),
    "density": ("PNG", lambda block: metadata.png_with((b"pHYs", block))),
    "GIF's XMP": ("GIF", metadata.gif_with_xmp),
    "WebP": ("WebP", lambda block: b"RIFF\xff\xff\0\0WEBP" + block),
    "boxes": ("HEIC", lambda block: b"\0\0\0\x10ftypheic\0\0\0\0" + block),
    "thumbnail": ("JPEG", lambda block: metadata.jpeg_exif(metadata.exif(thumbnail=block))),
}


def examined(content: bytes, format: str) -> tuple[Finding, ...]:  # noqa: A002
    """Examine it, and hold the findings to what pages and databases need."""
    findings = examine(content, format=format, width=48, height=32, shape=0x1234567)
    for each in findings:
        assert Finding.from_json(json.loads(json.dumps(each.as_json()))) == each
        str(each.as_json()).encode()
        assert all(len(line.value) <= 4_000 for line in each.details)
        assert "\0" not in str(each.details)
    return findings


@pytest.mark.parametrize("format_name", FORMATS)
@often
@given(content=some.binary(max_size=400))
def test_any_bytes_are_survived_as_any_format(format_name: str, content: bytes) -> None:
    assert examined(content, format_name)


@pytest.mark.parametrize("name", sorted(_BLOCKS))
@often
@given(block=some.binary(max_size=400))
def test_any_bytes_are_survived_in_any_block(name: str, block: bytes) -> None:
    format_name, wrap = _BLOCKS[name]
    assert examined(wrap(block), format_name)


@pytest.mark.parametrize("name", sorted(metadata.samples()))
@often
@given(seed=some.integers(0, 1 << 30))
def test_any_damage_is_survived(name: str, seed: int) -> None:
    format_name, content = metadata.samples()[name]
    assert examined(images.mutated(content, seed), format_name)


_nested = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=9), inner),
    max_leaves=20,
)
_KEYS = ("prompt", "parameters", "Comment", "sd-metadata", "invokeai_metadata", "workflow", "AIGC")


@often
@given(
    key=some.sampled_from(_KEYS),
    names=some.sampled_from(
        [
            ("nodes", "links", "seed", "model"),
            ("prompt", "seed", "steps", "sampler"),
            ("sui_image_params", "loras", "image", "width"),
            ("uc", "sampler", "scale", "n_samples"),
            ("generation_mode", "positive_prompt", "app_version", "model"),
            ("AIGC", "Label", "v4_prompt", "seed"),
        ]
    ),
    values=some.lists(_nested, min_size=4, max_size=4),
)
def test_any_json_is_survived(key: str, names: tuple[str, ...], values: list[object]) -> None:
    text = json.dumps(dict(zip(names, values, strict=True)))
    assert examined(metadata.png_with(metadata.international_text(key, text.encode())), "PNG")


@often
@given(
    nodes=some.dictionaries(
        some.sampled_from("123456"),
        some.fixed_dictionaries(
            {
                "class_type": some.sampled_from(["KSampler", "CLIPTextEncode", "SamplerCustom"]),
                "inputs": some.dictionaries(
                    some.sampled_from(["seed", "steps", "positive", "text", "cfg", "guider"]),
                    some.tuples(some.sampled_from("123456"), some.integers(0, 2)) | _nested,
                ),
            }
        ),
    )
)
def test_any_graph_is_survived(nodes: dict[str, object]) -> None:
    assert examined(metadata.png_texts({"prompt": nodes}), "PNG")


_words = some.text("abcdefgh, ()<>:_-0123456789.'äß猫", min_size=1, max_size=80).map(str.strip)
_prompts = _words.filter(bool)


@often
@given(
    prompt=_prompts,
    negative=_words,
    model=some.text("abcXL-_.0123", min_size=1, max_size=30),
    seed=some.integers(0, 1 << 63),
    steps=some.integers(1, 500),
)
def test_a_record_of_automatic1111_comes_out_as_it_went_in(
    prompt: str, negative: str, model: str, seed: int, steps: int
) -> None:
    text = (
        f"{prompt}\nNegative prompt: {negative}\n"
        f"Steps: {steps}, Sampler: Euler a, Seed: {seed}, Size: 8x8, Model: {model}"
    )
    content = metadata.jpeg_exif(metadata.exif({}, {0x9286: metadata.user_comment(text)}))
    lines = told(found(content)["generator_record"])
    assert (lines["Prompt"], lines.get("Negative prompt", "")) == (prompt, negative)
    assert (lines["Model"], lines["Seed"], lines["Steps"]) == (model, str(seed), str(steps))


@often
@given(prompt=_prompts, seed=some.integers(0, 1 << 53), steps=some.integers(1, 500))
def test_a_record_in_json_comes_out_as_it_went_in(prompt: str, seed: int, steps: int) -> None:
    notes = {**metadata.INVOKEAI, "positive_prompt": prompt, "seed": seed, "steps": steps}
    content = metadata.png_texts({"invokeai_metadata": notes})
    lines = told(found(content, "PNG")["generator_record"])
    assert (lines["Prompt"], lines["Seed"], lines["Steps"]) == (prompt, str(seed), str(steps))


@often
@given(
    maker=some.text("ABCdef 123-", min_size=1, max_size=40).map(str.strip).filter(bool),
    iso=some.integers(1, 65_535),
    order=some.sampled_from("<>"),
)
def test_a_record_of_a_camera_comes_out_as_it_went_in(maker: str, iso: int, order: str) -> None:
    main = {**metadata.CAMERA, 0x010F: (metadata.ASCII, maker)}
    photo = {**metadata.EXPOSURE, 0x8827: (metadata.SHORT, (iso,))}
    lines = told(
        found(metadata.jpeg_exif(metadata.exif(main, photo, order=order)))["camera_record"]
    )
    assert (lines["Maker"], lines["ISO"]) == (maker, str(iso))


@often
@given(latitude=some.integers(0, 90 * 3600 * 100), longitude=some.integers(0, 180 * 3600 * 100))
def test_a_position_comes_out_as_it_went_in(latitude: int, longitude: int) -> None:
    place = dict(metadata.PLACE)
    for tag, hundredths in ((2, latitude), (4, longitude)):
        minutes, rest = divmod(hundredths, 6_000)
        parts = (minutes // 60, 1, minutes % 60, 1, rest, 100)
        place[tag] = (metadata.RATIONAL, parts)
    finding = found(metadata.jpeg_exif(metadata.exif(place=place)))["personal_data"]
    here = [float(part) for part in told(finding)["Position"].split(",")]
    assert here == pytest.approx([latitude / 360_000, longitude / 360_000], abs=1e-6)


@often
@given(
    name=some.text(
        some.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=60
    )
)
def test_a_name_in_xmp_and_iptc_comes_out_as_it_went_in(name: str) -> None:
    creator = (
        f"<dc:creator><rdf:Seq><rdf:li rdf:resource={quoteattr(name)}/></rdf:Seq></dc:creator>"
    )
    by_xmp = found(metadata.jpeg_xmp(metadata.xmp(inner=creator)))
    by_iptc = found(metadata.jpeg_iptc({80: name}))
    for findings, label in ((by_xmp, "Creator"), (by_iptc, "Author (IPTC)")):
        lines = told(findings["personal_data"]) if "personal_data" in findings else {}
        assert lines.get(label, "") == name.replace("\u2028", " ").replace("\u2029", " ").strip()
