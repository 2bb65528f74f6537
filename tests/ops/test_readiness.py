"""The portal is announced once it is ready, whatever it is called and however much it talks."""

import subprocess
import sys
from pathlib import Path

import pytest

from portal.management.commands.serve import known_host

ROOT = Path(__file__).resolve().parents[2]
CHATTY_AND_NEVER_READY = """
import sys, time
from portal.console import Console
from portal.supervisor import Patience, Program, Supervisor

CHATTER = "import time\\nfor n in range(300): print(n, flush=True); time.sleep(0.002)"

def is_ready():
    print("asked", flush=True)
    return False

Supervisor(
    [Program("chatty", [sys.executable, "-c", CHATTER])],
    console=Console(sys.stdout, ["chatty"]),
    is_ready=is_ready,
    on_ready=lambda: print("announced"),
    patience=Patience(falls_per_minute=0),
).run()
"""


def test_what_programs_print_does_not_make_the_readiness_check_run_more_often() -> None:
    command = [sys.executable, "-c", CHATTY_AND_NEVER_READY]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    lines = done.stdout.splitlines()
    assert sum(line.startswith("chatty | ") for line in lines) > 300
    # Five times a second; with each printed line it would be some three hundred times.
    assert 1 <= lines.count("asked") < 100
    assert "announced" not in lines


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        (["veripix.example.org", "localhost"], "veripix.example.org"),
        ([".example.org"], "example.org"),
        (["*"], "localhost"),
    ],
)
def test_it_asks_under_a_name_that_the_portal_answers_to(allowed: list[str], host: str) -> None:
    assert known_host(allowed) == host
