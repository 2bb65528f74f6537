"""Each address as a stranger, Charlie, Alice and the admin ask for it; none can be forgotten."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from detection.models import (
    Analysis,
    Batch,
    DataExport,
    Explanation,
    Face,
    ForensicViews,
    IssuedReport,
    Method,
    ShareLink,
    ViewKind,
    Webhook,
    WebhookDelivery,
)
from detection.services.batches import batch_open
from detection.services.reports import report_issue
from detection.services.sharing import link_create
from detection.services.webhooks import webhook_create, webhook_test
from portal.models import User
from tests import images, reported, work
from tests.fixtures import signed_in


class Access(NamedTuple):
    """The status that each of the four gets; Alice owns what the address names."""

    anonymous: int
    charlie: int
    alice: int
    admin: int


OPEN = Access(200, 200, 200, 200)
MEMBERS = Access(302, 200, 200, 200)
OWNER = Access(302, 404, 200, 404)
# The admin panel shows pictures and heatmaps.
MEDIA = Access(302, 404, 200, 200)
ONLY_POST = Access(302, 405, 405, 405)
# The owner's, but what the fixture made has failed and so has no report.
REPORT = Access(302, 404, 409, 404)
# Who is signed in has no business on these pages.
STRANGERS = Access(200, 302, 302, 302)
SENT_ON = Access(302, 302, 302, 302)

GET = {
    "home": STRANGERS,
    "guide": OPEN,
    "favicon.ico": Access(302, 302, 302, 302),
    "health_live": OPEN,
    "health_ready": OPEN,
    "health": Access(500, 500, 500, 500),  # no worker runs in these tests, and it says so
    "status": Access(302, 302, 302, 200),
    "metrics": Access(404, 404, 404, 404),  # for whoever brings a token, where there is one
    "batch_list": MEMBERS,
    "batch_open": ONLY_POST,
    "batch_upload": ONLY_POST,
    "batch_detail": OWNER,
    "batch_pieces": OWNER,
    "batch_state": OWNER,
    "batch_cancel": ONLY_POST,
    "batch_repeat": ONLY_POST,
    "batch_delete": ONLY_POST,
    "batch_export_csv": OWNER,
    "batch_export_json": OWNER,
    "submission_new": MEMBERS,
    "submission_by_address": ONLY_POST,
    "webhook_list": MEMBERS,
    "webhook_detail": OWNER,
    "webhook_secret": Access(302, 302, 302, 302),  # asks for the password once more
    "webhook_log": OWNER,
    "webhook_test": ONLY_POST,
    "webhook_switch": ONLY_POST,
    "webhook_delete": ONLY_POST,
    "delivery_again": ONLY_POST,
    "submission_open": ONLY_POST,
    "submission_detail": OWNER,
    "submission_progress": OWNER,
    "image_add": ONLY_POST,
    "image_thumbnail": MEDIA,
    "image_preview": MEDIA,
    # It holds what is told to nobody else: place, names, serial numbers.
    "image_original": OWNER,
    "image_full": MEDIA,
    "image_views": OWNER,
    "image_views_ask": ONLY_POST,
    "image_view": MEDIA,
    "analysis_detail": OWNER,
    "analysis_status": OWNER,
    "analysis_faces": OWNER,
    "analysis_retry": ONLY_POST,
    "analysis_repeat": ONLY_POST,
    "analysis_evidence": OWNER,
    "analysis_explain": ONLY_POST,
    "analysis_feedback": ONLY_POST,
    "analysis_feedback_withdraw": ONLY_POST,
    "analysis_heatmap": MEDIA,
    "analysis_signed_thumbnail": MEDIA,
    "explanation_heatmap": MEDIA,
    "face_heatmap": MEDIA,
    "analysis_report_pdf": REPORT,
    "analysis_report_json": REPORT,
    "analysis_share": ONLY_POST,
    "link_end": ONLY_POST,
    "shared": OPEN,
    "shared_image": OPEN,
    "shared_heatmap": OPEN,
    "shared_report_pdf": OPEN,
    "shared_report_json": OPEN,
    "verify": OPEN,
    "verify_code": OPEN,
    "submission_export_csv": OWNER,
    "submission_export_json": OWNER,
    "history_export_csv": ONLY_POST,
    "history_export_json": ONLY_POST,
    "history": MEMBERS,
    "history_delete": ONLY_POST,
    "history_tag": ONLY_POST,
    "history_compare": ONLY_POST,
    "analysis_note": ONLY_POST,
    "analysis_tags": ONLY_POST,
    "compare": MEMBERS,
    "models": MEMBERS,
    "model_card": Access(302, 404, 404, 404),  # no model answers in these tests
    "account": MEMBERS,
    "account_delete": MEMBERS,
    "data_export": MEMBERS,
    "data_export_ask": ONLY_POST,
    "data_export_file": Access(302, 302, 302, 302),  # asks for the password once more
    "data_export_delete": ONLY_POST,
    "privacy": OPEN,
    "token_new": Access(302, 302, 302, 302),  # asks for the password once more
    "token_end": ONLY_POST,
    "account_login": STRANGERS,
    "account_signup": STRANGERS,
    "account_confirm_login_code": Access(302, 302, 302, 302),  # sign-in is by password
    "account_logout": MEMBERS,
    "account_inactive": OPEN,
    "account_email": MEMBERS,
    "account_change_password": MEMBERS,
    "account_set_password": Access(302, 302, 302, 302),  # everybody has one
    "account_reauthenticate": MEMBERS,
    "account_reset_password": OPEN,
    "account_reset_password_done": OPEN,
    "account_reset_password_from_key": OPEN,  # says that the link is no good
    "account_reset_password_from_key_done": OPEN,
    "account_confirm_email": OPEN,
    "account_email_verification_sent": OPEN,
    "usersessions_list": MEMBERS,
    "mfa_index": MEMBERS,
    "mfa_authenticate": SENT_ON,  # nobody is in the middle of signing in
    "mfa_reauthenticate": SENT_ON,  # these people have no second factor
    "mfa_reauthenticate_webauthn": SENT_ON,
    "mfa_login_webauthn": SENT_ON,  # by a script, or by the page for signing in
    "mfa_activate_totp": SENT_ON,  # asks for the password once more, as the next five do
    "mfa_add_webauthn": SENT_ON,
    "mfa_edit_webauthn": SENT_ON,
    "mfa_remove_webauthn": SENT_ON,
    "mfa_generate_recovery_codes": SENT_ON,
    "mfa_deactivate_totp": Access(302, 404, 404, 404),  # none is set up
    "mfa_list_webauthn": MEMBERS,
    "mfa_view_recovery_codes": Access(302, 404, 404, 404),
    "mfa_download_recovery_codes": Access(302, 404, 404, 404),
}
POST = {
    "usersessions_list": SENT_ON,  # asks for the password once more
    "batch_open": Access(302, 422, 422, 422),  # no size is told
    "batch_upload": Access(302, 422, 422, 422),  # no zip is chosen
    "batch_pieces": Access(302, 404, 422, 404),  # no offset is told
    "batch_cancel": Access(302, 404, 302, 404),
    "batch_repeat": Access(302, 404, 302, 404),
    "batch_delete": Access(302, 404, 302, 404),
    "submission_open": Access(302, 201, 201, 201),
    "submission_by_address": Access(302, 404, 404, 404),  # it is off unless somebody turns it on
    "webhook_list": Access(302, 422, 422, 422),  # no address is told
    "webhook_detail": Access(302, 404, 422, 404),
    "webhook_test": Access(302, 404, 303, 404),
    "webhook_switch": Access(302, 404, 303, 404),
    "webhook_delete": Access(302, 404, 303, 404),
    "delivery_again": Access(302, 404, 303, 404),
    "image_add": Access(302, 404, 422, 404),
    "analysis_retry": Access(302, 404, 302, 404),
    "analysis_repeat": Access(302, 404, 302, 404),
    "analysis_explain": Access(302, 404, 400, 404),  # the method is not told
    "analysis_feedback": Access(302, 404, 302, 404),
    "analysis_feedback_withdraw": Access(302, 404, 302, 404),
    "analysis_share": Access(302, 404, 302, 404),
    "link_end": Access(302, 404, 302, 404),
    "token_end": Access(302, 302, 302, 302),
    "data_export_ask": Access(302, 302, 302, 302),  # asks for the password once more
    "data_export_delete": Access(302, 404, 302, 404),
    "history_export_csv": Access(302, 200, 200, 200),
    "history_export_json": Access(302, 200, 200, 200),
    "image_views_ask": Access(302, 404, 302, 404),
    "history_delete": Access(302, 302, 302, 302),
    "history_tag": Access(302, 302, 302, 302),
    "history_compare": Access(302, 302, 302, 302),
    "analysis_note": Access(302, 404, 302, 404),
    "analysis_tags": Access(302, 404, 302, 404),
}


def routes(resolver: URLResolver) -> Iterator[URLPattern]:
    """Every pattern below, but the admin panel's and the REST interface's: they have own tests."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield entry
        elif entry.namespace != "admin" and str(entry.pattern) != "api/":
            yield from routes(entry)


