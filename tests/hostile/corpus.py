"""The whole corpus: name -> hostile file, with what the portal may answer."""

from functools import cache

from tests.hostile import bombs, disguises, foreign, jpegs, kinds, mutants, names, tiffs
from tests.hostile.cases import EITHER, Cases, case
from tests.hostile.kinds import extension
from tests.hostile_metadata import hostile

MOST_BYTES = 3_000_000


@cache
def corpus() -> Cases:
    """All files, made once."""
    parts = (
        *(disguises.documents(), disguises.polyglots(), disguises.wrong_names()),
        *(disguises.magics(), names.names(), bombs.bombs(), tiffs.tiffs(), jpegs.jpegs()),
        *(kinds.kinds(), foreign.formats(), foreign.boxes(), mutants.mutants(), metadata()),
    )
    made: Cases = {}
    for part in parts:
        assert not made.keys() & part.keys()
        made |= part
    return made


def metadata() -> Cases:
    """Files whose metadata are hostile, those of moderate size."""
    found = {
        f"metadata: {name}": case(content, EITHER, f"a.{extension(format_name.upper())}")
        for name, (format_name, content, _) in hostile().items()
        if len(content) <= MOST_BYTES
    }
    hostile.cache_clear()  # hundreds of megabytes
    return found
