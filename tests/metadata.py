"""Makes files that say something of themselves: blocks of metadata and the files around them."""

import hashlib
import io
import json
import struct
import zlib
from collections.abc import Mapping
from functools import cache

from PIL import Image

from tests import images

# A field of EXIF: its type by number, and what it holds.
Field = tuple[int, str | bytes | tuple[int, ...]]
ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 2, 3, 4, 5, 7

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SPACES = {
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "TC260": "http://www.tc260.org.cn/ns/AIGC/1.0/",
}
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
JOB = "0d4b1a5e-3c3f-4c61-9a43-6e2a0f6a2b11"

A1111 = (
    "a lighthouse in a storm <lora:waves:0.8>, oil painting\n"
    "Negative prompt: people, text\n"
    "Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 1234567890, "
    "Size: 512x768, Model hash: 6ce0161689, Model: sea-v1-5, "
    'Lora hashes: "waves: 0123456789ab, foam: ba9876543210", Version: v1.10.1'
)
COMFYUI = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 42, "steps": 20, "cfg": 8.0, "sampler_name": "euler", "scheduler": "normal",
            "denoise": 1.0, "model": ["10", 0], "positive": ["6", 0], "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sea.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lighthouse", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "people", "clip": ["4", 1]}},
    "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "waves.safetensors"}},
}  # fmt: skip
WORKFLOW = {
    "links": [],
    "nodes": [
        {"id": 3, "type": "KSampler", "widgets_values": [42, "fixed", 20, 8.0, "euler", "normal"]},
        {"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["sea.safetensors"]},
    ],
}
INVOKEAI = {
    "app_version": "5.6.0", "generation_mode": "txt2img", "positive_prompt": "a lighthouse",
    "negative_prompt": "people", "width": 512, "height": 768, "seed": 7, "steps": 30,
    "cfg_scale": 7.5, "scheduler": "euler", "model": {"name": "sea", "hash": "blake3:00"},
    "loras": [{"model": {"name": "waves"}, "weight": 0.75}],
}  # fmt: skip
SD_METADATA = {
    "model": "stable diffusion", "model_weights": "stable-diffusion-1.4",
    "image": {
        "prompt": [{"prompt": "a lighthouse", "weight": 1.0}], "steps": 50, "cfg_scale": 7.5,
        "seed": 99, "sampler": "k_lms", "width": 512, "height": 512,
    },
}  # fmt: skip
DREAM = '"a lighthouse [people]" -s 50 -S 99 -W 512 -H 512 -C 7.5 -A k_lms'
NOVELAI = {
    "steps": 28, "sampler": "k_euler", "seed": 5, "strength": 0.7, "noise": 0.2, "scale": 11.0,
    "uc": "people", "n_samples": 1,
}  # fmt: skip
FOOOCUS = {
    "prompt": "a lighthouse", "negative_prompt": "", "steps": 30, "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras", "seed": "8", "base_model": "sea-xl", "resolution": "(1152, 896)",
    "guidance_scale": 4, "loras": [["waves", 0.5, "abc"]], "metadata_scheme": "fooocus",
    "version": "Fooocus v2.5.0",
}  # fmt: skip
SWARM = {
    "sui_image_params": {
        "prompt": "a lighthouse", "negativeprompt": "people", "model": "sea", "seed": 6,
        "steps": 20, "cfgscale": 1.0, "width": 512, "height": 768, "sampler": "euler",
        "swarm_version": "0.9.5",
    }
}  # fmt: skip
MIDJOURNEY = f"a lighthouse in a storm --ar 2:3 --v 6.1 Job ID: {JOB}"
CAMERA: dict[int, Field] = {
    0x010F: (ASCII, "Canon"), 0x0110: (ASCII, "Canon EOS R6"),
    0x0132: (ASCII, "2024:05:01 12:00:00"),
}  # fmt: skip
EXPOSURE: dict[int, Field] = {
    0x829A: (RATIONAL, (1, 250)), 0x829D: (RATIONAL, (56, 10)), 0x8827: (SHORT, (400,)),
    0x9003: (ASCII, "2024:05:01 12:00:00"), 0x920A: (RATIONAL, (50, 1)),
    0xA434: (ASCII, "RF50mm F1.8 STM"),
}  # fmt: skip
PLACE: dict[int, Field] = {
    1: (ASCII, "N"), 2: (RATIONAL, (48, 1, 8, 1, 1374, 100)),
    3: (ASCII, "E"), 4: (RATIONAL, (11, 1, 34, 1, 3138, 100)),
}  # fmt: skip


def exif(
    main: Mapping[int, Field] = {},
    photo: Mapping[int, Field] = {},
    place: Mapping[int, Field] = {},
    thumbnail: bytes = b"",
    *,
    order: str = "<",
) -> bytes:
    """A TIFF structure with these fields; `order` is < or >, as in `struct`."""
    block = bytearray({"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8))
    pointers: dict[int, Field] = {}
    if photo:
        pointers[0x8769] = (LONG, (0,))
    if place:
        pointers[0x8825] = (LONG, (0,))
    at = _directory(block, {**main, **pointers}, order)
    for tag, fields in ((0x8769, photo), (0x8825, place)):
        if fields:
            struct.pack_into(order + "I", block, at[tag], len(block))
            _directory(block, fields, order)
    if thumbnail:
        struct.pack_into(order + "I", block, at[0], len(block))
        places = _directory(block, {0x0201: (LONG, (0,)), 0x0202: (LONG, (len(thumbnail),))}, order)
        struct.pack_into(order + "I", block, places[0x0201], len(block))
        block += thumbnail
    return bytes(block)


def _directory(block: bytearray, fields: Mapping[int, Field], order: str) -> dict[int, int]:
    """Append a directory; return where each field's four bytes are, and under 0 the next offset."""
    start = len(block)
    block += struct.pack(order + "H", len(fields)) + bytes(12 * len(fields) + 4)
    places = {0: start + 2 + 12 * len(fields)}
    for place, tag in enumerate(sorted(fields)):
        kind, value = fields[tag]
        raw, count = _packed(kind, value, order)
        at = start + 2 + 12 * place
        struct.pack_into(order + "HHI", block, at, tag, kind, count)
        places[tag] = at + 8
        if len(raw) <= 4:
            block[at + 8 : at + 8 + len(raw)] = raw
        else:
            struct.pack_into(order + "I", block, at + 8, len(block))
            block += raw + bytes(len(raw) % 2)
    return places


def _packed(kind: int, value: str | bytes | tuple[int, ...], order: str) -> tuple[bytes, int]:
    if isinstance(value, str):
        value = value.encode() + b"\0"
    if isinstance(value, bytes):
        return value, len(value)
    letter = "H" if kind == SHORT else "I"
    raw = struct.pack(f"{order}{len(value)}{letter}", *value)
    return raw, len(value) // 2 if kind == RATIONAL else len(value)


def user_comment(text: str) -> Field:
    """A comment as web interfaces write it into JPEG and WebP files."""
    return UNDEFINED, b"UNICODE\0" + text.encode("utf-16-be")


def xmp(attributes: Mapping[str, str] = {}, inner: str = "") -> bytes:
    """A packet with these properties as attributes and this XML within."""
    spaces = " ".join(f'xmlns:{name}="{space}"' for name, space in SPACES.items())
    told = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" {spaces} {told}>{inner}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def declared(term: str) -> bytes:
    """A packet that declares this digital source type."""
    return xmp({"Iptc4xmpExt:DigitalSourceType": SOURCE_TYPES + term})


def history(*steps: tuple[str, str, str]) -> bytes:
    """A packet with a history of these actions, programs and times."""
    lines = "".join(
        f'<rdf:li stEvt:action="{action}" stEvt:softwareAgent="{agent}" stEvt:when="{when}"/>'
        for action, agent, when in steps
    )
    return xmp(inner=f"<xmpMM:History><rdf:Seq>{lines}</rdf:Seq></xmpMM:History>")


def iptc(fields: Mapping[int, str]) -> bytes:
    """Fields of the second record."""
    return b"".join(
        struct.pack(">BBBH", 0x1C, 2, number, len(text.encode())) + text.encode()
        for number, text in fields.items()
    )


def resources(blocks: Mapping[int, bytes]) -> bytes:
    """Photoshop's resources."""
    return b"".join(
        struct.pack(">4sHHI", b"8BIM", number, 0, len(block)) + block + bytes(len(block) % 2)
        for number, block in blocks.items()
    )


def segment(marker: int, body: bytes) -> bytes:
    """A segment of a JPEG file."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg_with(*segments: tuple[int, bytes], picture: bytes | None = None) -> bytes:
    """A sound JPEG file with these segments at its start."""
    whole = picture or images.image_file("JPEG")
    return whole[:2] + b"".join(segment(marker, body) for marker, body in segments) + whole[2:]


def jpeg_exif(block: bytes, *, picture: bytes | None = None) -> bytes:
    """A sound JPEG file with this EXIF."""
    return jpeg_with((0xE1, b"Exif\0\0" + block), picture=picture)


def jpeg_xmp(*packets: bytes) -> bytes:
    """A sound JPEG file with these packets of XMP."""
    return jpeg_with(*((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet) for packet in packets))


def jpeg_extended_xmp(packet: bytes, *, name: str = "", step: int = 60_000) -> bytes:
    """A sound JPEG file whose XMP is too long for a segment and stands in several."""
    name = name or hashlib.md5(packet, usedforsecurity=False).hexdigest().upper()
    head = b"http://ns.adobe.com/xmp/extension/\0" + name.encode()
    parts = [
        (0xE1, head + struct.pack(">II", len(packet), at) + packet[at : at + step])
        for at in range(0, len(packet), step)
    ]
    main = xmp({"xmpNote:HasExtendedXMP": name})
    return jpeg_with((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + main), *parts)


def jpeg_iptc(fields: Mapping[int, str]) -> bytes:
    """A sound JPEG file with these fields of IPTC."""
    return jpeg_with((0xED, b"Photoshop 3.0\0" + resources({0x0404: iptc(fields)})))


def png_with(*chunks: tuple[bytes, bytes], size: tuple[int, int] = (48, 32)) -> bytes:
    """A sound PNG file with these chunks behind its header."""
    sound = images.image_file("PNG", size)
    at = len(images.PNG_SIGNATURE) + 25
    return sound[:at] + b"".join(images.png_chunk(*chunk) for chunk in chunks) + sound[at:]


def png_texts(texts: Mapping[str, str | object]) -> bytes:
    """A sound PNG file with these texts; what is no text becomes JSON."""
    return png_with(*(plain_text(key, value) for key, value in texts.items()))


def plain_text(key: str, value: str | object) -> tuple[bytes, bytes]:
    """An uncompressed text chunk."""
    text = value if isinstance(value, str) else json.dumps(value)
    return b"tEXt", key.encode("latin-1") + b"\0" + text.encode("latin-1", "replace")


def packed_text(key: str, text: bytes) -> tuple[bytes, bytes]:
    """A compressed text chunk."""
    return b"zTXt", key.encode() + b"\0\0" + zlib.compress(text, 9)


def international_text(key: str, text: bytes, *, is_packed: bool = False) -> tuple[bytes, bytes]:
    """A text chunk in UTF-8, compressed or not."""
    body = zlib.compress(text, 9) if is_packed else text
    return b"iTXt", key.encode() + b"\0" + bytes([is_packed, 0]) + b"en\0key\0" + body


def gif_with_xmp(packet: bytes) -> bytes:
    """A sound GIF file with XMP as an application's extension."""
    sound = images.image_file("GIF")
    at = 13 + (3 << ((sound[10] & 7) + 1) if sound[10] & 0x80 else 0)
    tail = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    return sound[:at] + b"\x21\xff\x0bXMP DataXMP" + packet + tail + sound[at:]


def tiff_with(tags: Mapping[int, str | bytes]) -> bytes:
    """A sound TIFF file with these tags."""
    buffer = io.BytesIO()
    images.picture().save(buffer, "TIFF", tiffinfo=dict(tags))
    return buffer.getvalue()


def camera_file(
    picture: Image.Image | None = None, *, thumbnail: bytes = b"", orientation: int = 1
) -> bytes:
    """A JPEG file as a camera writes it."""
    main: dict[int, Field] = {**CAMERA, 0x0112: (SHORT, (orientation,))}
    whole = images.encoded(picture or images.picture(), "JPEG", quality=90)
    return jpeg_exif(exif(main, EXPOSURE, PLACE, thumbnail), picture=whole)


@cache
def samples() -> dict[str, tuple[str, bytes]]:
    """Name -> format and file, for each way of saying something that is read."""
    comment = exif({}, {0x9286: user_comment(A1111)})
    unicode = international_text("parameters", A1111.encode(), is_packed=True)
    step = ("saved", "Adobe Photoshop 26.0", "2025-01-01T10:00:00")
    found = {
        "a1111.png": ("PNG", png_texts({"parameters": A1111})),
        "a1111.jpg": ("JPEG", jpeg_exif(comment)),
        "a1111.webp": ("WebP", images.encoded(images.picture(), "WEBP", exif=comment)),
        "comfyui.png": ("PNG", png_texts({"prompt": COMFYUI, "workflow": WORKFLOW})),
        "invokeai.png": ("PNG", png_texts({"invokeai_metadata": INVOKEAI})),
        "dream.png": ("PNG", png_texts({"Dream": DREAM, "sd-metadata": SD_METADATA})),
        "novelai.png": ("PNG", png_texts({"Software": "NovelAI", "Comment": NOVELAI})),
        "fooocus.png": ("PNG", png_texts({"fooocus_scheme": "fooocus", "parameters": FOOOCUS})),
        "midjourney.png": ("PNG", png_texts({"Description": MIDJOURNEY})),
        "packed.png": ("PNG", png_with(packed_text("parameters", A1111.encode()))),
        "utf8.png": ("PNG", png_with(unicode)),
        "camera.jpg": ("JPEG", camera_file(thumbnail=images.image_file("JPEG", (160, 120)))),
        "declared.jpg": ("JPEG", jpeg_xmp(declared("trainedAlgorithmicMedia"))),
        "extended.jpg": ("JPEG", jpeg_extended_xmp(declared("digitalCapture"), step=200)),
        "press.jpg": ("JPEG", jpeg_iptc({80: "A. Adams", 110: "Made with Google AI"})),
        "history.jpg": ("JPEG", jpeg_xmp(history(step))),
        "declared.gif": ("GIF", gif_with_xmp(declared("trainedAlgorithmicMedia"))),
        "comment.gif": ("GIF", images.encoded(images.picture(), "GIF", comment=A1111.encode())),
        "declared.tif": ("TIFF", tiff_with({700: declared("digitalCapture"), 305: "GIMP 2.10"})),
    }  # fmt: skip
    block, packet = exif(CAMERA, EXPOSURE, PLACE, order=">"), declared("digitalCapture")
    for name, format_name in (("avif", "AVIF"), ("heic", "HEIF"), ("png", "PNG"), ("webp", "WEBP")):
        whole = images.encoded(images.picture(), format_name, exif=block, xmp=packet)
        if format_name == "PNG":
            whole = png_with((b"eXIf", block), international_text("XML:com.adobe.xmp", packet))
        found[f"camera.{name}"] = (images.FORMATS[format_name], whole)
    return found
