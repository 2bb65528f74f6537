"""Reads what a stored model says of itself, without loading it."""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detection.ml_gateway.common import LOADED_VERSIONS, translated

if TYPE_CHECKING:
    from ml.contract import ModelSpec


def sizes_in_domain(spec: dict[str, Any], sizes: Sequence[tuple[int, int]]) -> list[bool]:
    """Tell of upright sizes whether the version with this spec was validated on such images."""
    parsed = _parsed(json.dumps(spec))
    return [parsed.in_domain(width, height) for width, height in sizes]


@lru_cache(maxsize=LOADED_VERSIONS)
def _parsed(spec: str) -> "ModelSpec":
    """Read a spec once: it takes as long as a verdict does."""
    from ml.contract import ModelSpec

    return ModelSpec.from_json(spec)


def spec_in_full(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a spec with every field of today, where it was registered by an older version."""
    from ml.contract import ModelSpec

    full: dict[str, Any] = json.loads(ModelSpec.from_json(json.dumps(spec)).to_json())
    return full


def read_verified_spec(directory: Path) -> dict[str, Any]:
    """Return the spec of a stored model whose weights and graph hash to what the spec says.

    Raises:
        GatewayError: When spec, weights or graph are missing, damaged or of a newer format.
    """
    from ml import artifacts

    with translated():
        spec: dict[str, Any] = json.loads(artifacts.verify(directory).to_json())
    return spec
