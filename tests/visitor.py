"""Somebody who uses the portal over HTTP, through its real pages, with cookies and form tokens."""

import email
import html
import re
from collections.abc import Mapping
from email import policy
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.waiting import wait_for

PASSWORD = "correct-horse-battery-7"


def newest_mail(folder: Path, address: str) -> str:
    """The text of the last message to `address` among the files that the portal wrote."""
    messages = [
        message
        for file in sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime_ns)
        for message in split_messages(file.read_bytes())
        if address in str(message["To"])
    ]
    assert messages, f"No mail to {address} in {folder}"
    body = messages[-1].get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def split_messages(content: bytes) -> list[email.message.EmailMessage]:
    """Django's file backend separates messages by a line of dashes."""
    parts = re.split(rb"^-{70,}\s*$", content, flags=re.MULTILINE)
    return [
        email.message_from_bytes(part.lstrip(), policy=policy.default)
        for part in parts
        if part.strip()
    ]


def link_in(text: str, fragment: str) -> str:
    """The first web address in a mail that contains `fragment`."""
    links = [link for link in re.findall(r"https?://\S+", text) if fragment in link]
    assert links, f"No link with {fragment} in: {text}"
    return str(links[0])


class Visitor:
    """A session with one portal. Addresses are paths, such as `/history/`."""

    def __init__(self, url: str, mail_folder: Path) -> None:
        self.url = url
        self.mail_folder = mail_folder
        self.session = requests.Session()
        self.email = ""
        self.submission = ""

    def get(self, path: str, **options: object) -> requests.Response:
        """Ask for a page; redirects are followed."""
        return self.session.get(self.url + path, timeout=30, **options)  # type: ignore[arg-type]

    def post(
        self,
        path: str,
        data: Mapping[str, object] | None = None,
        *,
        files: object = None,
        follow: bool = True,
    ) -> requests.Response:
        """Send a form with the token that the site's pages carry."""
        return self.session.post(
            self.url + path,
            data=data,
            files=files,  # type: ignore[arg-type]
            headers=self._with_token(path),
            allow_redirects=follow,
            timeout=60,
        )

    def post_raw(self, path: str, content: bytes) -> requests.Response:
        """Send bytes as they are, as the page's script does with a piece of a zip."""
        headers = {**self._with_token(path), "Content-Type": "application/octet-stream"}
        return self.session.post(self.url + path, data=content, headers=headers, timeout=60)

    def _with_token(self, path: str) -> dict[str, str]:
        """The headers of a form that a page of the site has sent."""
        if self._token() is None:
            page = self.get("/accounts/login/")
            assert page.ok, reason_of(page)
        return {"X-CSRFToken": self._token() or "", "Referer": self.url + path}

    def _token(self) -> str | None:
        """The token's cookie; with HTTPS a prefix stands before its name."""
        found = {c.name.removeprefix("__Host-"): c.value for c in self.session.cookies}
        return found.get("csrftoken")

    # -- people --------------------------------------------------------------------------------

    def sign_up(self, address: str) -> "Visitor":
        """Make an account, follow the link in the mail, and be signed in."""
        self.email = address
        form = {"email": address, "password1": PASSWORD, "password2": PASSWORD}
        answer = self.post("/accounts/signup/", form)
        assert answer.ok, answer.text
        wait_for(lambda: any(self.mail_folder.glob("*")), "the confirmation mail")
        link = link_in(newest_mail(self.mail_folder, address), "confirm-email")
        assert self.post(urlsplit(link).path).ok
        if not self.is_signed_in():
            self.sign_in()
        return self

    def sign_in(self, password: str = PASSWORD) -> requests.Response:
        """Sign in with e-mail address and password."""
        return self.post("/accounts/login/", {"login": self.email, "password": password})

    def is_signed_in(self) -> bool:
        """Whether the page that only members see is shown."""
        return self.get("/submit/", allow_redirects=False).status_code == requests.codes.ok

    # -- images --------------------------------------------------------------------------------

    def submit(self, files: Mapping[str, bytes]) -> str:
        """Hand in images by the plain form; the public id of the submission."""
        parts = [("images", (name, content)) for name, content in files.items()]
        answer = self.post("/submit/", files=parts, follow=False)
        assert answer.status_code == requests.codes.see_other, reason_of(answer)
        return answer.headers["Location"].rstrip("/").rpartition("/")[2]

    def open_submission(self) -> str:
        """Open an empty submission, as the page's script does; its public id."""
        answer = self.post("/submit/open/")
        assert answer.status_code == requests.codes.created, reason_of(answer)
        return str(answer.json()["id"])

    def add_image(self, submission: str, name: str, content: bytes) -> requests.Response:
        """Add one file to an open submission."""
        return self.post(f"/submissions/{submission}/images/", files={"image": (name, content)})

    def analysis_links(self, submission: str) -> list[str]:
        """The paths of the verdict pages that the submission's page links to, in its order."""
        page = self.get(f"/submissions/{submission}/").text
        return list(dict.fromkeys(re.findall(r'href="(/analyses/[^"/]+/)"', page)))


def reason_of(answer: requests.Response) -> str:
    """Status and readable text of an unexpected answer."""
    text = html.unescape(re.sub(r"<[^>]+>|\s+", " ", answer.text))
    return f"{answer.status_code}: {text[:1500]}"
