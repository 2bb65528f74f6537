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
        "forgotten_at": None,
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

COUNTS = {
    "total": 1,
    "unfinished": 0,
    "finished": 1,
    "failed": 0,
    "likely_ai": 1,
    "likely_real": 0,
    "inconclusive": 0,
}
SUBMISSION_BRIEF = {
    name: value
    for name, value in HANDED_IN.value.items()
    if name not in ("analyses", "refusals", "fetches")
}
LISTED = BRIEF | {
    "state": "finished",
    "finished_at": "2026-11-27T14:02:12.091204Z",
    "verdict": VERDICT,
    "model": "cifake-residual 1",
}
WHOLE = LISTED | {
    "page": f"{SITE}/analyses/{ANALYSIS}/",
    "image_url": f"{SITE}/api/v1/analyses/{ANALYSIS}/image/",
    "started_at": "2026-11-27T14:02:12.080011Z",
    "milliseconds": 9,
    "tags": ["night desk"],
    "verdict": VERDICT | {"would_change": ["A signature of a camera that is trusted here."]},
    "findings": [
        {
            "kind": "generator",
            "code": "generator_record",
            "source": "PNG text chunk “parameters”",
            "strength": "strong",
            "leaning": "ai",
            "sentence": "The file holds the settings of an image generator.",
            "details": [{"label": "Steps", "value": "20"}],
        }
    ],
    "heatmap": {"url": f"{SITE}/api/v1/analyses/{ANALYSIS}/heatmap/", "method": "grad_cam"},
    "faces": None,
    "reports": {
        "pdf": f"{SITE}/api/v1/analyses/{ANALYSIS}/report.pdf",
        "json": f"{SITE}/api/v1/analyses/{ANALYSIS}/report.json",
    },
}
# Of answers, by what they are examples of.
ONE_SUBMISSION = OpenApiExample(
    "Ended",
    SUBMISSION_BRIEF | {"is_finished": True, "counts": COUNTS, "refusals": [], "fetches": []},
    response_only=True,
)
SUBMISSION_ROW = OpenApiExample("A row", SUBMISSION_BRIEF, response_only=True)
ONE_ANALYSIS = OpenApiExample("Finished", WHOLE, response_only=True, status_codes=["200"])
AGAIN = OpenApiExample(
    "Waiting again",
    WHOLE | dict.fromkeys(("verdict", "model", "heatmap", "reports"), None) | {"state": "queued"},
    response_only=True,
    status_codes=["202"],
)
ANALYSIS_ROW = OpenApiExample("A row", LISTED, response_only=True)
SAID = OpenApiExample(
    "It is real", {"label": "real", "note": "I took it.", "has_consent": True}, request_only=True
)
KEPT = OpenApiExample(
    "Kept",
    {
        "label": "real",
        "note": "I took it.",
        "has_consent": True,
        "state": "open",
        "created_at": "2026-11-27T15:10:00Z",
    },
    response_only=True,
)
USED = OpenApiExample(
    "With a quota",
    {
        "quota": {"images": 1000, "bytes": None},
        "left": {"images": 988, "bytes": None},
        "today": {"day": "2026-11-27", "images": 12, "bytes": 48_230_112},
        "resets_at": "2026-11-28T00:00:00Z",
        "days": [{"day": "2026-11-27", "images": 12, "bytes": 48_230_112}],
    },
    response_only=True,
)
ANSWERING = OpenApiExample(
    "One track",
    {
        "results": [
            {
                "label": "cifake-residual 1",
                "name": "cifake-residual",
                "number": 1,
                "track": "thumbnail",
                "weights_sha256": BRIEF["image"]["sha256"],
                "domain": "Images of 32 x 32 pixels.",
                "card": {
                    "measured_on": "Measured on 20,000 images that it had not learnt from.",
                    "figures": [
                        {
                            "name": "accuracy",
                            "label": "Right, if it had to decide on every image",
                            "value": 0.9867,
                            "interval": [0.9851, 0.9882],
                            "images": None,
                        }
                    ],
                },
            }
        ]
    },
    response_only=True,
)
