"""Formats that are not taken in, heads of raw files, and boxes within boxes."""

import struct

from tests import images, metadata
from tests.hostile.cases import BROKEN, EITHER, NO_IMAGE, Cases, box, case
from tests.hostile.tiffs import directory, plain, whole

PILLOW = {
    "ICO": "ico", "TGA": "tga", "PPM": "ppm", "PCX": "pcx", "EPS": "eps", "JPEG2000": "jp2",
    "ICNS": "icns", "SGI": "sgi", "DDS": "dds", "IM": "im", "PDF": "pdf", "BLP": "blp",
}  # fmt: skip


def formats() -> Cases:
    """Files of formats that the portal does not read."""
    picture = images.picture((64, 64))
    found = {}
    for name, extension in PILLOW.items():
        shown = picture.quantize(200) if name == "BLP" else picture
        found[name] = case(images.encoded(shown, name), NO_IMAGE, f"a.{extension}")
    brand = box(b"ftyp", b"jxl \0\0\0\0jxl ")
    stream = b"\xff\x4f\xff\x51\0\x2f" + bytes(60)
    heads = {
        "JPEG 2000 stream": (stream, "j2k"),
        "JPEG XL": (box(b"JXL ", b"\r\n\x87\n") + brand + bytes(99), "jxl"),
        "JPEG XL stream": (b"\xff\x0a" + bytes(99), "jxl"),
        "PSD": (b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 9, 9, 8, 3) + bytes(99), "psd"),
        "PSB": (b"8BPS\0\2" + bytes(6) + struct.pack(">HIIHH", 3, 9, 9, 8, 3) + bytes(99), "psb"),
        "EPS with a preview": (b"\xc5\xd0\xd3\xc6" + struct.pack("<6I", 32, 9, 0, 0, 41, 9), "eps"),
        "WMF": (b"\xd7\xcd\xc6\x9a\0\0" + bytes(80), "wmf"),
        "EMF": (struct.pack("<II", 1, 108) + bytes(32) + b" EMF" + bytes(80), "emf"),
        "cursor": (struct.pack("<HHH", 0, 2, 1) + bytes(80), "cur"),
        "DjVu": (b"AT&TFORM\0\0\0\x99DJVU" + bytes(80), "djvu"),
        "HDR": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 9 +X 9\n" + bytes(99), "hdr"),
        "OpenEXR": (b"\x76\x2f\x31\x01\2\0\0\0" + bytes(99), "exr"),
        "FITS": (b"SIMPLE  =                    T".ljust(2880), "fits"),
        "QOI": (b"qoif" + struct.pack(">IIBB", 9, 9, 3, 0) + bytes(99), "qoi"),
        "FLIF": (b"FLIF\x31\x31" + bytes(99), "flif"),
        "BPG": (b"BPG\xfb" + bytes(99), "bpg"),
        "XPM": (b"/* XPM */\nstatic char *a[]={\"1 1 1 1\",\"a c #000\",\"a\"};", "xpm"),
        "XBM": (b"#define a_width 1\n#define a_height 1\nstatic char a_bits[]={1};", "xbm"),
        "Raw of Fuji": (b"FUJIFILMCCD-RAW 0201FF389501" + bytes(200), "raf"),
        "Raw of Canon, CR3": (box(b"ftyp", b"crx \0\0\0\1crx isom") + bytes(200), "cr3"),
        "Raw of Canon, CRW": (b"II\x1a\0\0\0HEAPCCDR" + bytes(200), "crw"),
        "Raw of Minolta": (b"\0MRM" + bytes(200), "mrw"),
        "Raw of Sigma": (b"FOVb" + bytes(200), "x3f"),
        "Raw of Panasonic": (b"IIU\0\x08\0\0\0" + bytes(200), "rw2"),
        "Raw of Olympus": (b"IIRO\x08\0\0\0" + bytes(200), "orf"),
        "MNG": (b"\x8aMNG\r\n\x1a\n" + bytes(99), "mng"),
        "JNG": (b"\x8bJNG\r\n\x1a\n" + bytes(99), "jng"),
    }  # fmt: skip
    for name, (content, extension) in heads.items():
        found[name] = case(content, BROKEN, f"a.{extension}")
    version = (50706, 1, 4, 0x00000401)
    raw = [*plain(meaning=32803), version]
    found["DNG"] = case(whole(raw), EITHER, "a.dng")
    found["DNG without pixels"] = case(
        b"II*\0" + struct.pack("<I", 8) + directory([version]), BROKEN, "a.dng"
    )
    found["Raw of Canon, CR2"] = case(
        b"II*\0\x10\0\0\0CR\2\0" + bytes(4) + directory(plain(packed=6)) + bytes(99),
        EITHER,
        "a.cr2",
    )
    found["Raw of Nikon"] = case(whole(plain(packed=34713)), EITHER, "a.nef")
    return {f"foreign: {name}": made for name, made in found.items()}


def boxes() -> Cases:
    """Content Credentials and other boxes that are nested, looped, cut or a lie."""
    deep = b"x"
    for _ in range(4000):
        deep = box(b"jumb", deep)
    wide = box(b"jumb", *[box(b"jumd", b"c2pa" + bytes(13))] * 3000)
    kind = b"c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71"
    heads = {
        "deep": deep[:60_000],
        "wide": wide[:60_000],
        "empty": box(b"jumb"),
        "longer than it is": struct.pack(">I4s", 0xFFFFFFFF, b"jumb") + b"x",
        "of no length": struct.pack(">I4s", 0, b"jumb") + b"x",
        "of length 1": struct.pack(">I4sQ", 1, b"jumb", 2**63),
        "described by noise": box(b"jumb", box(b"jumd", images.picture().tobytes()[:500])),
        "naming c2pa": box(b"jumb", box(b"jumd", kind + b"\3c2pa\0")),
    }  # fmt: skip
    found = {}
    for name, content in heads.items():
        part = b"JP" + struct.pack(">HI", 1, 1) + content
        found[f"{name}, JPEG"] = case(metadata.jpeg_with((0xEB, part[:65_000])), EITHER)
        found[f"{name}, PNG"] = case(metadata.png_with((b"caBX", content)), EITHER, "a.png")
    parts = [
        (0xEB, b"JP" + struct.pack(">HI", 1, number) + deep[:8] + bytes(60_000))
        for number in range(200, 0, -1)
    ]
    found["in 200 parts, backwards"] = case(metadata.jpeg_with(*parts), EITHER)
    c2pa = box(b"uuid", b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81", deep)
    for name in ("AVIF", "HEIF"):
        content = images.image_file(name)
        at = struct.unpack_from(">I", content)[0]
        found[f"uuid, {name}"] = case(content[:at] + c2pa + content[at:], EITHER)
        found[f"uuid behind, {name}"] = case(content + c2pa, EITHER)
    return {f"boxes: {name}": made for name, made in found.items()}
