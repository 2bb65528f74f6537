"""Turns Content Credentials into findings: how strong they are, and towards which verdict."""

from detection.findings import Detail, Finding, Leaning, Strength
from detection.provenance.credentials import words
from detection.provenance.credentials.manifests import UNTRUSTED, Manifest
from detection.provenance.credentials.origins import Origin, declared

SOURCE = "Content Credentials"
MOST_LINES = 50
AI_ORIGINS = (Origin.AI, Origin.PARTLY_AI)
NO_LIST = "No trust list is installed here, so that every signer is unknown."


def unreadable(reason: str) -> Finding:
    """Return the finding of credentials that cannot be read."""
    sentence = f"The Content Credentials could not be read: {reason}."
    return Finding("unreadable", "credentials_unreadable", SOURCE, "context", "neutral", sentence)


def elsewhere(address: str) -> tuple[Finding, ...]:
    """Return the finding of credentials that only the network could give.

    Args:
        address: As `sniffing.look` found it: a scheme, a host and perhaps a path.
    """
    host = address.split("/")[2]
    return (
        _finding(
            "credentials_elsewhere",
            "context",
            "neutral",
            f"The file says that its Content Credentials are kept at {host}. Nothing is fetched "
            "from the network, so that they were not read.",
            (Detail("Kept at", host), Detail("Address", address, is_private=True)),
        ),
    )


def findings(manifest: Manifest, *, has_trust_list: bool) -> tuple[Finding, ...]:
    """Return what the active manifest is worth.

    Args:
        has_trust_list: Whether anybody could have been trusted at all.
    """
    if manifest.state == "invalid":
        return (_of_ended(manifest) if _has_ended(manifest) else _invalid(manifest),)
    if manifest.state == "valid":
        return (_of_unknown(manifest, has_trust_list),)
    found = _of_trusted(manifest)
    if found.leaning != "ai" and declared(manifest, of_anybody=True)[0] in AI_ORIGINS:
        return found, _ai_ingredient_of_anybody()
    return (found,)


def _of_trusted(manifest: Manifest) -> Finding:
    origin, by = declared(manifest)
    signer, details = _signer(by), _details(manifest)
    fits = "The signature fits the file, and the signer is on the trust list."
    if by is not manifest:
        fits = (
            f"{_signer(manifest)} made this file from it. Both signatures fit, and both signers "
            "are on the trust list."
        )
    if origin is Origin.AI:
        image = "this image" if by is manifest else "the image behind this one"
        sentence = f"{signer} signed that {image} was made by AI. {fits}"
        return _finding("signed_ai", "conclusive", "ai", sentence, details)
    if origin is Origin.PARTLY_AI:
        parts = (
            "parts of this image were made by AI"
            if by is manifest
            else "an image that went into this one was made by AI, at least in part"
        )
        sentence = f"{signer} signed that {parts}. {fits}"
        return _finding("signed_ai_parts", "conclusive", "ai", sentence, details)
    if origin is Origin.CAPTURE:
        sentence = (
            f"{signer} signed that this image comes from a camera, and the signed record names no "
            "use of AI. That does not rule out a photograph of a screen or of a print."
        )
        return _finding("signed_capture", "strong", "real", sentence, details)
    sentence = (
        f"{signer} signed this file, and it has not changed since. Nothing in the signed record "
        "proves that a camera took it or that AI made it."
    )
    return _finding("signed", "context", "neutral", sentence, details)


def _of_unknown(manifest: Manifest, has_trust_list: bool) -> Finding:
    doubt = (
        f"The signature fits the file, but {_signer(manifest)} is not on the trust list: anybody "
        "can make such a signature."
    )
    if not has_trust_list:
        doubt += f" {NO_LIST}"
    return _unproven(manifest, "unknown_signer", doubt)


def _has_ended(manifest: Manifest) -> bool:
    """Whether nothing is wrong but the time: the record is whole, and was signed by somebody."""
    return bool(manifest.failures) and {*manifest.failures} <= words.CERTIFICATE_FAILURES


def _of_ended(manifest: Manifest) -> Finding:
    doubt = (
        f"Nothing was changed since, but the certificate of {_signer(manifest)} has ended, and "
        "nothing proves that it was signed before that: it counts no more than that of a signer "
        "whom nobody knows."
    )
    return _unproven(manifest, "ended_signer", doubt)


def _unproven(manifest: Manifest, code: str, doubt: str) -> Finding:
    """Return what a whole record says whose signer proves nothing."""
    details = _details(manifest)
    origin, _ = declared(manifest, of_anybody=True)
    if origin in AI_ORIGINS:
        parts = "this image was" if origin is Origin.AI else "parts of this image were"
        sentence = f"The Content Credentials say that {parts} made by AI. {doubt}"
        return _finding(f"{code}_ai", "moderate", "ai", sentence, details)
    sentence = f"The file has Content Credentials. {doubt}"
    return _finding(code, "context", "neutral", sentence, details)


def _ai_ingredient_of_anybody() -> Finding:
    return _finding(
        "unknown_signer_ai",
        "moderate",
        "ai",
        "An image that went into this one says that it was made by AI. Its signer is not on the "
        "trust list: anybody can make such a signature.",
    )


def _invalid(manifest: Manifest) -> Finding:
    return _finding(
        "credentials_invalid",
        "strong",
        "doubt",
        f"The Content Credentials are not valid. {words.failure(manifest.failures)} What they "
        "say of the image does not count.",
        _details(manifest),
    )


def _signer(manifest: Manifest) -> str:
    name, organisation = manifest.signer, manifest.organisation
    if name and organisation and organisation != name:
        return f"“{name}” ({organisation})"
    return f"“{name or organisation}”" if name or organisation else "Somebody without a name"


def _details(manifest: Manifest) -> tuple[Detail, ...]:
    """Return the lines of a finding's table; names of files and authors are the owner's alone."""
    lines = [
        Detail("Credentials", words.STATES[manifest.state]),
        Detail("Signed by", manifest.signer),
        Detail("Organisation", manifest.organisation),
        Detail("Signed at, by a time stamp that was not checked", manifest.signed_at),
        Detail("Made with", manifest.generator),
        Detail("Thumbnail", "signed with the image" if manifest.has_thumbnail else ""),
        Detail("Title", manifest.title, is_private=True),
        Detail("Author", ", ".join(manifest.authors), is_private=True),
    ]
    for number, action in enumerate(manifest.actions[:MOST_LINES], 1):
        said = [
            words.action(action.name),
            action.agent and f"with {action.agent}",
            words.source_type(action.source_type),
        ]
        lines.append(Detail(f"Action {number}", " · ".join(filter(None, said))))
    for number, part in enumerate(manifest.ingredients[:MOST_LINES], 1):
        signer = _signer(part.manifest) if part.manifest else ""
        said = [
            words.RELATIONSHIPS.get(part.relationship, part.relationship),
            words.STATES[part.state],
            signer and f"signed by {signer}",
        ]
        lines.append(Detail(f"Ingredient {number}", " · ".join(filter(None, said))))
        lines.append(Detail(f"Ingredient {number}, title", part.title, is_private=True))
    lines.extend(
        Detail("Failed", f"{words.FAILURES.get(code, words.OTHER_FAILURE)} ({code})")
        for code in manifest.failures[:MOST_LINES]
        if code != UNTRUSTED  # the first line says so
    )
    return tuple(line for line in lines if line.value)


def _finding(
    code: str,
    strength: Strength,
    leaning: Leaning,
    sentence: str,
    details: tuple[Detail, ...] = (),
) -> Finding:
    return Finding("credentials", code, SOURCE, strength, leaning, sentence, details)
