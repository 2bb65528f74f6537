"""`python -m tools.sbom`: what each image is made of, as CycloneDX, in `var/sbom/`.

cyclonedx-py tells names, versions, licences and who needs whom from what is installed; the
requirements files tell what of it an image holds, and the hashes that its files must have; the
specifications beside the weights that ship tell theirs.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from tools.licences import shipped_packages
from tools.requirements import read_pins

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "var" / "sbom"
# Each image, what it installs, and whether it computes by the weights that ship.
IMAGES = {
    "web": ("requirements-web.txt", True),
    "worker": ("requirements.txt", True),
    "flower": ("requirements-flower.txt", False),
}
PRETRAINED = ROOT / "ml" / "pretrained"

Component = dict[str, Any]


def installed(root: Path = ROOT) -> dict[str, Any]:
    """Ask cyclonedx-py about everything that is installed here, the tools of the tests too."""
    with tempfile.TemporaryDirectory(prefix="veripix-sbom-") as folder:
        found = Path(folder) / "all.json"
        command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
        command += ["--pyproject", str(root / "pyproject.toml"), "--output-file", str(found)]
        subprocess.run([*command, sys.executable], check=True)
        told: dict[str, Any] = json.loads(found.read_text())
    return told


def bill(
    everything: dict[str, Any],
    requirements: Path,
    licences: dict[str, str],
    weights: list[Component],
) -> dict[str, Any]:
    """Return the bill of one image.

    Args:
        everything: What is installed, as `installed` returns it.
        requirements: What of it the image holds.
        licences: By name, where the packages' own metadata is silent.
        weights: Components beside the packages.

    Raises:
        ValueError: A package that the image holds is not installed here in that version.
    """
    pins, hashes = read_pins(requirements), read_hashes(requirements)
    held: dict[str, Component] = {}
    for component in everything["components"]:
        name = canonicalize_name(component["name"])
        if pins.get(name) == component["version"]:
            held[name] = _package(component, hashes[name], licences.get(name, ""))
    if missing := sorted(pins.keys() - held.keys()):
        raise ValueError(f"{requirements.name}: not installed here: {', '.join(missing)}")
    components = [*held.values(), *weights]
    ours = everything["metadata"]["component"]["bom-ref"]
    kept = {ours, *(component["bom-ref"] for component in components)}
    needs = {one["ref"]: set(one.get("dependsOn", ())) & kept for one in everything["dependencies"]}
    needs[ours] = needs.get(ours, set()) | {component["bom-ref"] for component in weights}
    return {
        **everything,
        "components": components,
        "dependencies": [
            {"ref": ref, **({"dependsOn": sorted(needs[ref])} if needs.get(ref) else {})}
            for ref in sorted(kept)
        ],
    }


def read_hashes(file: Path) -> dict[str, list[str]]:
    """Name -> the sha256 of each file that pip may install it from."""
    found: dict[str, list[str]] = {}
    for line in file.read_text().replace("\\\n", " ").splitlines():
        pinned, *hashes = line.partition("#")[0].strip().split(" --hash=sha256:")
        if hashes:
            name = canonicalize_name(pinned.partition("==")[0])
            found[name] = [digest.strip() for digest in hashes]
    return found


def weights_shipped(folder: Path = PRETRAINED) -> list[Component]:
    """Return a component for each model that ships, with the hashes of its files."""
    found = []
    for path in sorted(folder.glob("*/spec.json")):
        spec = json.loads(path.read_text())
        name, digest = spec["name"], spec["weights_sha256"]
        files = [(spec["weights_file"], digest)]
        if spec["graph_sha256"]:
            files.append((spec["graph_file"], spec["graph_sha256"]))
        found.append(
            {
                "type": "machine-learning-model",
                "bom-ref": f"weights:{name}",
                "name": name,
                "version": digest[:12],
                "description": spec["domain"]["sentence"],
                "components": [
                    {
                        "type": "file",
                        "bom-ref": f"weights:{name}/{file}",
                        "name": f"ml/pretrained/{path.parent.name}/{file}",
                        "hashes": [{"alg": "SHA-256", "content": content}],
                    }
                    for file, content in files
                ],
            }
        )
    return found


def _package(component: Component, hashes: list[str], licence: str) -> Component:
    """Return a package with its licence and the files that it may come as."""
    files = {
        "type": "distribution",
        "comment": "one of these files",
        "url": component["purl"],
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in hashes],
    }
    references = [*component.get("externalReferences", ()), files]
    told = {**component, "externalReferences": references}
    if not told.get("licenses") and licence:
        told["licenses"] = [{"license": {"name": licence}}]
    return told


def main() -> int:
    """Write a bill for each image."""
    everything, weights = installed(), weights_shipped()
    licences = {one.name: one.licence for one in shipped_packages()}
    TARGET.mkdir(parents=True, exist_ok=True)
    for image, (requirements, has_weights) in IMAGES.items():
        told = bill(everything, ROOT / requirements, licences, weights if has_weights else [])
        path = TARGET / f"{image}.cdx.json"
        path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        print(f"{path.relative_to(ROOT)}: {len(told['components']):,} components")
    return 0


if __name__ == "__main__":
    sys.exit(main())
