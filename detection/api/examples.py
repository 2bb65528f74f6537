"""What the documentation shows as examples."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

SITE = "https://veripix.example.org"
SUBMISSION, ANALYSIS = "5f0c9b7a61e24d3388aa1b02", "a3b1c2d4e5f60718293a4b5c"
VERDICT: dict[str, Any] = {
    "kind": "likely_ai",
    "label": "Likely AI-generated",
    "certainty": "high",
    "percent_ai": 97.3,
    "is_in_domain": True,
    "rests_on_file": False,
    "reasons": [{"code": "model_sure", "sentence": "The model is sure of it."}],
}
BRIEF: dict[str, Any] = {
    "id": ANALYSIS,
    "url": f"{SITE}/api/v1/analyses/{ANALYSIS}/",
    "submission": SUBMISSION,
    "state": "queued",
    "track": "thumbnail",
    "is_repeat": False,
    "created_at": "2026-11-27T14:02:11.512733Z",
    "finished_at": None,
    "image": {
        "id": "90aa73f1c0de4b6c8d1e2f30",
        "file_name": "cat.png",
        "format": "PNG",
        "width": 32,
        "height": 32,
        "bytes": 2431,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    },
    "verdict": None,
    "model": None,
    "error": None,
}
HANDED_IN = OpenApiExample(
    "Taken in",
    {
        "id": SUBMISSION,
        "url": f"{SITE}/api/v1/submissions/{SUBMISSION}/",
        "page": f"{SITE}/submissions/{SUBMISSION}/",
        "created_at": "2026-11-27T14:02:11.498120Z",
        "source": "api",
        "analyses_url": f"{SITE}/api/v1/analyses/?submission={SUBMISSION}",
        "analyses": [BRIEF],
        "refusals": [
            {
                "file_name": "notes.txt",
                "code": "unsupported_format",
                "message": "This file is no image that can be read here.",
            }
        ],
        "fetches": [],
    },
    response_only=True,
    status_codes=["201"],
)
