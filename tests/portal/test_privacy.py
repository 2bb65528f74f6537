"""The privacy page says what the settings say, and what the operator has not said."""

import pytest
from django.core.checks import run_checks
from django.test import Client
from pytest_django import Settings

OPERATOR = {
    "OPERATOR_NAME": "Example Newsroom",
    "OPERATOR_ADDRESS": "1 Example Street",
    "OPERATOR_EMAIL": "privacy@example.org",
    "OPERATOR_DATA_PLACE": "in Example, by Example Hosting",
}


def page(client: Client) -> str:
    """The page as anybody reads it."""
    answer = client.get("/privacy/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


@pytest.fixture
def operator(settings: Settings) -> None:
    """An operator who has filled everything in."""
    for name, value in OPERATOR.items():
        setattr(settings, name, value)


@pytest.mark.django_db
class TestPage:
    """Without signing in."""

    def test_an_operator_who_said_nothing_is_told_of_plainly(self, client: Client) -> None:
        told = page(client)
        assert "The operator of this site has not said:" in told
        assert "who runs it; the postal address" in told
        assert "has not said for how long" in told

    @pytest.mark.usefixtures("operator")
    def test_the_operator_stands_there(self, client: Client, settings: Settings) -> None:
        settings.BACKUP_DAYS = 30
        told = page(client)
        for value in OPERATOR.values():
            assert value in told
        assert 'data-testid="unfilled"' not in told
        assert "up to 30 days more" in told

    @pytest.mark.parametrize(
        ("name", "on", "off", "words"),
        [
            ("URL_FETCH", True, False, "hand in an image by its address"),
            ("SEEN_BEFORE", "installation", "own", "learns that somebody did before"),
            ("SHARE_LINKS", True, False, "unless you make a link to one"),
            ("ACCESS_LOG", True, False, "A line is written for each request"),
            ("RETENTION_DAYS", 30, None, "Images are deleted 30 days after"),
        ],
    )
    def test_what_is_off_is_not_described(
        self, client: Client, settings: Settings, name: str, on: object, off: object, words: str
    ) -> None:
        setattr(settings, name, on)
        assert words in page(client)
        setattr(settings, name, off)
        assert words not in page(client)

    def test_verdicts_that_go_too_are_said_to(self, client: Client, settings: Settings) -> None:
        settings.RETENTION_DAYS, settings.RETENTION_KEEPS_VERDICTS = 1, False
        assert "Images are deleted 1 day after you hand them in,</strong> and everything" in page(
            client
        )

    def test_it_is_linked_where_people_begin(self, client: Client) -> None:
        for address in ("/", "/guide/", "/accounts/signup/"):
            assert 'href="/privacy/"' in client.get(address).content.decode(), address


def test_a_deployment_without_an_operator_is_warned_of() -> None:
    found = [one for one in run_checks(include_deployment_checks=True) if one.id == "portal.W001"]
    assert len(found) == 1
    for name in OPERATOR:
        assert name in found[0].msg


@pytest.mark.usefixtures("operator")
def test_a_deployment_with_one_is_not() -> None:
    assert "portal.W001" not in [one.id for one in run_checks(include_deployment_checks=True)]
