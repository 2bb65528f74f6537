"""Hostile HTTP: what is no form, no JSON, no header gets its status, and never one of 500."""

import time
from collections.abc import Callable

import pytest
import requests

from tests.hostile.doors import Doors
from tests.hostile.raw import Raw, answered, forms, heads, programs
from tests.hostile.watch import MOST_MEGABYTES, Watch
from tests.images import image_file
from tests.installation import Installation

pytestmark = pytest.mark.services

MOST_SECONDS = 10.0
TEXTS = {
    "NUL": "a\0b",
    "four bytes": "\U0001f600\U0010fffd" * 20,
    "right to left": "a\u202eb",
    "half a character": "a\udc80b",
    "lines": "a\r\nSet-Cookie: stolen=1",
    "markup": "<script>alert(1)</script>",
    "formula": "=1+1",
    "long": "x" * 100_000,
    "combining": "a" + "\u0301" * 3000,
}


@pytest.fixture(scope="module")
def doors(attacked: Installation) -> Doors:
    """Somebody of whose batches some never come in."""
    return Doors(attacked, "trudy@example.org")


def wrong(doors: Doors, requests_: dict[str, Raw]) -> list[str]:
    """Those that are answered otherwise than is right, or too late."""
    found = []
    for name, one in requests_.items():
        began = time.monotonic()
        status, content = answered(doors, one)
        seconds = time.monotonic() - began
        is_right = status in one.statuses and status < 500 and seconds < MOST_SECONDS
        if not is_right or b"Set-Cookie: stolen" in content:
            found.append(f"{name}: {status} in {seconds:.1f} s, not {set(one.statuses)}")
    return found


@pytest.mark.parametrize("kind", ["forms", "heads", "programs"])
def test_each_request_has_its_status(kind: str, attacked: Installation, doors: Doors) -> None:
    upload = f"/submissions/{doors.visitor.open_submission()}/images/"
    made: dict[str, Callable[[], dict[str, Raw]]] = {
        "forms": lambda: forms(upload),
        "heads": heads,
        "programs": programs,
    }
    with Watch(attacked) as watch:
        odd = wrong(doors, made[kind]())
        assert not odd, "\n".join(odd)
        watch.check_processes(most_megabytes=MOST_MEGABYTES)
        watch.check_logs()
    assert attacked.is_ready()


@pytest.mark.parametrize("shape", ["attacked", "embedded"])
def test_texts_are_taken_or_refused(shape: str, request: pytest.FixtureRequest) -> None:
    """On MariaDB and on SQLite, which each have letters that they cannot hold."""
    portal: Installation = request.getfixturevalue(shape)
    doors = Doors(portal, f"texts-{shape}@example.org")
    submission = doors.visitor.submit({"a.png": image_file("PNG", (32, 32))})
    portal.wait_until_ended(submission)
    (analysis,) = doors.visitor.analysis_links(submission)
    found = []
    with Watch(portal) as watch:
        for name, text in TEXTS.items():
            for what, answer in tried(doors, analysis, text):
                if answer.status_code >= 500 or "stolen" in answer.headers.get("Set-Cookie", ""):
                    found.append(f"{what}, {name}: {answer.status_code}")
        assert not found, "\n".join(found)
        watch.check_logs()
    assert portal.is_ready()


def tried(doors: Doors, analysis: str, text: str) -> list[tuple[str, requests.Response]]:
    """Put a text wherever people write."""
    person, sent = doors.visitor, text.encode(errors="surrogatepass")
    forms_ = {
        "note": (f"{analysis}note/", {"note": sent}),
        "tag": (f"{analysis}tags/", {"tag": sent, "name": sent}),
        "feedback": (f"{analysis}feedback/", {"label": sent, "comment": sent, "truth": sent}),
        "batch": ("/batches/open/", {"name": sent, "size": sent}),
        "webhook": ("/webhooks/", {"url": b"https://" + sent, "events": sent}),
        "sign-up": ("/accounts/signup/", {"email": sent, "password1": sent, "password2": sent}),
        "link": (f"{analysis}share/", {"days": sent}),
        "explanation": (f"{analysis}explain/", {"method": sent}),
        "history": ("/history/delete/", {"images": sent, "analyses": sent}),
        "token": ("/account/tokens/new/", {"name": sent, "scopes": sent, "days": sent}),
        "code": ("/verify/", {"code": sent}),
    }
    made = [(what, person.post(path, data)) for what, (path, data) in forms_.items()]
    query = {"q": sent, "tag": sent, "state": sent, "since": sent, "page": sent, "before": sent}
    short = {name: value[:2000] for name, value in query.items()}
    pages = ("/history/", "/batches/", "/compare/", "/history/export.csv", "/verify/")
    made += [(path, person.get(path, params=short)) for path in pages]
    headers = {"Authorization": f"Token {doors.token}"}
    for path in ("analyses/", "submissions/", "batches/"):
        url = f"{doors.portal.url}/api/v1/{path}"
        made.append((path, requests.get(url, params=short, headers=headers, timeout=30)))
        body = {"name": text, "url": text, "upload_bytes": text, "events": [text], "note": text}
        made.append((path, requests.post(url, json=body, headers=headers, timeout=30)))
    return made
