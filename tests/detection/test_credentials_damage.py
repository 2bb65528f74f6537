"""No file, however made, holds up the worker, fills its memory or reaches the network."""

import copy
import json
import random
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.image_files import FORMATS
from detection.provenance import credentials
from detection.provenance.credentials import reading, sniffing
from detection.provenance.credentials.judging import findings
from detection.provenance.credentials.manifests import active_manifest
from tests import credentials as made
from tests.credentials import only, read
from tests.images import image_file, mutated, png_chunk

# What C2PA's kinds of boxes share, behind four letters of their own.
KIND = bytes.fromhex("00110010800000aa00389b71")
# The limit of two seconds, and the start of a program on a machine that does other things as well.
BOUND_SECONDS = 2 + 5


def box(kind: bytes, content: bytes) -> bytes:
    """A box of JUMBF."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def named(kind: bytes, label: bytes, content: bytes = b"") -> bytes:
    """A box with a description in front, as all of C2PA's are."""
    return box(b"jumb", box(b"jumd", kind + KIND + b"\x03" + label + b"\0") + content)


def store(content: bytes) -> bytes:
    """A manifest store."""
    return named(b"c2pa", b"c2pa", content)


def nested(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = named(b"c2ma", b"x", inner)
    return inner


def claim(cbor: bytes) -> bytes:
    """A manifest whose claim is this."""
    return named(b"c2ma", b"urn:x", named(b"c2cl", b"c2pa.claim", box(b"cbor", cbor)))


def png_with(manifest_store: bytes) -> bytes:
    """A sound PNG that carries this as its manifest."""
    png = image_file("PNG")
    at = png.index(b"IDAT") - 4
    return png[:at] + png_chunk(b"caBX", manifest_store) + png[at:]


MALFORMED = {
    "rubbish": b"no box at all" * 100,
    "cut off": store(nested(3))[:-20],
    "a box that is longer than the file": struct.pack(">I4s", 2**31, b"jumb"),
    "very deep boxes": store(nested(2000)),
    "very many boxes": store(named(b"c2ma", b"m") * 100_000),
    "a list of 2^64 entries": store(claim(b"\x9b" + b"\xff" * 8)),
    "a very deep list": store(claim(b"\x81" * 1_000_000)),
    "a box of 50 MB": store(box(b"bidb", bytes(50_000_000))),
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=list(MALFORMED))
def test_a_malformed_manifest_is_told_in_time(content: bytes, trust_list: Path) -> None:
    began = time.monotonic()
    found = credentials.read(png_with(content), format="PNG", trust_list=trust_list)
    assert time.monotonic() - began < BOUND_SECONDS
    (finding,) = found.findings
    assert (finding.kind, finding.code) == ("unreadable", "credentials_unreadable")
    assert finding.sentence.startswith("The Content Credentials could not be read: ")


@pytest.mark.parametrize("which", [0, 1])
def test_an_image_that_went_into_itself_ends_the_reading(which: int, trust_list: Path) -> None:
    png = made.edited(made.signed_ai(image_file("PNG")))
    found = read(png, trust_list, "PNG")
    labels = sorted(made.labels(png), key=png.index)
    assert len(labels) == 2
    assert found.findings[0].code == "signed_ai"
    cyclic = png.replace(labels[which], labels[1 - which])
    assert only(cyclic, trust_list, "PNG").code == "credentials_unreadable"


@pytest.mark.parametrize("seed", range(12))
def test_no_mutation_makes_a_record_say_what_nobody_signed(seed: int, trust_list: Path) -> None:
    png = made.edited(made.camera_capture(image_file("PNG")))
    at = png.index(b"caBX") + 4
    length = int.from_bytes(png[at - 8 : at - 4], "big")
    damaged = png_with(mutated(png[at : at + length], seed))
    began = time.monotonic()
    found = credentials.read(damaged, format="PNG", trust_list=trust_list)
    assert time.monotonic() - began < BOUND_SECONDS
    assert {finding.code for finding in found.findings} <= {
        "credentials_unreadable",
        "credentials_invalid",
    }


# -- the program that reads ------------------------------------------------------------------


def test_reading_that_takes_too_long_is_stopped(trust_list: Path) -> None:
    signed = made.signed_ai(image_file("PNG", (1000, 800)))
    found = credentials.read(signed, format="PNG", trust_list=trust_list, seconds=0.001)
    (finding,) = found.findings
    assert finding.code == "credentials_unreadable"
    assert "took longer than 0.001 seconds" in finding.sentence


def test_a_program_that_hangs_is_killed(
    trust_list: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = tmp_path / "hanging.py"
    hanging.write_text("import signal\nwhile True:\n    signal.pause()\n")
    monkeypatch.setattr(reading, "PROGRAM", hanging)
    monkeypatch.setattr(reading, "START_SECONDS", 0.3)
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    began = time.monotonic()
    found = credentials.read(
        made.signed_ai(image_file()), format="JPEG", trust_list=trust_list, seconds=0.1
    )
    assert time.monotonic() - began < BOUND_SECONDS
    assert "took longer than 0.1 seconds" in found.findings[0].sentence
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.abort()",
        "raise SystemExit(3)",
        "print('no JSON')",
        "print('[' * 10**6)",
        "print('[]')",
        "print('{\"error\": []}')",
        'print(\'{"store": {}, "checks": {}, "thumbnail": "a"}\')',
        'print(\'{"store": [], "checks": {}, "thumbnail": ""}\')',
    ],
)
def test_a_program_that_falls_is_told(
    program: str, trust_list: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fallen = tmp_path / "fallen.py"
    fallen.write_text(program)
    monkeypatch.setattr(reading, "PROGRAM", fallen)
    finding = only(made.signed_ai(image_file()), trust_list)
    assert finding.sentence.endswith("the program that reads them fell over this file.")


def confined(attempt: str) -> str:
    """What becomes of an attempt in the program, once it has given up what it does not need."""
    program = "import socket, sys; from detection.provenance.credentials import child"
    program += f"; child.confine(5, 0); {attempt}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    return done.stderr.strip().rpartition("\n")[2]


def test_the_program_can_open_no_connection_and_no_file_and_take_no_more_memory() -> None:
    assert "Too many open files" in confined("socket.socket()")
    assert "Too many open files" in confined("open('/etc/hostname')")
    assert "MemoryError" in confined("bytes(10**9)")


def test_nobody_is_asked_for_a_manifest_or_a_revocation(trust_list: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        remote = made.remote_only(image_file(), address)
        # Past the look that would have answered alone.
        answer = reading.read_apart(
            remote, media_type="image/jpeg", trust_list=trust_list, seconds=20
        )
        assert answer is None
        asks = made.trusted().signing("Asks", asks=address)
        signed = made.sign(image_file(), [made.created(made.AI, "Asks")], by=asks)
        assert only(signed, trust_list).code == "signed_ai"
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_file_without_a_manifest_starts_no_program(
    trust_list: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PROGRAM", Path("/nowhere"))
    stray = image_file() + b"jumbc2pa caBX dcterms:provenance='https://example.org'"
    assert credentials.read(stray, format="JPEG", trust_list=trust_list).findings == ()
    assert not sniffing.look(stray, "JPEG").may_hold_manifest


# -- what is made of the answer --------------------------------------------------------------

HEADS = {
    "JPEG": b"\xff\xd8",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "WebP": b"RIFF\0\0\0\0WEBP",
    "TIFF": b"II*\0\x08\0\0\0",
}


@given(st.sampled_from(FORMATS), st.binary(max_size=400))
def test_any_bytes_can_be_looked_at(name: str, content: bytes) -> None:
    sniffing.look(content, name)
    sniffing.look(HEADS.get(name, b"") + content, name)


ODD: list[Any] = [None, True, -1, 1.5, "", "Trusted", "x" * 10_000, [], {}, [[]], [None], {"x": {}}]


def disturbed(part: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A report with something in it exchanged for what does not belong there."""
    changed = copy.deepcopy(part)
    inner: Any = changed
    while True:
        key = chance.choice([*inner] if isinstance(inner, dict) else range(len(inner)))
        if chance.random() < 0.15 or not isinstance(inner[key], dict | list) or not inner[key]:
            inner[key] = chance.choice(ODD)
            return changed
        inner = inner[key]


def test_any_report_gives_findings_that_can_be_stored(trust_list: Path) -> None:
    signed = made.edited(made.camera_capture(image_file()), layers=(image_file(),))
    answer = reading.read_apart(signed, media_type="image/jpeg", trust_list=trust_list, seconds=20)
    assert answer
    for seed in range(1000):
        chance = random.Random(seed)
        report, checks = answer.store, answer.checks
        for _ in range(chance.randint(1, 5)):
            report = {**report, **disturbed(report, chance)}
            checks = {**checks, **disturbed(checks, chance)}
        manifest = active_manifest(report, checks)
        found = findings(manifest, has_trust_list=True) if manifest else ()
        assert json.dumps([finding.as_json() for finding in found])
        assert "signed_ai" not in {finding.code for finding in found}
