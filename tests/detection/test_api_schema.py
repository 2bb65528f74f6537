"""Whatever fits the description, or nearly does, is answered as the description says.

Schemathesis makes the requests: a few to each operation, the same ones every time.
"""

import re
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from pytest_django import Settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi

from detection.api.description import DESCRIPTION
from detection.models import Analysis, Batch, Face
from detection.services.batches import batch_open
from portal.models import User
from portal.wsgi import application
from tests import reported, work
from tests.programs import token_of

# What each answer is held against. That what is wrong is refused, and only that, needs to know
# more than a description says: the files that are images, the ids that there are.
HELD = [
    checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
]
FEW = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


schema = schemathesis.openapi.from_path(DESCRIPTION)
schema.app = application
COMPONENTS = schema.raw_schema["components"]


@pytest.fixture
def token(alice: User, settings: Settings) -> str:
    """Alice's."""
    settings.API_RATE_PER_MINUTE = 1_000_000
    settings.ALLOWED_HOSTS = ["*"]
    return token_of(alice)


@schema.parametrize()
@FEW
def test_it_is_answered_as_described(case: Any, alice: User, token: str) -> None:
    headers = {"Authorization": f"Token {token}"}
    case.call_and_validate(headers=headers, checks=HELD)
    if "public_id" in (case.path_parameters or {}):
        case.path_parameters["public_id"] = known_id(case.path, alice)
        case.call_and_validate(headers=headers, checks=HELD)


def known_id(path: str, alice: User) -> str:
    """The id of something of Alice's that is there."""
    (kind,) = re.findall(r"/api/v1/([a-z]+)/", path)
    analysis = Analysis.objects.visible_to(alice).on_images().first() or reported.finished(alice)
    if kind == "submissions":
        return analysis.image.submission.public_id
    if kind == "batches":
        batch = Batch.objects.visible_to(alice).first()
        return (batch or batch_open(owner=alice, name="x.zip", upload_bytes=1000)).public_id
    if kind == "faces":
        face = Face(analysis=analysis, number=Face.objects.count() + 1, left=0, top=0)
        face.width = face.height = 8
        face.confidence = 1.0
        face.heatmap.save("", work.upload(reported.heatmap()))
        return face.public_id
    return analysis.public_id


def examples() -> list[Any]:
    """Each example of an answer, with the schema that it is an example of."""
    found = []
    for path, operations in schema.raw_schema["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                for content in answer.get("content", {}).values():
                    for name, example in content.get("examples", {}).items():
                        told = f"{method} {path} {status} {name}"
                        found.append(pytest.param(content["schema"], example["value"], id=told))
    return found


@pytest.mark.parametrize(("described", "example"), examples())
def test_examples_are_what_they_are_examples_of(described: Any, example: Any) -> None:
    document = {**as_json_schema(described), "components": as_json_schema(COMPONENTS)}
    jsonschema.Draft202012Validator(document).validate(example)


def as_json_schema(part: Any) -> Any:
    """The same without OpenAPI's own word for null, and closed to values that are not told."""
    if isinstance(part, list):
        return [as_json_schema(one) for one in part]
    if not isinstance(part, dict):
        return part
    made = {name: as_json_schema(one) for name, one in part.items()}
    if made.get("type") == "object" and "properties" in made:
        made.setdefault("additionalProperties", False)
    if made.pop("nullable", None) is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made
