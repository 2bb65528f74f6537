"""Weighs what the file says of itself against what the network says.

Three rules stand behind every row. What a trusted signature covers settles the matter, as nobody
forges it without the signer's key. What anybody can write never calls an image real, and never
turns the network's verdict into its opposite. Where the network says nothing, it has no part in
the verdict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from detection.findings import Finding
from detection.verdicts.contract import Certainty, Reason, Verdict
from detection.verdicts.prospects import prospects

# Each step of doubt takes a verdict one further; beyond the last it is inconclusive.
LADDER: tuple[Certainty, ...] = ("high", "moderate", "low")
# A photograph below this shorter side gives a model few places to look at.
FEW_PIXELS = 256
# The models of photographs take none below this one.
LEAST_PIXELS = 128
# How many steps a file that says "made by AI" takes from a network that says "real".
STEPS = {"strong": 2, "moderate": 1}

# Why the file lowers the certainty of what the network says, by the finding's kind.
DOUBTS = {
    "compression": Reason(
        "too_compressed",
        "The file is compressed so strongly that traces of its making may be lost: the certainty "
        "is lower.",
    ),
    "screenshot": Reason(
        "screenshot",
        "It seems to be a screenshot, in which traces of the original's making are weaker: the "
        "certainty is lower.",
    ),
    "credentials": Reason(
        "changed_after_signing",
        "The file was changed after somebody signed it, so what is judged is not what was signed: "
        "the certainty is lower.",
    ),
    "thumbnail": Reason(
        "thumbnail_differs",
        "The small preview inside the file shows something else than the image, so the image was "
        "changed after it was first saved: the certainty is lower.",
    ),
}
FEW = Reason(
    "few_pixels",
    "The picture is small, so there were few places to look at: the certainty is lower.",
)


def decide(
    alone: Verdict, findings: Sequence[Finding] = (), *, size: tuple[int, int] | None = None
) -> Verdict:
    """Return the verdict on what the network says alone, together with the findings.

    Args:
        alone: The network's own verdict; inconclusive where it says nothing.
        findings: What the file says of itself, strongest first; none for a face, which has no file
            of its own.
        size: Upright (width, height) in pixels, where few of them are a reason.
    """
    verdict = _signed(alone, findings) or _unsigned(alone, findings, size)
    return replace(verdict, would_change=prospects(verdict, findings))


def _signed(alone: Verdict, findings: Sequence[Finding]) -> Verdict | None:
    """Return what a trusted signature settles, or where one contradicts the network."""
    said = {finding.code: finding for finding in findings if finding.kind == "credentials"}
    for code in ("signed_ai", "signed_ai_parts"):
        if code in said and said[code].strength == "conclusive":
            first = Reason(code, said[code].sentence)
            return Verdict("likely_ai", (first, _beside(alone)), "settled")
    if "signed_capture" not in said:
        return None
    first = Reason("signed_capture", said["signed_capture"].sentence)
    if alone.kind == "likely_ai":
        conflict = Reason(
            "contradiction",
            "No conclusion can be drawn: a camera signed this file as taken by it, and the network "
            "takes it for AI-generated. One of them is wrong.",
        )
        return Verdict("inconclusive", (conflict, first, *alone.reasons))
    limit = Reason(
        "capture_of_a_screen",
        "A camera that photographs a screen or a print signs that just the same.",
    )
    certainty: Certainty = "high" if alone.kind == "likely_real" else "moderate"
    captured = Verdict("likely_real", (first, limit, _beside(alone)), certainty)
    # Size and compression make a network less reliable, not a signature.
    return _lowered(captured, _contradictions(findings))


def _unsigned(alone: Verdict, findings: Sequence[Finding], size: tuple[int, int] | None) -> Verdict:
    if alone.kind == "inconclusive":
        return _without_network(alone, findings, size)
    doubts = [(1, doubt) for doubt in _doubts(findings)]
    if size is not None and LEAST_PIXELS <= min(size) < FEW_PIXELS:
        doubts.append((1, FEW))
    if alone.kind == "likely_real":
        return _lowered(alone, [*_contradictions(findings), *doubts])
    says_ai = _saying_ai(findings)
    if not says_ai:
        return _lowered(alone, doubts)
    first, *others = alone.reasons
    agreeing = replace(alone, reasons=(first, Reason("file_agrees", says_ai[0].sentence), *others))
    return _lowered(agreeing, doubts)


def _lowered(verdict: Verdict, doubts: Sequence[tuple[int, Reason]]) -> Verdict:
    """Return a verdict so many steps less certain, with the doubts told behind its first reason.

    Args:
        verdict: Decided, with a certainty on the ladder.
        doubts: Steps and reason of each, the weightiest first.
    """
    reasons = tuple(reason for _, reason in doubts)
    at = LADDER.index(verdict.certainty) + sum(steps for steps, _ in doubts)
    if at < len(LADDER):
        first, *others = verdict.reasons
        return replace(verdict, reasons=(first, *reasons, *others), certainty=LADDER[at])
    leaning = "AI-generated" if verdict.kind == "likely_ai" else "real"
    too_many = Reason(
        "too_many_doubts",
        f"No conclusion can be drawn: the evidence leans towards {leaning}, but too much speaks "
        "against relying on it here.",
    )
    return Verdict("inconclusive", (too_many, *reasons, *verdict.reasons))


def _without_network(
    alone: Verdict, findings: Sequence[Finding], size: tuple[int, int] | None
) -> Verdict:
    """Return what is left to say where the network decides nothing."""
    first, *others = alone.reasons
    if first.code == "out_of_domain" and size is not None and min(size) < LEAST_PIXELS:
        sentence = (
            f"It has only {size[0]} x {size[1]} pixels; models of photographs need {LEAST_PIXELS} "
            "on the shorter side."
        )
        others.insert(0, Reason("too_small", sentence))
    broken = next((each for each in findings if each.code == "credentials_invalid"), None)
    if broken is not None:
        others.insert(0, Reason("changed_after_signing", broken.sentence))
    says_ai = _saying_ai(findings)
    if not says_ai:
        return Verdict("inconclusive", (first, *others))
    # A whole record takes knowledge to write, and so do two labels of different origin that agree.
    if says_ai[0].strength == "strong" or len({finding.source for finding in says_ai}) > 1:
        forgeable = Reason(
            "forgeable",
            "Nobody signed this: whoever wants to can write it into any file. So the verdict is of "
            "low certainty.",
        )
        said = Reason("file_says_ai", says_ai[0].sentence)
        return Verdict("likely_ai", (said, forgeable, _beside(alone)), "low")
    label = Reason(
        "label_says_ai",
        "No conclusion can be drawn from a label alone, as anybody can write one. This is what it "
        f"says: {says_ai[0].sentence}",
    )
    return Verdict("inconclusive", (label, first, *others))


def _saying_ai(findings: Iterable[Finding]) -> list[Finding]:
    """Return those that call it AI-made and are more than a hint, the strongest first."""
    return [each for each in findings if each.leaning == "ai" and each.strength in STEPS]


def _contradictions(findings: Iterable[Finding]) -> list[tuple[int, Reason]]:
    """Return how far a file that says "made by AI" takes from what says "real"."""
    says_ai = _saying_ai(findings)
    if not says_ai:
        return []
    sentence = (
        f"{says_ai[0].sentence} That is no proof, as anybody can write it, but it takes from the "
        "certainty."
    )
    steps = max(STEPS[finding.strength] for finding in says_ai)
    return [(steps, Reason("file_says_otherwise", sentence))]


def _doubts(findings: Iterable[Finding]) -> list[Reason]:
    """Return each kind of doubt once, in the order of the findings."""
    kinds = [each.kind for each in findings if each.leaning == "doubt" and each.kind in DOUBTS]
    return [DOUBTS[kind] for kind in dict.fromkeys(kinds)]


def _beside(alone: Verdict) -> Reason:
    """Return what the network says where something else has decided."""
    if alone.reasons[0].code == "no_validated_model":
        sentence = "No network was asked: none is validated for this kind of picture here."
    else:
        sentence = {
            "likely_ai": "The network, which did not decide this, takes it for AI-generated as "
            "well.",
            "likely_real": "The network, which did not decide this, takes it for a real "
            "photograph.",
            "inconclusive": "The network, which did not decide this, cannot tell.",
        }[alone.kind]
    return Reason("network_beside", sentence)
