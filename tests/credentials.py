"""Signs images with Content Credentials, by certificates of the tests' own.

`trust_list_pem` is the list that knows the signers of these images, all but `by_unknown_signer`.
"""

import io
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from c2pa import Builder, C2paBuilderIntent, Context
from PIL import Image

from detection.findings import Finding
from detection.provenance import credentials
from detection.provenance.credentials import Credentials
from tests.certificates import Authority, Signing

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
AI = SOURCE_TYPES + "trainedAlgorithmicMedia"
PARTLY_AI = SOURCE_TYPES + "compositeWithTrainedAlgorithmicMedia"
CAPTURE = SOURCE_TYPES + "digitalCapture"
REMOTE = "https://manifests.example.org/one.c2pa"


@cache
def trusted() -> Authority:
    """The authority on the trust list."""
    return Authority("Test Root")


@cache
def stranger() -> Authority:
    """An authority that nobody knows."""
    return Authority("Strange Root")


def trust_list_pem() -> bytes:
    """The trust list, as it lies in `settings.C2PA_TRUST_LIST`."""
    return trusted().pem


def signed_ai(content: bytes) -> bytes:
    """The image, signed as made by AI by a program called Painter."""
    return sign(content, [created(AI, "Painter")], by=painter())


def camera_capture(content: bytes) -> bytes:
    """The image, signed as taken with a camera."""
    return sign(content, [created(CAPTURE, "Camera")], by=signer("Camera"))


def composite(content: bytes) -> bytes:
    """The image, signed as put together with parts made by AI."""
    actions = [
        created(CAPTURE, "Camera"),
        {"action": "c2pa.edited", "digitalSourceType": PARTLY_AI},
    ]
    return sign(content, actions, by=signer("Editor"))


def with_thumbnail(content: bytes, thumbnail: bytes, **more: Any) -> bytes:
    """The image, signed as taken with a camera, and a JPEG file as the picture of it then."""
    small = {"format": "image/jpeg", "identifier": "small.jpg"}
    builder = _builder([created(CAPTURE, "Camera")], thumbnail=small, **more)
    builder.add_resource("small.jpg", io.BytesIO(thumbnail))
    return _signed(builder, content, signer("Camera"))


def by_unknown_signer(content: bytes, source_type: str = AI) -> bytes:
    """The image, signed as made by AI by somebody who is on no list."""
    return sign(content, [created(source_type, "Painter")], by=stranger().signing("Stranger"))


def edited(content: bytes, *, layers: tuple[bytes, ...] = (), by: Signing | None = None) -> bytes:
    """The image, opened in an editor, worked on, layers put in, and signed there."""
    builder = _builder([{"action": "c2pa.color_adjustments"}], title="Edited")
    builder.set_intent(C2paBuilderIntent.EDIT)
    for ingredient, relationship in (
        (content, "parentOf"),
        *((one, "componentOf") for one in layers),
    ):
        about = {"title": "secret-name.jpg", "relationship": relationship}
        builder.add_ingredient(about, _media_type(ingredient), io.BytesIO(ingredient))
    return _signed(builder, content, by or signer("Editor"))


def changed(signed: bytes) -> bytes:
    """The signed file with a byte of the picture changed afterwards."""
    at = len(signed) - 40
    return signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :]


def remote_only(content: bytes, address: str = REMOTE) -> bytes:
    """The image with the address of its manifest instead of the manifest."""
    builder = _builder([created(AI, "Painter")])
    builder.set_no_embed()
    builder.set_remote_url(address)
    return _signed(builder, content, painter())


def labels(signed: bytes) -> set[bytes]:
    """The names of the manifests in a signed file."""
    return {*re.findall(rb"urn:c2pa:[0-9a-f-]{36}", signed)}


def sign(content: bytes, actions: list[dict[str, Any]], *, by: Signing, **more: Any) -> bytes:
    """The image, signed with these actions; `more` are further parts of the manifest."""
    return _signed(_builder(actions, **more), content, by)


def created(source_type: str, agent: str) -> dict[str, Any]:
    """How an image began, as an action."""
    return {
        "action": "c2pa.created",
        "digitalSourceType": source_type,
        "softwareAgent": {"name": agent, "version": "1.0"},
    }


@cache
def painter() -> Signing:
    """A generator with a certificate of the trusted authority."""
    return signer("Painter")


@cache
def signer(name: str) -> Signing:
    """Somebody with a certificate of the trusted authority."""
    return trusted().signing(name)


def _builder(actions: list[dict[str, Any]], **more: Any) -> Builder:
    said = {"label": "c2pa.actions", "data": {"actions": actions}}
    manifest = {
        "claim_generator_info": [{"name": "Workshop", "version": "2.0"}],
        "title": "secret-name.jpg",
        **more,
        "assertions": [said, *more.get("assertions", ())],
    }
    # What is wrong on purpose has to be signed as well.
    settings = {"verify": {"verify_after_sign": False, "remote_manifest_fetch": False}}
    return Builder(json.dumps(manifest), context=Context.from_dict(settings))


def _signed(builder: Builder, content: bytes, by: Signing) -> bytes:
    target = io.BytesIO()
    builder.sign(by.signer(), _media_type(content), io.BytesIO(content), target)
    return by.finish(target.getvalue())


def _media_type(content: bytes) -> str:
    with Image.open(io.BytesIO(content)) as image:
        return str(image.get_format_mimetype())


# -- reading them ----------------------------------------------------------------------------


def read(content: bytes, trust_list: Path, format: str = "JPEG") -> Credentials:  # noqa: A002
    """What is found, with time enough for a busy machine."""
    return credentials.read(content, format=format, trust_list=trust_list, seconds=20)


def only(content: bytes, trust_list: Path, format: str = "JPEG") -> Finding:  # noqa: A002
    """The one finding."""
    (finding,) = read(content, trust_list, format).findings
    return finding


def worth(finding: Finding) -> tuple[str, str, str]:
    """What was found, how strong it is, and towards what it speaks."""
    return finding.code, finding.strength, finding.leaning


def details(finding: Finding) -> dict[str, str]:
    """The lines of its table; of those with one label the last."""
    return {line.label: line.value for line in finding.details}
