"""A security advisory fails the check; an advisory service out of reach is told in one line."""

import json
from collections.abc import Mapping

import pytest

from tools.advisories import verdict_of

HARMLESS = {"name": "django", "version": "5.2.19", "vulns": []}
SKIPPED = {"name": "celery", "skip_reason": "Dependency not found and could not be audited"}
ADVISORY = {"id": "PYSEC-2026-1", "fix_versions": ["13.0.1"], "aliases": [], "description": "…"}
WEAK = {"name": "pillow", "version": "13.0.0", "vulns": [ADVISORY]}


def report(*packages: Mapping[str, object]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_a_finding_fails_and_is_named() -> None:
    status, message = verdict_of(report(HARMLESS, WEAK, SKIPPED), "Found 1 known vulnerability")
    assert status == 1
    assert "pillow 13.0.0: PYSEC-2026-1, mended in 13.0.1" in message


def test_a_finding_without_a_mended_version_fails_too() -> None:
    weak = {**WEAK, "vulns": [{**ADVISORY, "fix_versions": []}]}
    assert verdict_of(report(weak), "") == (
        1,
        "Known security advisories:\npillow 13.0.0: PYSEC-2026-1, mended in no version yet",
    )


def test_no_finding_passes_and_says_how_many_packages_were_known() -> None:
    assert verdict_of(report(HARMLESS, SKIPPED), "") == (
        0,
        "No known advisory for 1 of 2 pinned packages.",
    )


def test_a_service_that_knows_no_package_is_told() -> None:
    status, message = verdict_of(report(SKIPPED, SKIPPED), "")
    assert (status, message) == (
        0,
        "No advisory was looked up: the service knew none of 2 packages.",
    )


@pytest.mark.parametrize(
    "errors",
    [
        "Traceback…\nrequests.exceptions.ConnectionError: Failed to resolve 'advisories.example'",
        "Traceback…\npip_audit._service.interface.ServiceError",
        "ERROR:pip_audit._cli:Tip: your network may be blocking this service. Try another one",
    ],
)
def test_a_service_out_of_reach_is_told(errors: str) -> None:
    status, message = verdict_of("", errors)
    assert status == 0
    assert "cannot be reached" in message


def test_any_other_failure_fails() -> None:
    assert verdict_of("", "usage: pip-audit: no such option --x") == (
        1,
        "pip-audit failed: usage: pip-audit: no such option --x",
    )
