"""What answers carry beside their content: policy, who may embed and keep them, cookies."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from PIL import Image
from pytest_django import Settings
from unfold.settings import CONFIG_DEFAULTS

from detection.models import Analysis, SubmittedImage
from portal.models import User
from portal.panel import UNFOLD
from tests import people, reported, work

MARKUP = b"<html><script>alert(document.domain)</script></html>"
POLICY = {
    "base-uri": "'none'",
    "connect-src": "'self'",
    "default-src": "'none'",
    "font-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "img-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
}
# A page of each kind, and who opens it; what the doors say of each is tested beside the doors.
STRANGERS = ("/", "/guide/", "/accounts/login/", "/verify/", "/no/such/page/")
MEMBERS = ("/submit/", "/history/", "/account/", "/webhooks/", "/batches/", "/models/")
STAFF = ("/admin/", "/admin/detection/analysis/", "/admin/portal/user/add/", "/admin/status/")


def policy_of(answer: Any) -> dict[str, str]:
    """The directives of an answer's policy."""
    parts = (one.strip().partition(" ") for one in answer["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts if name}


def is_kept_out(answer: Any) -> bool:
    """Whether other sites can neither frame, embed, open nor learn of the page."""
    return {
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }.items() <= answer.headers.items()


@pytest.mark.django_db
@pytest.mark.parametrize("path", STRANGERS)
def test_pages_of_strangers(client: Client, path: str) -> None:
    answer = client.get(path)
    assert policy_of(answer) == POLICY
    assert is_kept_out(answer), answer.headers
    assert "private" in answer["Cache-Control"]


@pytest.mark.django_db
def test_the_description_of_the_interface_also_shows_icons_of_its_own_style(client: Client) -> None:
    assert policy_of(client.get("/api/v1/docs/")) == {**POLICY, "img-src": "'self' data:"}


@pytest.mark.parametrize("path", MEMBERS)
def test_pages_of_members_are_kept_by_nothing(as_alice: Client, path: str) -> None:
    answer = as_alice.get(path)
    assert answer.status_code == 200
    assert policy_of(answer) == POLICY
    assert is_kept_out(answer), answer.headers
    assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", "))


@pytest.mark.parametrize("path", STAFF)
def test_the_panel_has_the_same_policy_as_the_site(as_admin: Client, path: str) -> None:
    answer = as_admin.get(path)
    assert answer.status_code == 200
    assert policy_of(answer) == POLICY
    assert is_kept_out(answer), answer.headers
    assert "no-store" in answer["Cache-Control"]
    assert "<style" not in answer.text
    assert ' style="' not in answer.text


@pytest.mark.django_db
def test_the_browser_lends_its_abilities_to_nobody(client: Client) -> None:
    told = dict(one.split("=", 1) for one in client.get("/")["Permissions-Policy"].split(", "))
    assert {told[name] for name in ("camera", "microphone", "geolocation", "usb")} == {"()"}
    assert {name for name, value in told.items() if value != "()"} == {
        "clipboard-write",
        "publickey-credentials-create",
        "publickey-credentials-get",
    }
    assert "*" not in client.get("/")["Permissions-Policy"]


# -- files of people ---------------------------------------------------------------------------


def picture_and_page() -> bytes:
    """A JPEG whose comment is a page with a script."""
    content = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(content, "JPEG", comment=MARKUP)
    return content.getvalue()


@pytest.fixture
def polyglot(alice: User) -> Analysis:
    """Alice's analysis of such a file, as if none had looked for markup when it came in."""
    analysis = reported.finished(alice)
    analysis.image.original.save("", work.upload(picture_and_page()))
    SubmittedImage.objects.filter(pk=analysis.image.pk).update(file_name="page.html")
    return analysis


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_a_picture_that_is_also_a_page_stays_a_picture(
    as_alice: Client, polyglot: Analysis
) -> None:
    image = f"/images/{polyglot.image.public_id}"
    original = as_alice.get(f"{image}/original/")
    assert original["Content-Type"] == "application/octet-stream"
    assert original["Content-Disposition"].startswith("attachment;")
    assert MARKUP in body(original), "the test has a file that holds markup"
    for path, kind in (("preview", "image/webp"), ("thumbnail", "image/webp")):
        shown = as_alice.get(f"{image}/{path}/")
        assert shown["Content-Type"] == kind
        assert b"<script" not in body(shown)
    for answer in (original, shown, as_alice.get(f"/analyses/{polyglot.public_id}/heatmap/")):
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "private" in answer["Cache-Control"]


@pytest.mark.parametrize("content", [MARKUP, picture_and_page()], ids=["page", "both"])
def test_what_is_a_page_is_not_taken_in(as_alice: Client, content: bytes) -> None:
    answer = as_alice.post("/submit/", {"images": work.upload(content, "page.jpg")})
    assert answer.status_code == 422
    assert not SubmittedImage.objects.exists()
    assert "page.jpg" in answer.text


# -- cookies -----------------------------------------------------------------------------------

ASK = """
import json, django
django.setup()
from django.conf import settings as s
from portal.headers import MessageCookie
print(json.dumps({
    "names": [s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, MessageCookie.cookie_name],
    "secure": [s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE],
    "hsts": s.SECURE_HSTS_SECONDS,
    "upgrade": "upgrade-insecure-requests" in s.CONTENT_SECURITY_POLICY["DIRECTIVES"],
}))
"""


@pytest.mark.parametrize(
    ("https", "prefix"),
    [("true", "__Host-"), ("false", "")],
    ids=["https", "http"],
)
def test_with_https_cookies_belong_to_this_host_alone(
    tmp_path: Path, https: str, prefix: str
) -> None:
    variables = {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "VERIPIX_VAR": str(tmp_path),
        "HTTPS": https,
    }
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**environment, **variables},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    names = ["veripix_session", "csrftoken", "veripix_messages"]
    assert told["names"] == [prefix + name for name in names]
    is_https = https == "true"
    assert told["secure"] == [is_https, is_https]
    assert (told["hsts"] == 31536000) == is_https
    assert told["upgrade"] == is_https


@pytest.mark.django_db
def test_no_cookie_is_for_scripts_or_for_other_sites(
    client: Client, alice: User, settings: Settings
) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    client.get("/accounts/login/")
    client.post("/accounts/login/", {"login": alice.email, "password": people.PASSWORD})
    assert {"veripix_session", "csrftoken"} <= set(client.cookies)
    for name in ("veripix_session", "csrftoken"):
        cookie = client.cookies[name]
        assert cookie["httponly"] is True, name
        assert cookie["secure"] is True, name
        assert cookie["samesite"] == "Lax", name
        # What the prefix demands.
        assert cookie["path"] == "/"
        assert not cookie["domain"]


# -- the panel's colours -----------------------------------------------------------------------


def test_the_panels_colours_are_all_in_the_file() -> None:
    colours: Any = UNFOLD["COLORS"]
    assert colours(None) == {}
    text = (settings.BASE_DIR / "static" / "css" / "panel.css").read_text()
    for name, weights in CONFIG_DEFAULTS["COLORS"].items():
        for weight, value in weights.items():
            line = f"--color-{name}-{weight}: "
            assert line in text
            # The greys are the package's; the green is the site's own.
            assert name == "primary" or f"{line}{value};" in text
