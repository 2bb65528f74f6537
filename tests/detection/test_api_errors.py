"""Whatever goes wrong below /api/ is told in one form, with a code of its own."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as configured
from django.http import HttpRequest
from django.test import Client
from django.urls import include, path
from pytest_django import Settings

from detection.api.base import ApiView
from detection.models import IdempotentRequest, Submission
from portal.models import ApiToken, User
from portal.views import bad_request, server_error
from tests import images, work
from tests.people import person
from tests.programs import error, program, token_of, with_token

SUBMISSIONS, ANALYSES = "/api/v1/submissions/", "/api/v1/analyses/"
NOWHERE = f"{ANALYSES}000000000000000000000000/"
PART = (
    b"--b\r\nContent-Disposition: form-data; name=images; filename=a.png\r\n"
    b"Content-Type: image/png\r\n\r\n"
)


class Broken(ApiView):
    """An endpoint with a bug."""

    def get(self, request: HttpRequest) -> Any:
        """Fail."""
        raise RuntimeError("the cause, which nobody outside needs to know")


urlpatterns = [path("api/v1/broken/", Broken.as_view()), path("", include("portal.urls"))]
handler400, handler500 = bad_request, server_error


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/", "/api/v2/health/", "/api/v1/no/such/", "/api/v1/health"]
)
def test_an_unknown_address(path: str) -> None:
    for method in ("get", "post", "delete", "options"):
        assert error(getattr(Client(), method)(path), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "not_authenticated"),
        ("", "not_authenticated"),
        ("Token", "token_invalid"),
        ("Token ", "token_invalid"),
        ("Bearer vpx_0123456789abcdef0123456789abcdef", "token_invalid"),
        ("Token vpx_0123456789abcdef0123456789abcdef", "token_invalid"),
        ("Token vpx_0123456789abcdef 0123456789abcdef", "token_invalid"),
        ("Token \xe4\xf6\xfc\xff", "token_invalid"),
        (f"Token {'x' * 5000}", "token_invalid"),
    ],
)
@pytest.mark.django_db
def test_who_is_not_known_is_told_how_to_say_it(header: str | None, code: str) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = Client(headers=headers).get(ANALYSES)
    assert error(answer, 401)["code"] == code
    assert answer["WWW-Authenticate"] == 'Token realm="api"'


def test_an_expired_token(alice: User) -> None:
    answer = with_token(token_of(alice, expiry=timedelta(seconds=-1))).get(ANALYSES)
    assert error(answer, 401)["code"] == "token_expired"
    assert ApiToken.objects.count() == 1


def test_a_revoked_token_is_not_known(alice: User) -> None:
    client = program(alice)
    assert client.get(ANALYSES).status_code == 200
    ApiToken.objects.all().delete()
    assert error(client.get(ANALYSES), 401)["code"] == "token_invalid"


def test_an_account_that_is_not_active(alice: User) -> None:
    client = program(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert error(client.get(ANALYSES), 401)["code"] == "user_inactive"


def test_an_address_that_is_not_verified(db: None, settings: Settings) -> None:
    client = program(person("dana", is_verified=False))
    assert error(client.get(ANALYSES), 401)["code"] == "email_unverified"
    # As at the sign-in page: where the installation does not ask for it, this does not.
    settings.ACCOUNT_EMAIL_VERIFICATION = "optional"
    assert client.get(ANALYSES).status_code == 200
    EmailAddress.objects.all().delete()
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    assert error(client.get(ANALYSES), 401)["code"] == "email_unverified"


def test_the_wrong_scope(alice: User) -> None:
    reader, writer = program(alice, scopes=["read"]), program(alice, scopes=["submit"])
    assert error(writer.get(ANALYSES), 403)["code"] == "wrong_scope"
    told = error(reader.post(SUBMISSIONS, {"images": work.upload(images.plain("red"))}), 403)
    assert told["code"] == "wrong_scope"
    assert "submit" in told["message"]
    assert error(reader.delete(NOWHERE), 403)["code"] == "wrong_scope"


def test_the_wrong_method(alice: User) -> None:
    client = program(alice)
    for method in ("put", "patch", "delete", "options"):
        assert error(getattr(client, method)(ANALYSES), 405)["code"] == "method_not_allowed"


def test_an_answer_that_is_not_to_be_had(alice: User) -> None:
    answer = program(alice).get(ANALYSES, headers={"accept": "text/html"})
    assert error(answer, 406)["code"] == "not_acceptable"


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "text/html"])
def test_a_content_type_that_is_not_taken(alice: User, kind: str) -> None:
    answer = program(alice).post(SUBMISSIONS, b"<x/>", content_type=kind)
    assert error(answer, 415)["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe{}",
        b'{"url": NaN}',
        b"[" * 50_000,
        b'{"a":' * 20_000,
        b'"' + b"\\ud800" * 10,
    ],
)
def test_json_that_is_none(alice: User, body: bytes) -> None:
    answer = program(alice).post(SUBMISSIONS, body, content_type="application/json")
    assert error(answer, 400)["code"] == "malformed"


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b'"x"', b"{}", b'{"urls": []}'])
def test_json_that_says_something_else(alice: User, body: bytes) -> None:
    answer = program(alice).post(SUBMISSIONS, body, content_type="application/json")
    assert error(answer, 422)["code"] == "invalid"


@pytest.mark.parametrize("kilobytes", [101, 3000])
def test_json_that_is_too_large(alice: User, kilobytes: int) -> None:
    body = b'{"url": "' + b"x" * kilobytes * 1000 + b'"}'
    answer = program(alice).post(SUBMISSIONS, body, content_type="application/json")
    assert error(answer, 413)["code"] == "body_too_large"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=\xe4", b"x"),
    ],
)
def test_multipart_without_a_boundary(alice: User, kind: str, body: bytes) -> None:
    answer = program(alice).post(SUBMISSIONS, body, content_type=kind)
    assert error(answer, 400)["code"] == "malformed"


@pytest.mark.parametrize(
    "body",
    [
        *(b"--b", b"--b\r\n", b"--b\r\nContent-Disposition: form-data", b"garbage"),
        PART + images.plain("red"),
        PART + images.plain("red") + b"\r\n--b",
    ],
)
def test_multipart_that_is_cut_off(alice: User, body: bytes) -> None:
    answer = program(alice).post(SUBMISSIONS, body, content_type="multipart/form-data; boundary=b")
    assert error(answer, 400)["code"] == "malformed"
    assert not Submission.objects.exists()


@pytest.mark.parametrize("after", [b"", b"\r\n", b"\r\nand more"])
def test_multipart_that_comes_to_its_end(alice: User, after: bytes) -> None:
    body = PART + images.plain("red") + b"\r\n--b--" + after
    answer = program(alice).post(SUBMISSIONS, body, content_type="multipart/form-data; boundary=b")
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("body", [b"", b"--b--\r\n"])
def test_multipart_without_a_file(alice: User, body: bytes) -> None:
    answer = program(alice).post(SUBMISSIONS, body, content_type="multipart/form-data; boundary=b")
    told = error(answer, 422)
    assert (told["code"], told["field"]) == ("no_file", "images")


def test_a_file_under_another_name(alice: User) -> None:
    answer = program(alice).post(SUBMISSIONS, {"file": work.upload(images.plain("red"))})
    assert error(answer, 422)["code"] == "no_file"


def test_too_many_files(alice: User, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 3
    files = [work.upload(images.plain("red")) for _ in range(4)]
    answer = program(alice).post(SUBMISSIONS, {"images": files})
    assert error(answer, 409)["code"] == "too_many_files"


def test_a_file_that_is_too_large(alice: User, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 1000
    answer = program(alice).post(SUBMISSIONS, {"images": work.upload(b"x" * 5000)})
    assert error(answer, 413)["code"] == "file_too_large"


def test_what_is_no_image_and_what_is_nothing(alice: User) -> None:
    client = program(alice)
    told = error(client.post(SUBMISSIONS, {"images": work.upload(b"no image")}), 422)
    (refusal,) = told["details"]["refusals"]
    assert refusal["code"] == told["code"]
    both = [work.upload(b"no image"), work.upload(b"", name="empty.png")]
    told = error(client.post(SUBMISSIONS, {"images": both}), 422)
    assert told["code"] == "nothing_taken"
    assert len(told["details"]["refusals"]) == 2
    assert client.get(SUBMISSIONS).json()["results"] == []


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=101", "limit=x", "limit=", "limit=²", "limit=9999999999"),
        *("cursor=x", "cursor=", "cursor=____", "cursor=%00", "cursor=ä"),
        *("state=x", "verdict=x", "track=face", "submission=1", "created_after=yesterday"),
        *("created_before=0001-01-01T00:00:00%2B14:00", "text=%00", f"text={'x' * 201}"),
        *(f"tag={'x' * 41}", "state=", "tag=%00"),
    ],
)
def test_a_filter_that_cannot_be_understood(alice: User, query: str) -> None:
    told = error(program(alice).get(f"{ANALYSES}?{query}"), 422)
    assert told["field"] == query.split("=")[0]


@pytest.mark.parametrize("path", [ANALYSES, SUBMISSIONS, "/api/v1/batches/", "/api/v1/webhooks/"])
def test_a_filter_that_there_is_not(alice: User, path: str) -> None:
    told = error(program(alice).get(f"{path}?limit=5&verdit=likely_ai"), 422)
    assert (told["code"], told["field"]) == ("unknown_filter", "verdit")
    assert "limit" in told["message"]


def test_a_filter_that_is_given_twice(alice: User) -> None:
    told = error(program(alice).get(f"{ANALYSES}?state=finished&state=failed"), 422)
    assert (told["code"], told["field"]) == ("invalid", "state")


def test_somebody_elses_is_not_found(alice: User, charlie: User) -> None:
    analysis = work.queued(alice)
    known = f"{ANALYSES}{analysis.public_id}/"
    for client in (program(charlie),):
        mine, nobodys = client.get(known), client.get(NOWHERE)
        assert error(mine, 404) == error(nobodys, 404)
        assert error(client.delete(known), 404)["code"] == "not_found"
        assert error(client.post(f"{known}retry/"), 404)["code"] == "not_found"
    analysis.refresh_from_db()


def test_a_host_that_is_not_ours(alice: User) -> None:
    answer = program(alice).get(ANALYSES, headers={"host": "evil.example"})
    assert error(answer, 400)["code"] == "bad_request"


def test_a_bug_is_told_without_its_cause(alice: User, settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    client = Client(
        raise_request_exception=False, headers={"authorization": f"Token {token_of(alice)}"}
    )
    answer = client.get("/api/v1/broken/")
    assert error(answer, 500)["code"] == "internal"
    assert "cause" not in answer.text


def test_a_storage_that_is_away(alice: User, settings: Settings, tmp_path: Path) -> None:
    # Where the folder should be lies a file.
    settings.MEDIA_ROOT = tmp_path / "no-folder"
    (tmp_path / "no-folder").touch()
    answer = program(alice).post(SUBMISSIONS, {"images": work.upload(images.plain("red"))})
    assert error(answer, 503)["code"] == "storage_unavailable"
    assert int(answer["Retry-After"]) > 0
    assert not IdempotentRequest.objects.exists()


def test_addresses_are_not_opened_unless_that_is_switched_on(
    alice: User, settings: Settings
) -> None:
    assert not configured.URL_FETCH
    body = {"url": "https://example.org/cat.png"}
    answer = program(alice).post(SUBMISSIONS, body, content_type="application/json")
    told = error(answer, 403)
    assert (told["code"], told["field"]) == ("fetch_off", "url")
    settings.URL_FETCH = True
    inside = {"urls": ["https://example.org/a.png", "http://127.0.0.1/b.png"]}
    answer = program(alice).post(SUBMISSIONS, inside, content_type="application/json")
    told = error(answer, 422)
    assert told["details"] == {"url": "http://127.0.0.1/b.png"}


@pytest.mark.parametrize("name", [b"b\xe4r.png", b"."])
def test_no_file_vanishes_without_a_word(alice: User, name: bytes) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="images"; filename="%s"\r\n\r\n%s\r\n'
    picture = images.plain("red")
    body = part % (b"good.png", picture) + part % (name, picture) + b"--b--\r\n"
    kind = "multipart/form-data; boundary=b"
    answer = program(alice).post(SUBMISSIONS, body, content_type=kind)
    assert error(answer, 400)["code"] == "malformed"
    assert not Submission.objects.exists()
