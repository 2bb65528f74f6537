"""Does a pinned package have a known security advisory, as far as the advisory service answers?

pip-audit ends with an error alike for a finding and for a service that is out of reach. Here a
finding always fails the check, and a service out of reach becomes one clear line.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = "requirements-dev.txt"
SECONDS_PER_REQUEST = 5
# What pip-audit's errors hold when the network or the service, and nothing else, was the trouble.
UNREACHABLE = re.compile(
    r"^requests\.exceptions\.\w+"
    r"|^pip_audit\._service\.interface\.\w+Error"
    r"|may be blocking this service",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Audit:
    """What the advisory service said about the pinned packages."""

    findings: list[str]
    answered: int
    asked: int


def read_audit(report: str) -> Audit:
    """Read pip-audit's JSON report."""
    packages = json.loads(report)["dependencies"]
    findings = [
        f"{package['name']} {package['version']}: {advisory['id']}, "
        f"mended in {', '.join(advisory['fix_versions']) or 'no version yet'}"
        for package in packages
        for advisory in package.get("vulns", [])
    ]
    answered = sum("skip_reason" not in package for package in packages)
    return Audit(findings, answered, len(packages))


def verdict_of(report: str, errors: str) -> tuple[int, str]:
    """Exit status and what to print, from pip-audit's report and its error output."""
    if not report.strip():
        if UNREACHABLE.search(errors):
            return 0, "No advisory was looked up: the advisory service cannot be reached from here."
        return 1, f"pip-audit failed: {errors.strip() or 'it said nothing'}"
    audit = read_audit(report)
    if audit.findings:
        return 1, "\n".join(["Known security advisories:", *audit.findings])
    if audit.answered == 0:
        return 0, f"No advisory was looked up: the service knew none of {audit.asked} packages."
    return 0, f"No known advisory for {audit.answered} of {audit.asked} pinned packages."


def main() -> int:
    """Ask pip-audit about every pin and say what came of it."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(ROOT / REQUIREMENTS)]
    command += ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    command += ["--timeout", str(SECONDS_PER_REQUEST)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    status, message = verdict_of(done.stdout, done.stderr)
    print(message)
    return status


if __name__ == "__main__":
    sys.exit(main())
