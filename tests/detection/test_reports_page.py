"""The page on reports is true: its command gives the digest, it names all parts and codes."""

import ast
import json
import re
import subprocess
import sys

from detection.services.reports import report_issue
from portal.models import User
from tests import reported
from tests.data import ROOT

PAGE = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
MODULES = ("report_content.py", "sharing.py")


def test_the_command_on_it_gives_the_digest(alice: User) -> None:
    report = report_issue(
        analysis=reported.finished(alice, name="größe.jpg"),
        site=reported.SITE,
        with_file_name=True,
    )
    ((program,),) = [re.findall(r"python3 -c '(.*?)' < report\.json", PAGE, re.DOTALL)]
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(report.as_json(), ensure_ascii=False, indent=2),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.strip() == report.issued.digest


def test_it_names_every_part_and_every_code(alice: User) -> None:
    report = report_issue(analysis=reported.finished(alice), site=reported.SITE).as_json()
    sources = [ROOT / "detection" / "services" / name for name in MODULES]
    sources.append(ROOT / "detection" / "reporting" / "paper.py")
    codes = {
        str(node.args[0].value)
        for source in sources
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("Refused")
        and isinstance(node.args[0], ast.Constant)
    }
    assert {"no_pdf_library", "bad_days", "not_finished"} <= codes
    assert codes | set(report) <= set(re.findall(r"`(\w+)`", PAGE))
