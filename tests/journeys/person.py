"""Somebody in front of a browser: what they do on the portal's pages, by what they see there."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from playwright.sync_api import Browser, FilePayload, Locator, Page, Response, expect

from tests.visitor import PASSWORD, link_in, newest_mail

BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
VERDICT_MILLISECONDS = 60_000
# A file as the browser itself would hand it over on a drop or a paste.
TRANSFER = """
(files) => {
  const transfer = new DataTransfer();
  for (const { name, content } of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  }
  return transfer;
}
"""
PASTE = """
(transfer) => document.body.dispatchEvent(
  new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true })
)
"""


class Site(Protocol):
    """What a person has to know of a portal: its address, and where its mail lies."""

    url: str

    @property
    def mail_folder(self) -> Path:
        """The folder of the messages."""


class Person:
    """One person, one browser profile. `troubles` gathers what must not happen in it."""

    def __init__(self, browser: Browser, portal: Site, **profile: object) -> None:
        """`profile` are Playwright's options of a browser context, such as `viewport`."""
        self.portal = portal
        self.browser = browser
        self.email = ""
        self.context = browser.new_context(base_url=portal.url, **profile)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.troubles: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(f"script error: {error}"))
        self.page.on("response", self._note_response)
        self.page.on(
            "console",
            lambda message: (
                self.troubles.append(f"console: {message.text}")
                # The browser reports an answer such as 404 here too; responses are judged above.
                if message.type == "error" and "Failed to load resource" not in message.text
                else None
            ),
        )

    def _note_response(self, response: Response) -> None:
        if response.status >= 500:
            self.troubles.append(f"{response.status} {response.url}")
        if not response.url.startswith((self.portal.url, "data:", "blob:")):
            self.troubles.append(f"asked another site: {response.url}")

    def leave(self) -> None:
        """Close the browser profile; whatever went wrong in it is told now."""
        self.context.close()
        assert self.troubles == [], self.troubles

    def on_another_device(self) -> "Person":
        """The same person with another browser, signed in there."""
        other = Person(self.browser, self.portal)
        other.email = self.email
        other.sign_in()
        return other

    # -- people --------------------------------------------------------------------------------

    def sign_up(self, address: str) -> None:
        """Sign up, open the link in the mail, confirm, and arrive signed in."""
        self.email = address
        self.page.goto("/")
        self.page.get_by_role("link", name="Sign up").first.click()
        self.page.get_by_label("Email", exact=False).first.fill(address)
        passwords = self.page.locator("input[type=password]")
        passwords.nth(0).fill(PASSWORD)
        passwords.nth(1).fill(PASSWORD)
        self.page.get_by_role("button", name="Sign up").click()
        expect(self.page.get_by_role("heading", name="Check your email")).to_be_visible()
        self.page.goto(link_in(newest_mail(self.portal.mail_folder, address), "confirm-email"))
        self.page.get_by_role("button", name="confirm").click()
        expect(self.page.get_by_role("heading", name="Check images")).to_be_visible()

    def sign_in(self, password: str = PASSWORD) -> None:
        """Sign in by the form."""
        self.page.goto("/accounts/login/")
        self.page.get_by_label("Email", exact=False).first.fill(self.email)
        self.page.locator("input[type=password]").fill(password)
        button = self.page.get_by_role("main").get_by_role("button", name="Sign in", exact=True)
        button.click()

    # -- handing in ----------------------------------------------------------------------------

    def choose(self, files: Mapping[str, bytes]) -> None:
        """Choose files with the file picker."""
        self.page.get_by_test_id("file-input").set_input_files(
            [
                FilePayload(name=name, mimeType="application/octet-stream", buffer=content)
                for name, content in files.items()
            ]
        )

    def drop(self, files: Mapping[str, bytes]) -> None:
        """Drop files on the page."""
        transfer = self.page.evaluate_handle(TRANSFER, as_arguments(files))
        self.page.get_by_test_id("dropzone").dispatch_event("drop", {"dataTransfer": transfer})

    def paste(self, files: Mapping[str, bytes]) -> None:
        """Paste files from the clipboard."""
        self.page.evaluate(PASTE, self.page.evaluate_handle(TRANSFER, as_arguments(files)))

    def hand_in(self) -> None:
        """Send the chosen files and arrive on the submission's page."""
        self.page.get_by_test_id("submit-button").click()
        self.page.wait_for_url("**/submissions/*/")

    # -- looking -------------------------------------------------------------------------------

    def cards(self) -> Locator:
        """The images on a submission's page."""
        return self.page.get_by_test_id("analysis-card")

    def wait_for_verdicts(self, count: int) -> None:
        """Stay on the submission's page until each of its images has a verdict."""
        finished = self.page.locator("[data-testid=analysis-card][data-state=finished]")
        expect(finished).to_have_count(count, timeout=VERDICT_MILLISECONDS)

    def open_verdict(self, file_name: str) -> None:
        """Open the verdict page of a file from the page that lists it."""
        self.page.get_by_role("link", name=file_name, exact=True).first.click()
        expect(self.page.get_by_test_id("verdict")).to_be_visible(timeout=VERDICT_MILLISECONDS)

    def verdict(self) -> str:
        """The verdict on the verdict page, as code."""
        code = self.page.get_by_test_id("verdict").get_attribute("data-verdict")
        assert code
        return code

    def history(self, **filters: str) -> list[str]:
        """The file names that the history lists under these filters."""
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        self.page.goto(f"/history/?{query}")
        names = self.page.locator("[data-testid=history-row] .history-name a")
        return [re.sub(r"\s+", " ", name).strip() for name in names.all_inner_texts()]


def as_arguments(files: Mapping[str, bytes]) -> list[dict[str, str]]:
    """Files in a form that can be handed to a script in the page."""
    return [
        {"name": name, "content": base64.b64encode(content).decode()}
        for name, content in files.items()
    ]
