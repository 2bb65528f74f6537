"""From HTML to PDF, in a process of its own.

Not in the web process: WeasyPrint takes 40 MB to load and keeps some more with every few pages
(it passed 200 MB after seventy sheets), and Pango is native code that reads what strangers
wrote into files. A process that ends gives all of it back, and can be ended.
"""

import base64
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

log = logging.getLogger(__name__)

# What a page calls the files that come with it.
ADDRESS = "report:"
# The exit status of the process where WeasyPrint or its system libraries are not installed.
LIBRARY_MISSING = 3
# Ten times what a long report takes on a busy machine.
MOST_SECONDS = 30.0
ROOT = Path(__file__).resolve().parents[2]
# Each of them holds up to 100 MB while it lasts.
_PRINTING = threading.BoundedSemaphore(2)
AS_JSON = "The same report is there as JSON."


class PaperRefused(Exception):
    """There is no PDF; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def pdf_of(html: str, files: Mapping[str, bytes]) -> bytes:
    """Return a page as a tagged PDF (PDF/UA-1) with its fonts embedded.

    Args:
        html: A whole page.
        files: What it may name as `report:<name>`. Any other address is refused: making a report
            reads no other file and asks no other machine.

    Raises:
        PaperRefused: `no_pdf_library` or `pdf_failed`.
    """
    encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
    order = json.dumps({"html": html, "files": encoded}).encode()
    try:
        with _PRINTING:
            done = subprocess.run(
                [sys.executable, "-m", "detection.reporting"],
                input=order,
                capture_output=True,
                check=False,
                cwd=ROOT,
                timeout=MOST_SECONDS,
            )
    except subprocess.TimeoutExpired as expired:
        log.error("a report took longer than %s seconds to print", MOST_SECONDS)
        raise PaperRefused("pdf_failed", f"The PDF took too long to make. {AS_JSON}") from expired
    if done.returncode == LIBRARY_MISSING:
        log.error("no PDF: %s", _last_line(done.stderr))
        raise PaperRefused(
            "no_pdf_library",
            f"A PDF needs the system library Pango, which is missing on this server. {AS_JSON}",
        )
    if done.returncode != 0:
        log.error("a report was not printed: %s", _last_line(done.stderr))
        raise PaperRefused("pdf_failed", f"The PDF could not be made. {AS_JSON}")
    return done.stdout


def _last_line(text: bytes) -> str:
    return (text.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"])[-1]
