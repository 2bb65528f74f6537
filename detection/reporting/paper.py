"""From HTML to PDF, where the libraries for it are installed."""

import threading
from collections.abc import Mapping

# Pango and its font cache are not made to be used by several threads at once.
_ONE_AT_A_TIME = threading.Lock()


class PaperMissing(Exception):
    """No PDF can be made here; `code` is for programs, `sentence` for people."""

    code = "no_pdf_library"
    sentence = (
        "A PDF needs the system library Pango, which is missing on this server. "
        "The same report is there as JSON."
    )


def pdf_of(html: str, files: Mapping[str, bytes]) -> bytes:
    """Return a page as a tagged PDF (PDF/UA-1) with its fonts embedded.

    Args:
        html: A whole page, with its styles.
        files: What it may name as `report:<name>`. Any other address is refused: making a report
            reads no other file and asks no other machine.

    Raises:
        PaperMissing: The libraries are not installed.
    """
    with _ONE_AT_A_TIME:
        try:
            from detection.reporting import printing
        except OSError as error:
            raise PaperMissing(PaperMissing.sentence) from error
        return printing.printed(html, files)
