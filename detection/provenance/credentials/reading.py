"""Reads a manifest in a process of its own, so that no file can harm the worker."""

import base64
import json
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("child.py")
# Until the program reads, it loads Python and the library: 0.15 s, more on a cold or busy machine.
START_SECONDS = 10.0
# What ends the program: its alarm, its share of the processor, and ourselves.
OUT_OF_TIME = (-signal.SIGALRM, -signal.SIGXCPU, -signal.SIGKILL)


class Unreadable(Exception):
    """The manifest could not be read; `sentence` says why, for people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Answer:
    """What the library reported.

    Attributes:
        store: The manifest store as its JSON report has it, with the validation results.
        checks: Label of each manifest -> the validation results of that one by itself.
        thumbnail: Of the active manifest, or None.
        has_trust_list: Whether there was anybody to trust.
    """

    store: dict[str, Any]
    checks: dict[str, Any]
    thumbnail: bytes | None
    has_trust_list: bool


def read_apart(
    content: bytes, *, media_type: str, trust_list: Path, seconds: float
) -> Answer | None:
    """Start the program on these bytes and return what it says; None where there is no manifest.

    Raises:
        Unreadable: It took too long, fell, or the library refused the manifest.
    """
    arguments = [media_type, str(trust_list), str(seconds)]
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(
                # Isolated, so that neither a variable nor a folder changes what is loaded.
                [sys.executable, "-I", str(PROGRAM), *arguments],
                input=content,
                stdout=output,
                stderr=subprocess.DEVNULL,
                env={},
                timeout=seconds + START_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _too_slow(seconds) from None
        except OSError as error:
            raise Unreadable(
                f"the program that reads them could not be started ({error.strerror})"
            ) from None
        if done.returncode in OUT_OF_TIME:
            raise _too_slow(seconds)
        output.seek(0)
        said = _parsed(output.read() if done.returncode == 0 else b"")
    if said.get("error") in ("none", "remote"):
        return None
    if "error" in said:
        raise Unreadable(_reason(said))
    thumbnail = base64.b64decode(said["thumbnail"]) or None
    return Answer(said["store"], said["checks"], thumbnail, trust_list.is_file())


def _parsed(output: bytes) -> dict[str, Any]:
    """Return what the program printed; a hostile file may have made it print anything."""
    fell = {"error": "fell"}
    try:
        said = json.loads(output)
        if isinstance(said, dict) and isinstance(said.get("error"), str):
            return said
        base64.b64decode(said["thumbnail"])
        is_whole = isinstance(said["store"], dict) and isinstance(said["checks"], dict)
    except (ValueError, TypeError, KeyError, RecursionError):
        return fell
    return said if is_whole else fell


def _too_slow(seconds: float) -> Unreadable:
    return Unreadable(f"reading took longer than {seconds:g} seconds and was stopped")


def _reason(said: dict[str, Any]) -> str:
    return {
        "too_large": "they are larger than any program writes them",
        "trust_list": "the trust list of this installation is damaged",
        "fell": "the program that reads them fell over this file",
    }.get(
        said["error"],
        f"the record is damaged, or of a kind that is not known ({said.get('reason', '')})",
    )
