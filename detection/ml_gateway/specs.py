"""Reads what a stored model says of itself, without loading it."""

import json
from pathlib import Path
from typing import Any

from detection.ml_gateway.common import translated


def spec_in_domain(spec: dict[str, Any], width: int, height: int) -> bool:
    """Tell whether the version with this spec was validated on images of this upright size."""
    from ml.contract import ModelSpec

    return ModelSpec.from_json(json.dumps(spec)).in_domain(width, height)


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
