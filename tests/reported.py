"""Finished analyses for the tests of reports and links, with all that a report can tell."""

import io
from typing import Any

import numpy as np
from django.core.files.base import ContentFile
from PIL import Image

from detection.findings import Detail, Finding
from detection.models import Analysis, ModelVersion
from portal.models import User
from tests import images, work

SITE = "https://veripix.example.org"
POSITION = "48.137154 N, 11.576124 E"
AUTHOR = "Alice Adams"
FILE_NAME = "alices-secret-name.jpg"
REASONS = [
    {"code": "model_sure", "sentence": "Of such images about 970 of 1,000 are AI-generated."},
    {"code": "band", "sentence": "The model decides only below 10.0 % or above 90.0 %."},
]
FINDINGS = (
    Finding(
        kind="generator",
        code="generator_settings",
        source="PNG text chunk “parameters”",
        strength="strong",
        leaning="ai",
        sentence="The file holds the settings with which a generator made it.",
        details=(Detail("Prompt", "a fox in a library"), Detail("Seed", "1234")),
    ),
    Finding(
        kind="camera",
        code="camera_fields",
        source="EXIF",
        strength="weak",
        leaning="real",
        sentence="The file names a camera; anybody can write such fields.",
        details=(
            Detail("Camera", "Example 5"),
            Detail("Position", POSITION, is_private=True),
            Detail("Author", AUTHOR, is_private=True),
        ),
    ),
)


def heatmap(size: tuple[int, int] = (48, 32)) -> bytes:
    """A stored heatmap: bright to the right, and bare in its left quarter."""
    red = np.tile(np.linspace(0, 255, size[0], dtype=np.uint8), (size[1], 1))
    alpha = np.full_like(red, 255)
    alpha[:, : size[0] // 4] = 0
    pixels = np.dstack([red, np.zeros_like(red), np.zeros_like(red), alpha])
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(buffer, "PNG")
    return buffer.getvalue()


def finished(
    owner: User,
    version: ModelVersion | None = None,
    *,
    content: bytes | None = None,
    name: str = FILE_NAME,
    **fields: Any,
) -> Analysis:
    """A finished analysis with findings, one of them with private lines, and a heatmap."""
    content = images.image_file("JPEG") if content is None else content
    analysis = work.queued(owner, content, name=name)
    analysis.heatmap.save("heatmap.png", ContentFile(heatmap()))
    told: dict[str, Any] = {
        "model_version": version,
        "certainty": "high",
        "reasons": REASONS,
        "would_change": ["The signature of a camera would outweigh the network."],
        "findings": [finding.as_json() for finding in FINDINGS],
        "heatmap_method": "Grad-CAM",
    }
    return work.ended(analysis, **{**told, **fields})
