"""Do the pinned requirements agree with the direct dependencies in pyproject.toml?"""

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
# What each file must hold: the extras of pyproject.toml beside the plain dependencies.
EXTRAS = {
    "requirements-web.txt": (),
    "requirements-flower.txt": ("flower",),
    "requirements.txt": ("ml",),
    "requirements-dev.txt": ("ml", "flower", "dev"),
}
SCIENCE = {"tensorflow", "keras", "scikit-learn", "matplotlib"}


@dataclass(frozen=True)
class Declared:
    """The direct dependencies of pyproject.toml: plain ones and those of each extra."""

    plain: list[Requirement]
    extras: dict[str, list[Requirement]]

    def for_extras(self, names: tuple[str, ...]) -> list[Requirement]:
        """Every direct dependency of an installation with these extras."""
        return self.plain + [item for name in names for item in self.extras[name]]


def read_declared(root: Path) -> Declared:
    """Read the direct dependencies from `root`/pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return Declared(
        plain=[Requirement(line) for line in project["dependencies"]],
        extras={name: [Requirement(line) for line in lines] for name, lines in extras.items()},
    )


def read_pins(file: Path) -> dict[str, str]:
    """Name -> version of every line of a requirements file.

    Raises:
        ValueError: A package is not pinned, or is without a hash, so that pip would take any file.
    """
    pins: dict[str, str] = {}
    for line in file.read_text().replace("\\\n", " ").splitlines():
        text = line.partition("#")[0].strip()
        if text:
            pinned, *hashes = text.split(" --hash=")
            name, separator, version = pinned.partition(";")[0].strip().partition("==")
            if not separator:
                raise ValueError(f"{file.name}: not pinned with ==. Received: {text}")
            if not hashes:
                raise ValueError(f"{file.name}: without a hash. Received: {text}")
            pins[canonicalize_name(name)] = version
    return pins


def problems_of(root: Path) -> list[str]:
    """One sentence for each disagreement between pyproject.toml and the requirements files."""
    declared = read_declared(root)
    pins = {name: read_pins(root / name) for name in EXTRAS}
    problems = []
    for name, extras in EXTRAS.items():
        problems += unmet(name, declared.for_extras(extras), pins[name])
    problems += differing(pins, "requirements-web.txt", "requirements.txt")
    problems += differing(pins, "requirements.txt", "requirements-dev.txt")
    problems += differing(pins, "requirements-flower.txt", "requirements-dev.txt")
    for heavy in sorted(SCIENCE & pins["requirements-web.txt"].keys()):
        problems.append(f"requirements-web.txt holds {heavy}, which the web image must not have.")
    return problems


def unmet(file: str, wanted: list[Requirement], pins: dict[str, str]) -> list[str]:
    """Direct dependencies that `file` leaves out or pins to a version that is not allowed."""
    problems = []
    for requirement in wanted:
        version = pins.get(canonicalize_name(requirement.name))
        if version is None:
            problems.append(f"{file} lacks {requirement.name}.")
        elif not requirement.specifier.contains(version):
            problems.append(f"{file} pins {requirement.name} {version}, allowed is {requirement}.")
    return problems


def differing(pins: dict[str, dict[str, str]], smaller: str, larger: str) -> list[str]:
    """Pins of `smaller` that `larger` does not repeat to the letter."""
    return [
        f"{smaller} pins {name} {version}, {larger} has {pins[larger].get(name, 'nothing')}."
        for name, version in pins[smaller].items()
        if pins[larger].get(name) != version
    ]


def main() -> int:
    """Print what disagrees; the exit status is 1 then."""
    problems = problems_of(ROOT)
    for problem in problems:
        print(problem)
    print("Run `make lock`." if problems else "Requirements agree with pyproject.toml.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