ROUTES = {route.name or str(route.pattern): route for route in routes(get_resolver())}


@pytest.fixture
def analysis(alice: User) -> Analysis:
    """Alice's, with every kind of heatmap; it has failed, so that it may be run again."""
    analysis = work.ended(work.queued(alice), state="failed", error_code="broken")
    face = Face(analysis=analysis, number=1, left=0, top=0, width=8, height=8, confidence=1.0)
    explanation = Explanation(analysis=analysis, method=Method.LAYER_CAM)
    for shown in (analysis, face, explanation):
        shown.heatmap.save("", work.upload(images.plain("red")))
    analysis.signed_thumbnail.save("", work.upload(images.plain("red")))
    views = ForensicViews(image=analysis.image, state="finished")
    for picture in (views.noise, views.full):
        picture.save("", work.upload(images.plain("red")))
    shared = reported.finished(alice)
    link_create(analysis=shared, user=alice, days=1)
    report_issue(analysis=shared, site=reported.SITE)
    batch_open(owner=alice, name="x.zip", upload_bytes=1000)
    DataExport.objects.create(owner=alice)
    hook = webhook_create(owner=alice, url="https://example.org/", events=["analysis.ended"])
    webhook_test(webhook=hook)
    return analysis


def address(name: str, analysis: Analysis) -> str:
    """Where the route leads for Alice's things."""
    ids = {
        "batches": Batch.objects.get().public_id,
        "webhooks": Webhook.objects.get().public_id,
        "deliveries": WebhookDelivery.objects.get().public_id,
        "submissions": analysis.image.submission.public_id,
        "images": analysis.image.public_id,
        "analyses": analysis.public_id,
        "explanations": analysis.explanations.get().public_id,
        "faces": analysis.faces.get().public_id,
        "account": "no-such-token",
    }
    link, report = ShareLink.objects.get(), IssuedReport.objects.earliest("pk")
    values: dict[str, str] = {"token": link.token, "code": report.code}
    if name.startswith("data_export"):
        ids["account"] = DataExport.objects.get().public_id
    values |= {"key": "no-such-key", "uidb36": "1", "name": "colours", "number": "1"}
    values["kind"] = ViewKind.NOISE
    route = ROUTES[name]
    first = str(route.pattern).split("/")[0]
    known = {"public_id": ids.get(first, ""), **values}
    if name in ("mfa_edit_webauthn", "mfa_remove_webauthn"):
        return reverse(name, args=[1])  # the number stands in the pattern above
    if not route.name:
        return f"/{route.pattern}"
    return reverse(name, kwargs={k: known[k] for k in route.pattern.regex.groupindex})


