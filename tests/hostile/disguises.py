"""Files that are something else, or two things at once."""

import io
import zipfile

from tests import images
from tests.hostile.cases import (
    BROKEN,
    DISGUISED,
    EITHER,
    NO_IMAGE,
    SOUND,
    Cases,
    box,
    case,
)

HTML = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
PHP = b"<?php system($_GET['c']); ?>"
XXE = (
    b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b'<svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>'
)
LAUGHS = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">%s]><l>&i;</l>' % b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in b"bcdefghi"
)


def zipped(name: str = "a.txt", content: bytes = b"hidden") -> bytes:
    """A zip with one entry."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def documents() -> Cases:
    """What is no image at all, whatever its name says."""
    found = {
        "empty": case(b"", {"empty_file"}),
        "one byte": case(b"\xff", NO_IMAGE),
        "two bytes": case(b"\xff\xd8", BROKEN),
        "white space": case(b" \t\r\n" * 4_000, NO_IMAGE),
        "zeros": case(bytes(100_000), NO_IMAGE),
        "all ones": case(b"\xff" * 100_000, NO_IMAGE),
        "text": case(b"Dear diary\n" * 200, NO_IMAGE),
        "svg": case(SVG, NO_IMAGE, "drawing.svg"),
        "svg called png": case(SVG, NO_IMAGE, "drawing.png"),
        "svg with xxe": case(XXE, NO_IMAGE, "drawing.svg"),
        "svg in utf-16": case(SVG.decode().encode("utf-16"), NO_IMAGE, "drawing.svg"),
        "svg with a mark": case(b"\xef\xbb\xbf" + SVG, NO_IMAGE, "drawing.svg"),
        "svgz": case(b"\x1f\x8b\x08" + bytes(60), NO_IMAGE, "drawing.svgz"),
        "html": case(HTML, NO_IMAGE, "page.html"),
        "html called jpg": case(HTML, NO_IMAGE, "photo.jpg"),
        "xml laughs": case(LAUGHS, NO_IMAGE, "photo.xml"),
        "php": case(PHP, NO_IMAGE, "shell.php"),
        "htaccess": case(b"AddType application/x-httpd-php .jpg\n", NO_IMAGE, ".htaccess"),
        "javascript": case(b"alert(1)//" + bytes(50), NO_IMAGE, "a.js"),
        "zip": case(zipped(), NO_IMAGE, "a.zip"),
        "pdf": case(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n", NO_IMAGE, "a.pdf"),
        "elf": case(b"\x7fELF\x02\x01\x01" + bytes(200), NO_IMAGE, "a.jpg"),
        "windows program": case(b"MZ\x90\0" + bytes(200), NO_IMAGE, "photo.jpg.exe"),
        "class file": case(b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(99), NO_IMAGE, "a.class"),
        "mp4": case(box(b"ftyp", b"isom\0\0\2\0isomiso2") + box(b"mdat", bytes(64)), NO_IMAGE),
        "flash": case(b"FWS\x09" + bytes(200), NO_IMAGE, "a.swf"),
    }
    return {f"document: {name}": made for name, made in found.items()}


def polyglots() -> Cases:
    """Files that are an image and something else too."""
    jpeg, gif = images.image_file("JPEG"), images.image_file("GIF")
    whole_png = images.image_file("PNG")
    comment = images.encoded(images.picture(), "JPEG", comment=PHP)
    js_gif = b"GIF89a/*" + gif[8:] + b"*/=1;alert(1)"
    found = {
        "JPEG and zip": case(jpeg + zipped(), SOUND),
        "JPEG and zip of a program": case(jpeg + zipped("a.jar", b"\xca\xfe\xba\xbe"), SOUND),
        "GIF and script": case(js_gif, EITHER, "a.gif"),
        "GIF and script element": case(gif + b"<script>alert(1)</script>", DISGUISED, "a.gif"),
        "PNG and HTML": case(whole_png + HTML, DISGUISED, "a.png"),
        "HTML and PNG": case(HTML + whole_png, NO_IMAGE, "a.png"),
        "PDF and JPEG": case(b"%PDF-1.4\n" + jpeg, NO_IMAGE, "a.jpg"),
        "JPEG and PDF": case(jpeg + b"\n%PDF-1.4\n1 0 obj<<>>endobj\n", SOUND),
        "JPEG with PHP in its comment": case(comment, DISGUISED | SOUND, "a.php.jpg"),
        "JPEG with PHP behind": case(jpeg + PHP, DISGUISED),
        "JPEG and RAR": case(jpeg + b"Rar!\x1a\x07\x01\0" + bytes(80), SOUND),
        "JPEG and phar": case(jpeg + b"<?php __HALT_COMPILER(); ?>" + bytes(80), DISGUISED),
        "PNG and JPEG": case(whole_png + jpeg, SOUND, "a.png"),
        "JPEG and PNG": case(jpeg + whole_png, SOUND),
        "BMP and script": case(
            images.image_file("BMP") + b"\n<script>1</script>", DISGUISED, "a.bmp"
        ),
        "WebP and HTML": case(images.image_file("WEBP") + HTML, DISGUISED, "a.webp"),
        "TIFF and HTML": case(images.image_file("TIFF") + HTML, DISGUISED, "a.tif"),
        "AVIF and HTML": case(images.image_file("AVIF") + HTML, DISGUISED, "a.avif"),
        "HEIC and HTML": case(images.image_file("HEIF") + HTML, DISGUISED, "a.heic"),
        "JPEG and a shell": case(b"#!/bin/sh\nid\n" + jpeg, NO_IMAGE),
    }
    return {f"polyglot: {name}": made for name, made in found.items()}


def wrong_names() -> Cases:
    """Sound images under the extension of another format; what is in them counts."""
    other = {
        "JPEG": "a.png",
        "PNG": "a.jpg",
        "GIF": "a.webp",
        "WEBP": "a.gif",
        "TIFF": "a.bmp",
        "BMP": "a.tiff",
        "AVIF": "a.heic",
        "HEIF": "a.avif",
        "MPO": "a.pdf",
    }
    return {
        f"wrong extension: {name} as {file_name}": case(images.image_file(name), SOUND, file_name)
        for name, file_name in other.items()
    }


def magics() -> Cases:
    """The first bytes of one format before the body of another."""
    heads = {
        "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
        "PNG": images.PNG_SIGNATURE,
        "GIF": b"GIF89a",
        "WEBP": b"RIFF\x40\0\0\0WEBPVP8 ",
        "TIFF": b"II*\0\x08\0\0\0",
        "BMP": b"BM\x46\0\0\0\0\0\0\0",
        "HEIF": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
        "AVIF": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf",
    }
    found: Cases = {}
    for (name, head), body in zip(heads.items(), [*list(heads)[1:], "JPEG"], strict=True):
        content = images.image_file(body)
        found[f"wrong magic: {name} before {body}"] = case(head + content[len(head) :], BROKEN)
    return found
