"""What the file declares of its origin: IPTC's digital source type, and China's label for AI."""

import json
from collections.abc import Iterator

from detection.findings import Detail, Finding, Leaning, Strength
from detection.provenance.facts import Facts
from detection.provenance.generators.record import as_object, plain
from detection.provenance.reading import Damage, shown

_PROPERTY = "Iptc4xmpExt:DigitalSourceType"
_ANYBODY = "Anybody can write such a declaration, and anybody can take it out."

_Meaning = tuple[str, Strength, Leaning, str]
_AI: _Meaning = (
    "declared_ai", "moderate", "ai", "The file declares that the whole picture was made by AI.",
)  # fmt: skip
_PARTS: _Meaning = (
    "declared_ai_parts", "moderate", "ai",
    "The file declares that parts of the picture were made by AI.",
)  # fmt: skip
_CAPTURE: _Meaning = (
    "declared_capture", "weak", "real",
    "The file declares that the picture was taken with a camera or scanned.",
)  # fmt: skip
_SCREEN: _Meaning = (
    "declared_screen", "weak", "doubt",
    "The file declares that the picture was taken of a screen, not what that screen showed.",
)  # fmt: skip
_OTHER: _Meaning = (
    "declared_other", "context", "neutral",
    "The file declares an origin that speaks neither for a photograph nor for AI.",
)  # fmt: skip
MEANINGS = {
    "trainedalgorithmicmedia": _AI,
    "compositewithtrainedalgorithmicmedia": _PARTS,
    "digitalcapture": _CAPTURE,
    "computationalcapture": _CAPTURE,
    "negativefilm": _CAPTURE,
    "positivefilm": _CAPTURE,
    "screencapture": _SCREEN,
}
# Of China's label: 1 says AI, 2 and 3 that it may be.
_LABELS = {"1": "moderate", "2": "weak", "3": "weak"}


def find(facts: Facts) -> Iterator[Finding]:
    """Yield what the file declares, each meaning once."""
    told = set()
    for value in facts.xmp.all(_PROPERTY):
        term = value.rstrip("/ ").rpartition("/")[2]
        code, strength, leaning, sentence = MEANINGS.get(term.lower(), _OTHER)
        if code in told or not term:
            continue
        told.add(code)
        yield Finding(
            kind="declaration",
            code=code,
            source=f"XMP {_PROPERTY}",
            strength=strength,
            leaning=leaning,
            sentence=f"{sentence} {_ANYBODY}",
            details=(Detail("Digital source type", shown(term, 200)),),
        )
    yield from _chinese_label(facts)


def _chinese_label(facts: Facts) -> Iterator[Finding]:
    """Yield the label that China asks of generators: JSON named AIGC, in a text or in XMP."""
    places = [(text.source, text.key, text.value) for text in facts.texts]
    places += [
        ("XMP AIGC", "AIGC", each.value)
        for each in facts.xmp.properties
        if len(each.path) == 1 and each.path[0].endswith(":AIGC")
    ]
    for source, key, value in places:
        notes = _label(key, value)
        label = shown(plain(notes.get("Label")))
        strength = _LABELS.get(label)
        if strength is None:
            continue
        lines = (
            (name, shown(plain(notes.get(name)), 200)) for name in ("Label", "ContentProducer")
        )
        yield Finding(
            kind="declaration",
            code="declared_ai" if strength == "moderate" else "declared_ai_possible",
            source=source,
            strength="moderate" if strength == "moderate" else "weak",
            leaning="ai",
            sentence=(
                "The file carries the label that China asks of AI-generated pictures"
                f"{'' if label == '1' else ', as a suspicion'}. {_ANYBODY}"
            ),
            details=tuple(Detail(name, line) for name, line in lines if line),
        )
        return


def _label(key: str, value: str) -> dict[str, object]:
    if key != "AIGC" and '"AIGC"' not in value[:200]:
        return {}
    try:
        found = as_object(value) or {}
    except Damage:
        return {}  # the generators tell that it cannot be read
    inner = found.get("AIGC", found)
    if isinstance(inner, str):
        try:
            inner = json.loads(inner)
        except (ValueError, RecursionError):
            return {}
    return inner if isinstance(inner, dict) else {}
