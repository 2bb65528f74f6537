"""How the REST interface is set up: errors, tokens, and what its schema says of it."""

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    "EXCEPTION_HANDLER": "detection.api.errors.handle",
    "DEFAULT_SCHEMA_CLASS": "detection.api.schema.Described",
    "DEFAULT_AUTHENTICATION_CLASSES": ["detection.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["detection.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["detection.api.parsers.BoundedJSONParser"],
    # No page of a test or a shell says otherwise.
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    # An address ends in a slash and not in a format.
    "URL_FORMAT_OVERRIDE": None,
}
REST_KNOX: dict[str, Any] = {
    # By it, people and programs that look for leaked secrets know one of ours.
    "TOKEN_PREFIX": "vpx_",
    "AUTO_REFRESH": False,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Veripix",
    "DESCRIPTION": "Hand in images and learn whether they are photographs or were made by AI.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "AnalysisState": "detection.models.analyses.State",
        "BatchState": "detection.models.batches.BatchState",
        "FeedbackState": "detection.models.datasets.FeedbackState",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "detection.api.schema.shared_components",
    ],
    "TAGS": [
        {"name": "Submissions", "description": "Hand in, and see how far it is."},
        {"name": "Analyses", "description": "Verdicts with their evidence."},
        {"name": "Files", "description": "Pictures and reports."},
        {"name": "About", "description": "Models, usage and health."},
    ],
}
