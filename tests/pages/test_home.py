"""The page for those who are not signed in says what each image gets."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_the_home_page_names_what_the_portal_does(client: Client) -> None:
    page = client.get("/").text
    for heading in (
        "One of three answers",
        "A percentage that means something",
        "What the file itself says",
        "A look at the evidence",
        "A report to hand on",
        "Two images side by side",
    ):
        assert f"<h3>{heading}</h3>" in page
