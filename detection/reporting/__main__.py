"""A process that prints one report and ends: an order as JSON comes in, a PDF goes out.

The order has `html`, and `files`: name to content in base64. WeasyPrint is imported here and
nowhere else; `paper` says why.
"""

import base64
import json
import logging
import sys
from collections.abc import Mapping

from detection.reporting.paper import ADDRESS, LIBRARY_MISSING

try:
    import weasyprint
    from weasyprint.urls import URLFetcher, URLFetcherResponse
except (ImportError, OSError) as missing:
    sys.stderr.write(f"{missing}\n")
    sys.exit(LIBRARY_MISSING)


class OwnFiles(URLFetcher):
    """Gives out the files of one report, and nothing else."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """`files`: name, without the `report:` before it, to content."""
        super().__init__(allowed_protocols=())
        self._files = files

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        """Return one of the files; WeasyPrint leaves out what is refused here."""
        name = url.removeprefix(ADDRESS)
        if name not in self._files:
            raise ValueError("A report holds all that it shows.")
        kind = {"Content-Type": "text/css"} if name.endswith(".css") else {}
        return URLFetcherResponse(url, self._files[name], kind)


def main() -> None:
    """Print what standard input asks for to standard output."""
    # A letter in a file name that no font here has is no event of the server.
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    order = json.load(sys.stdin)
    files = {name: base64.b64decode(content) for name, content in order["files"].items()}
    page = weasyprint.HTML(string=order["html"], base_url=ADDRESS, url_fetcher=OwnFiles(files))
    sys.stdout.buffer.write(page.write_pdf(pdf_variant="pdf/ua-1"))


if __name__ == "__main__":
    main()
