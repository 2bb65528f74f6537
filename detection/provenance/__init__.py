"""What a file says of itself: who signed it, what made it, what was done to it.

`examine` reads a file's own blocks by the rules of its format, within hard bounds, and never fails:
what cannot be read is a finding as well. Content Credentials are checked apart from that; a service
joins both by `in_order`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import get_args

from detection.findings import STRENGTHS, Finding, Kind
from detection.provenance import (
    camera,
    compression,
    declarations,
    editing,
    generators,
    personal,
    screenshots,
    thumbnail,
    unreadable,
)
from detection.provenance.facts import Facts, gather

__all__ = ["examine", "in_order"]

_FINDERS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    generators.find,
    declarations.find,
    camera.find,
    personal.find,
    editing.find,
    compression.find,
    screenshots.find,
    thumbnail.find,
    unreadable.find,
)
_KINDS = get_args(Kind)
# Kinds that say how the picture came to be, which is what people look for.
_ORIGINS = ("credentials", "generator", "declaration", "camera")
_NOTHING = Finding(
    kind="declaration",
    code="nothing_said",
    source="the whole file",
    strength="context",
    leaning="neutral",
    sentence=(
        "The file says nothing of how it was made. That proves nothing: most websites and "
        "messengers take such notes out of every picture."
    ),
)


def examine(
    content: bytes,
    *,
    format: str,  # noqa: A002
    width: int,
    height: int,
    shape: int | None = None,
) -> tuple[Finding, ...]:
    """Return what a file says of itself, strongest first; nothing in it makes this fail.

    Args:
        content: The whole file.
        format: One of `image_files.FORMATS`.
        width, height: In pixels, upright, both positive.
        shape: The `perceptual_hash` of the upright image, to compare the thumbnail with.
    """
    facts = gather(content, format=format, width=width, height=height, shape=shape)
    findings = [finding for find in _FINDERS for finding in find(facts)]
    if not facts.has_credentials:
        findings.append(_NOTHING)
    return in_order(findings)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings strongest first, each once; that nothing is said goes where something is."""
    once = dict.fromkeys(findings)
    says_something = any(
        each.kind in _ORIGINS and each.code not in ("nothing_said", "personal_data")
        for each in once
    )
    kept = [each for each in once if each.code != "nothing_said" or not says_something]
    return tuple(
        sorted(kept, key=lambda each: (STRENGTHS.index(each.strength), _KINDS.index(each.kind)))
    )
