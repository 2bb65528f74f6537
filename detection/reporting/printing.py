"""WeasyPrint, kept to the files that it is given.

Only `paper` imports this, when somebody wants a PDF: it takes a second and 40 MB, and most
processes print nothing.
"""

import logging
from collections.abc import Mapping

import weasyprint
from weasyprint.urls import URLFetcher, URLFetcherResponse

ADDRESS = "report:"
# A letter in a file name that no font here has is no event of the server.
logging.getLogger("weasyprint").setLevel(logging.ERROR)


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


def printed(html: str, files: Mapping[str, bytes]) -> bytes:
    """Return a page as PDF/UA-1; see `paper.pdf_of`."""
    page = weasyprint.HTML(string=html, base_url=ADDRESS, url_fetcher=OwnFiles(files))
    content: bytes = page.write_pdf(pdf_variant="pdf/ua-1")
    return content
