"""Where an image came from, as far as signed manifests declare it."""

from enum import Enum

from detection.provenance.credentials.manifests import Manifest

AI = "trainedAlgorithmicMedia"
PARTLY_AI = "compositeWithTrainedAlgorithmicMedia"
# The second is what phones write: several frames merged into one, without generated pixels.
CAPTURES = {"digitalCapture", "computationalCapture"}
# What may be done to a capture that leaves it one.
EDITS = {"", "empty", "humanEdits", "minorHumanEdits", "algorithmicallyEnhanced"}
# Actions that say how the whole image began; any other one is about a part of it.
BEGINNINGS = {"c2pa.created", "c2pa.opened"}


class Origin(Enum):
    """What is declared, the strongest first."""

    AI = "ai"
    PARTLY_AI = "partly_ai"
    CAPTURE = "capture"
    OTHER = "other"


def declared(manifest: Manifest, *, of_anybody: bool = False) -> tuple[Origin, Manifest]:
    """Tell what a manifest and those it was made from declare, and which of them does.

    An ingredient counts only where its own manifest is trusted: whoever opens a file in an editor
    signs for the edit, not for what the file says.

    Args:
        of_anybody: Let ingredients of unknown signers count as well. Their manifests still have to
            be whole; a capture is never taken from them.
    """
    if any(action.source_type == AI and action.name in BEGINNINGS for action in manifest.actions):
        return Origin.AI, manifest
    said = [
        (part.relationship, *declared(part.manifest, of_anybody=of_anybody))
        for part in manifest.ingredients
        if part.manifest is not None
        and part.relationship != "inputTo"
        and (part.state == "trusted" or (of_anybody and part.state == "valid"))
    ]
    for relationship, found, by in said:
        if relationship == "parentOf" and found is Origin.AI:
            return found, by
    if any(action.source_type in (AI, PARTLY_AI) for action in manifest.actions):
        return Origin.PARTLY_AI, manifest
    for _, found, by in said:
        if found in (Origin.AI, Origin.PARTLY_AI):
            return Origin.PARTLY_AI, by
    return (Origin.CAPTURE if _is_capture(manifest) else Origin.OTHER), manifest


def _is_capture(manifest: Manifest) -> bool:
    """Whether all of it came from cameras: nothing of an unknown origin went in, and no AI."""
    if (
        manifest.mentions_ai
        or {action.source_type for action in manifest.actions} - CAPTURES - EDITS
    ):
        return False
    if manifest.ingredients:
        return all(
            part.state == "trusted" and part.manifest is not None and _is_capture(part.manifest)
            for part in manifest.ingredients
        )
    return any(
        action.source_type in CAPTURES and action.name == "c2pa.created"
        for action in manifest.actions
    )
