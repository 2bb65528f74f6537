"""A verdict page prints on two sheets at most, and says where it was printed from."""

import io
import re

import pytest
from pypdf import PdfReader

from tests import images
from tests.journeys.person import Person

pytestmark = [pytest.mark.browser, pytest.mark.services]


def test_a_thumbnails_verdict_prints_on_two_sheets(alice: Person) -> None:
    alice.choose({"red.png": images.plain("red")})
    alice.hand_in()
    alice.wait_for_verdicts(1)
    alice.open_verdict("red.png")
    sheets = PdfReader(io.BytesIO(alice.page.pdf(format="A4"))).pages
    assert len(sheets) <= 2
    first = " ".join(sheets[0].extract_text().split())
    assert re.search(r"Printed \d+ \w+ 20\d\d at \d\d:\d\d from", first)
    # Where the line is broken a space may stand in the address.
    assert alice.page.url in first.replace(" ", "")
    assert "take the PDF report from this page" in first
    assert "Reasons" in first
    assert "Look closer" not in " ".join(sheet.extract_text() for sheet in sheets)
