"""The terms of Content Credentials in plain words."""

ACTIONS = {
    "c2pa.addedText": "text added",
    "c2pa.color_adjustments": "colours changed",
    "c2pa.converted": "saved in another format",
    "c2pa.created": "created",
    "c2pa.cropped": "cropped",
    "c2pa.deleted": "part removed",
    "c2pa.drawing": "drawn on",
    "c2pa.dubbed": "sound replaced",
    "c2pa.edited": "edited",
    "c2pa.edited.metadata": "information about it edited",
    "c2pa.enhanced": "enhanced",
    "c2pa.filtered": "filter applied",
    "c2pa.opened": "opened",
    "c2pa.orientation": "turned or flipped",
    "c2pa.placed": "another image put in",
    "c2pa.published": "published",
    "c2pa.redacted": "part of the record removed",
    "c2pa.removed": "another image taken out",
    "c2pa.repackaged": "repackaged",
    "c2pa.resized": "resized",
    "c2pa.transcoded": "compressed anew",
    "c2pa.unknown": "something that is not told",
    "c2pa.watermarked": "watermark added",
}
SOURCE_TYPES = {
    "algorithmicMedia": "made by an algorithm without training",
    "algorithmicallyEnhanced": "enhanced by an algorithm",
    "composite": "put together from several images",
    "compositeCapture": "put together from several captures",
    "compositeSynthetic": "put together, with synthetic parts",
    "compositeWithTrainedAlgorithmicMedia": "parts made by AI",
    "computationalCapture": "taken with a camera, several frames merged",
    "dataDrivenMedia": "drawn from data",
    "digitalArt": "drawn on a computer by a person",
    "digitalCapture": "taken with a camera",
    "digitalCreation": "made on a computer by a person",
    "empty": "nothing yet",
    "humanEdits": "edited by a person",
    "minorHumanEdits": "slightly edited by a person",
    "negativeFilm": "scanned from a negative",
    "positiveFilm": "scanned from a slide",
    "print": "scanned from paper",
    "screenCapture": "a picture of a screen",
    "trainedAlgorithmicData": "data made by AI",
    "trainedAlgorithmicMedia": "made by AI",
    "virtualRecording": "recorded in a virtual world",
}
RELATIONSHIPS = {
    "componentOf": "put into the image",
    "inputTo": "used as an input",
    "parentOf": "the image that was worked on",
}
STATES = {
    "trusted": "valid, by a signer on the trust list",
    "valid": "valid, by a signer who is not on the trust list",
    "invalid": "not valid",
    "none": "without Content Credentials",
}
# The causes that can be told apart, and what each means; the first that fits is told.
CHANGED = "The picture was changed after it was signed, or the record was taken from another file."
RECORD_CHANGED = "The signed record itself was changed after it was signed."
ENDED = "The signer's certificate has ended, and nothing proves that it was signed before that."
FAILURES = {
    "assertion.dataHash.mismatch": CHANGED,
    "assertion.bmffHash.mismatch": CHANGED,
    "assertion.boxesHash.mismatch": CHANGED,
    "claimSignature.mismatch": RECORD_CHANGED,
    "assertion.hashedURI.mismatch": RECORD_CHANGED,
    "assertion.missing": RECORD_CHANGED,
    "assertion.undeclared": RECORD_CHANGED,
    "ingredient.manifest.mismatch": "The record of an image that went into this one was changed.",
    "ingredient.manifest.missing": "The record of an image that went into this one is missing.",
    "signingCredential.expired": ENDED,
    "claimSignature.outsideValidity": ENDED,
    "signingCredential.ocsp.revoked": "The signer's certificate was revoked.",
    "signingCredential.invalid": "The signer's certificate is not one that may sign images.",
    "algorithm.unsupported": "It was signed in a way that is not known here.",
    "signingCredential.untrusted": "The signer is not on the trust list.",
}
# Nobody touched the picture: the certificate alone is at fault.
CERTIFICATE_FAILURES = {
    "signingCredential.expired", "claimSignature.outsideValidity", "signingCredential.untrusted",
}  # fmt: skip
OTHER_FAILURE = "The signed record breaks the rules of its kind."


def action(name: str) -> str:
    """Say what was done; a program's own names stay as they are."""
    return ACTIONS.get(name, name or "something that is not told")


def source_type(term: str) -> str:
    """Say what kind of source; a term that is not known stays as it is."""
    return SOURCE_TYPES.get(term, term)


def failure(codes: tuple[str, ...]) -> str:
    """Say what is wrong: the cause that tells most, by the order of `FAILURES`."""
    return next((FAILURES[code] for code in FAILURES if code in codes), OTHER_FAILURE)
