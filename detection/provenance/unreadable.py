"""What could not be read is a finding too: nobody shall take it for an empty file."""

from collections.abc import Iterator

from detection.findings import Finding
from detection.provenance.facts import Facts


def unreadable(source: str, why: str) -> Finding:
    """Return the finding on a part of the file; `why` goes on after "could not be read:"."""
    return Finding(
        kind="unreadable",
        code="unreadable",
        source=source,
        strength="context",
        leaning="neutral",
        sentence=f"{source} could not be read: {why}. The rest of the file was looked at.",
    )


def find(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each part that could not be read."""
    for problem in facts.problems:
        yield unreadable(problem.source, problem.why)
