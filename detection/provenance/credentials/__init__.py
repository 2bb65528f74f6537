"""Content Credentials (C2PA): what somebody signed about an image, and whether to believe it."""

from dataclasses import dataclass
from pathlib import Path

from detection.findings import Finding
from detection.provenance.credentials import judging, reading, sniffing
from detection.provenance.credentials.manifests import PIXELS, UNTRUSTED, active_manifest


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the Content Credentials say.

    Attributes:
        findings: Empty where the file has none.
        thumbnail: The signed picture of how the image looked, JPEG, PNG or the like, or None. It
            comes out of the file: decode it with the same care as the file.
    """

    findings: tuple[Finding, ...] = ()
    thumbnail: bytes | None = None


def read(
    content: bytes,
    *,
    format: str,  # noqa: A002
    trust_list: Path,
    seconds: float = 2.0,
) -> Credentials:
    """Read and check the Content Credentials of a file; the network is never asked.

    A file without them costs microseconds. Others are read in a process of their own, which is
    killed after `seconds`; its start takes some 0.15 s more.

    Args:
        format: One of `detection.image_files.FORMATS`, as decoding found it.
        trust_list: Certificates (PEM) of those who vouch for signers. It need not exist: then
            every signer is unknown.
    """
    seen = sniffing.look(content, format)
    kept_elsewhere = Credentials(judging.elsewhere(seen.address) if seen.address else ())
    if not seen.may_hold_manifest:
        return kept_elsewhere
    try:
        answer = reading.read_apart(
            content, media_type=sniffing.MEDIA_TYPES[format], trust_list=trust_list, seconds=seconds
        )
    except reading.Unreadable as unreadable:
        return Credentials((judging.unreadable(unreadable.sentence),))
    manifest = active_manifest(answer.store, answer.checks) if answer else None
    if answer is None or manifest is None:
        return kept_elsewhere
    # A thumbnail shows how a changed picture looked; out of a changed record it shows nothing.
    is_record_whole = {*manifest.failures} <= {*PIXELS, UNTRUSTED}
    return Credentials(
        judging.findings(manifest, has_trust_list=answer.has_trust_list),
        answer.thumbnail if is_record_whole else None,
    )
