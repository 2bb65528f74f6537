"""Examines files in tests, and holds that to its bounds of time and memory."""

import time
import tracemalloc
from collections.abc import Iterable

from detection.findings import Finding
from detection.provenance import examine

MAX_SECONDS = 2.0
MAX_MEMORY = 100 << 20  # bytes beyond the file itself


def found(
    content: bytes,
    format: str = "JPEG",  # noqa: A002
    *,
    size: tuple[int, int] = (48, 32),
    shape: int | None = None,
) -> dict[str, Finding]:
    """Code -> finding; no code but "unreadable" may come twice."""
    findings = examine(content, format=format, width=size[0], height=size[1], shape=shape)
    codes = [each.code for each in findings if each.code != "unreadable"]
    assert len(codes) == len(set(codes)), codes
    return {each.code: each for each in findings}


def told(finding: Finding) -> dict[str, str]:
    """Label -> value of a finding's table."""
    return {line.label: line.value for line in finding.details}


def unreadable(findings: Iterable[Finding]) -> list[str]:
    """What could not be read, as people are told."""
    return [each.sentence for each in findings if each.kind == "unreadable"]


def examined_within_bounds(
    content: bytes,
    format: str,  # noqa: A002
    *,
    size: tuple[int, int] = (48, 32),
    shape: int | None = None,
) -> tuple[Finding, ...]:
    """Examine a file twice: against the clock, and with every byte of memory counted.

    The clock is the processor's own: another test beside this one shall not count.
    """
    started = time.thread_time()
    findings = examine(content, format=format, width=size[0], height=size[1], shape=shape)
    seconds = time.thread_time() - started
    tracemalloc.start()
    try:
        examine(content, format=format, width=size[0], height=size[1], shape=shape)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seconds < MAX_SECONDS, f"it took {seconds:.2f} s"
    assert peak < MAX_MEMORY, f"it took {peak / 1e6:.0f} MB"
    return findings
