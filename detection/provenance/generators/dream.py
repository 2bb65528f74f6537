"""The command line that early InvokeAI kept: `"a prompt [what not]" -s 50 -S 123 -A k_lms`."""

from itertools import pairwise

from detection.provenance.generators.record import Record, fields
from detection.provenance.reading import Text

MAX_LENGTH = 16_384
_OPTIONS = {"-s": "Steps", "-S": "Seed", "-W": "Width", "-H": "Height", "-C": "CFG scale"}
_OPTIONS |= {"-A": "Sampler"}


def read(text: Text) -> Record | None:
    """Return the record in a text under the key `Dream`, or None."""
    if text.key != "Dream":
        return None
    quoted, _, line = text.value[:MAX_LENGTH].rpartition('"')
    words = line.split()
    values = {_OPTIONS[word]: following for word, following in pairwise(words) if word in _OPTIONS}
    prompt, _, negative = quoted.strip().strip('"').partition("[")
    size = " x ".join(values.pop(side) for side in ("Width", "Height") if side in values)
    told = {"Prompt": prompt.strip(), "Negative prompt": negative.strip(" ]"), **values}
    return Record("InvokeAI", text.source, fields({**told, "Size": size}))
