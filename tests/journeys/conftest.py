"""A real headless Chromium over a real portal, and people who use it."""

import hashlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.installation import Installation
from tests.journeys.person import BROWSER_FLAGS, Person
from tests.servers import program


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine, without a window and without calls to its maker.

    It goes with the last journey: as long as it runs, Django takes this thread for asynchronous.
    """
    path = program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def stranger(chromium: Browser, embedded: Installation) -> Iterator[Person]:
    """Somebody with a fresh browser, not signed in; nothing may go wrong in it to the end."""
    person = Person(chromium, embedded)
    yield person
    person.leave()


@pytest.fixture
def alice(stranger: Person, request: pytest.FixtureRequest) -> Person:
    """Somebody who has just signed up, with an address of this test's own."""
    test = f"{request.module.__name__}.{request.node.name}"
    stranger.sign_up(f"alice-{hashlib.sha256(test.encode()).hexdigest()[:12]}@example.org")
    return stranger
