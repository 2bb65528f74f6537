"""The page of the doors says what the tables of the tests say."""

from tests import doors_page


def test_the_page_says_what_the_tables_say() -> None:
    told = doors_page.PAGE.read_text(encoding="utf-8")
    assert told == doors_page.page(), "write it anew: python -m tests.doors_page --write"
