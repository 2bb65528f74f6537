"""The command that cuts faces out of portraits, which `train`, `export`, `publish` then take."""

import argparse
from pathlib import Path

from ml.cli.terminal import answer, tell


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register this module's command."""
    faces = commands.add_parser("faces", help="cut the faces out of REAL/ and FAKE/ portraits")
    faces.add_argument("--data", type=Path, required=True, help="folder or zip of portraits")
    faces.add_argument("--out", type=Path, required=True, help="folder for the faces")
    faces.set_defaults(run=_faces)


def _faces(options: argparse.Namespace) -> int:
    from ml.facedata import cut_faces

    report = cut_faces(options.data, options.out, progress=_tell_cutting)
    for name in (*report.unreadable, *(f"{name}: no face" for name in report.without_face)):
        tell(name)
    left = len(report.without_face) + len(report.unreadable)
    answer(f"{report.faces:,} faces in {options.out}, {left:,} images without one")
    return 0


def _tell_cutting(done: int, count: int) -> None:
    if done == count or done % 100 == 0:
        tell(f"looked at {done:,} of {count:,} images")
