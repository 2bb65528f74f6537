"""The bill of materials names what an image holds, with licences, hashes and who needs whom."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tools.sbom import IMAGES, PRETRAINED, ROOT, bill, read_hashes, weights_shipped

# As cyclonedx-py tells what is installed; `make sbom` itself asks it about 250 packages.
EVERYTHING: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {
        "component": {"bom-ref": "root-component", "name": "veripix", "type": "application"}
    },
    "components": [
        {
            "bom-ref": f"{name}=={version}",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name.lower()}@{version}",
            "type": "library",
            **({"licenses": [{"license": {"id": licence}}]} if licence else {}),
        }
        for name, version, licence in (
            ("Django", "5.2", "BSD-3-Clause"),
            ("asgiref", "3.1", ""),
            ("pytest", "9.0", "MIT"),
        )
    ],
    "dependencies": [
        {"ref": "root-component", "dependsOn": ["Django==5.2", "pytest==9.0"]},
        {"ref": "Django==5.2", "dependsOn": ["asgiref==3.1", "pytest==9.0"]},
        {"ref": "asgiref==3.1"},
        {"ref": "pytest==9.0"},
    ],
}
ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    """What an image holds."""
    path = tmp_path / "requirements.txt"
    lines = (
        f"asgiref==3.1 \\\n    --hash=sha256:{ONE}\ndjango==5.2 \\\n    --hash=sha256:{ONE} \\\n"
    )
    path.write_text(f"{lines}    --hash=sha256:{TWO}\n")
    return path


def told(requirements: Path) -> dict[str, Any]:
    """The bill of an image with weights."""
    return bill(EVERYTHING, requirements, {"asgiref": "BSD License"}, weights_shipped())


def test_it_holds_what_the_image_does_and_no_more(requirements: Path) -> None:
    packages = {one["name"]: one for one in told(requirements)["components"]}
    models = {path.parent.name for path in PRETRAINED.glob("*/spec.json")}
    assert set(packages) == {"Django", "asgiref", *models}
    assert packages["Django"]["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert packages["asgiref"]["licenses"] == [{"license": {"name": "BSD License"}}]
    (files,) = packages["Django"]["externalReferences"]
    assert [one["content"] for one in files["hashes"]] == [ONE, TWO]


def test_it_says_who_needs_whom(requirements: Path) -> None:
    needs = {one["ref"]: one.get("dependsOn") for one in told(requirements)["dependencies"]}
    weights = [one["bom-ref"] for one in weights_shipped()]
    assert needs["root-component"] == sorted(["Django==5.2", *weights])
    assert needs["Django==5.2"] == ["asgiref==3.1"]
    assert "pytest==9.0" not in needs


def test_it_follows_the_schema(requirements: Path) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(json.dumps(told(requirements))) is None


def test_weights_have_the_hashes_of_their_files() -> None:
    files = [file for model in weights_shipped() for file in model["components"]]
    assert files
    for file in files:
        content = (ROOT / file["name"]).read_bytes()
        assert file["hashes"][0]["content"] == hashlib.sha256(content).hexdigest(), file["name"]


def test_what_is_not_installed_is_said(requirements: Path) -> None:
    requirements.write_text(f"django==5.3 \\\n    --hash=sha256:{ONE}\n")
    with pytest.raises(ValueError, match=r"requirements\.txt: not installed here: django$"):
        told(requirements)


def test_every_package_of_every_image_has_hashes() -> None:
    for requirements, _ in IMAGES.values():
        found = read_hashes(ROOT / requirements)
        assert found
        assert all(hashes for hashes in found.values())