@pytest.fixture
def people(alice: User, charlie: User, admin: User) -> dict[str, Client]:
    """Their browsers."""
    clients = {"charlie": charlie, "alice": alice, "admin": admin}
    return {
        "anonymous": Client(),
        **{name: signed_in(user) for name, user in clients.items()},
    }


def test_no_address_is_forgotten() -> None:
    assert set(ROUTES) == set(GET)


@pytest.mark.parametrize("name", GET)
def test_who_may_get_it(name: str, analysis: Analysis, people: dict[str, Client]) -> None:
    path = address(name, analysis)
    answers = {who: client.get(path).status_code for who, client in people.items()}
    assert Access(**answers) == GET[name]


@pytest.mark.parametrize("name", POST)
def test_who_may_post_to_it(name: str, analysis: Analysis, people: dict[str, Client]) -> None:
    path = address(name, analysis)
    answers = {who: client.post(path).status_code for who, client in people.items()}
    assert Access(**answers) == POST[name]


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, access in GET.items()
        if access.anonymous == 302 and access.alice != 302 and name != "account_logout"
    ],
)
def test_a_stranger_is_asked_to_sign_in_and_brought_back(name: str, analysis: Analysis) -> None:
    path = address(name, analysis)
    answer = Client().get(path)
    assert answer["Location"] == f"{reverse('account_login')}?next={path}"


@pytest.mark.parametrize("name", sorted(set(GET) - {"health_live", "health_ready"}))
def test_pages_are_checked_for_a_token(name: str, analysis: Analysis, alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    answer = strict.post(address(name, analysis))
    # Those that take no form at all say so first; nothing may come through.
    assert answer.status_code in (403, 405)


def test_an_unknown_address_is_not_found(people: dict[str, Client]) -> None:
    for who, client in people.items():
        assert client.get("/no/such/page/").status_code == 404
        expected = 302 if who == "anonymous" else 404
        assert client.get("/submissions/000000000000000000000000/").status_code == expected


@pytest.mark.parametrize("name", sorted(n for n, access in GET.items() if access.alice == 200))
def test_answers_forbid_framing_and_guessing(
    name: str, analysis: Analysis, people: dict[str, Client]
) -> None:
    answer = people["alice"].get(address(name, analysis))
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    is_secret = name.startswith("shared")
    assert answer["Referrer-Policy"] == ("no-referrer" if is_secret else "same-origin")
