"""Midjourney: the prompt as description, with the number of its job, and the same number in XMP."""

import re

from detection.provenance.generators.record import Record, fields
from detection.provenance.reading import MAX_SHOWN, Text

_JOB = re.compile(
    r"Job ID:\s*([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", re.IGNORECASE
)
_OPTION = re.compile(r"\s--(?:v|ar|niji|style|stylize|s|chaos|c|q|seed|raw|profile|p|iw|w)\b")
_SEED = re.compile(r"\s--seed (\d{1,12})")


def read(text: Text, image_guid: str) -> Record | None:
    """Return the record in a text, or None.

    Args:
        text: A description.
        image_guid: `Iptc4xmpExt:DigImageGUID` of the file, or nothing.
    """
    job = _JOB.search(text.value[: 4 * MAX_SHOWN])
    if job is None:
        return None
    prompt = text.value[: job.start()].strip()
    seed = _SEED.search(prompt)
    agrees = image_guid.strip().lower() == job[1].lower()
    found = fields({"Prompt": prompt, "Job": job[1], "Seed": seed[1] if seed else ""})
    # The job's number alone can be in any text; with options or the same number in XMP, hardly.
    has_proof = agrees or _OPTION.search(prompt) is not None
    return Record("Midjourney", text.source, found, has_proof)
