"""Each address of the interface as nobody, Charlie, Alice and each scope asks for it."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from detection.models import Analysis, Batch, Face, Webhook, WebhookDelivery
from detection.services.batches import batch_open
from detection.services.webhooks import webhook_create, webhook_test
from portal.models import User
from tests import images, reported, work
from tests.programs import error, program


class Access(NamedTuple):
    """The status that each gets; what the address names is Alice's.

    `reader` and `writer` are Alice's tokens with one scope alone.
    """

    nobody: int
    charlie: int
    reader: int
    writer: int
    alice: int


OPEN = Access(200, 200, 200, 200, 200)
MEMBERS = Access(401, 200, 200, 403, 200)
OWNER = Access(401, 404, 200, 403, 200)

GET = {
    "api_batches": MEMBERS,
    "api_batch": OWNER,
    "api_batch_results": OWNER,
    "api_submissions": MEMBERS,
    "api_submission": OWNER,
    "api_analyses": MEMBERS,
    "api_analysis": OWNER,
    "api_analysis_image": OWNER,
    "api_analysis_heatmap": OWNER,
    "api_analysis_report_pdf": OWNER,
    "api_analysis_report_json": OWNER,
    "api_face_heatmap": OWNER,
    "api_webhooks": MEMBERS,
    "api_webhook": OWNER,
    "api_webhook_deliveries": OWNER,
    "api_usage": MEMBERS,
    "api_models": MEMBERS,
    "api_health": OPEN,
}
# What is asked of it without a body, in this order.
CHANGES = {
    ("post", "api_batches"): Access(401, 415, 403, 415, 415),
    ("post", "api_batch_pieces"): Access(401, 404, 403, 422, 422),
    ("post", "api_batch_repeat"): Access(401, 404, 403, 409, 409),
    ("post", "api_batch_cancel"): Access(401, 404, 403, 200, 200),
    ("delete", "api_batch"): Access(401, 404, 403, 204, 404),
    ("post", "api_submissions"): Access(401, 422, 403, 422, 422),
    ("post", "api_analysis_retry"): Access(401, 404, 403, 409, 409),
    ("post", "api_analysis_feedback"): Access(401, 404, 403, 415, 415),
    ("post", "api_webhooks"): Access(401, 415, 403, 415, 415),
    ("patch", "api_webhook"): Access(401, 404, 403, 200, 200),
    ("post", "api_webhook_test"): Access(401, 404, 403, 202, 202),
    ("post", "api_delivery_repeat"): Access(401, 404, 403, 409, 409),
    ("delete", "api_webhook"): Access(401, 404, 403, 204, 404),
    ("delete", "api_analysis"): Access(401, 404, 403, 204, 404),
    ("delete", "api_submission"): Access(401, 404, 403, 204, 404),
}


def routes(resolver: URLResolver, *, is_below: bool = False) -> Iterator[URLPattern]:
    """Every pattern below /api/."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            if is_below:
                yield entry
        else:
            yield from routes(entry, is_below=is_below or str(entry.pattern) == "api/")


ROUTES = {str(route.name): route for route in routes(get_resolver())}


@pytest.fixture
def analysis(alice: User) -> Analysis:
    """Alice's, finished, with a heatmap and a face; she has a webhook that waits to be tested."""
    analysis = reported.finished(alice)
    face = Face(analysis=analysis, number=1, left=0, top=0, width=8, height=8, confidence=1.0)
    for shown in (analysis, face):
        shown.heatmap.save("", work.upload(images.plain("red")))
    webhook = webhook_create(owner=alice, url="https://example.org/", events=["analysis.ended"])
    webhook_test(webhook=webhook)
    batch_open(owner=alice, name="x.zip", upload_bytes=1000)
    return analysis


@pytest.fixture
def programs(alice: User, charlie: User) -> dict[str, Client]:
    """Their programs."""
    return {
        "nobody": Client(),
        "charlie": program(charlie),
        "reader": program(alice, scopes=["read"]),
        "writer": program(alice, scopes=["submit"]),
        "alice": program(alice),
    }


def address(name: str, analysis: Analysis) -> str:
    """Where the route leads for Alice's things."""
    first = str(ROUTES[name].pattern).split("/")[0]
    ids = {
        "batches": Batch.objects.get().public_id,
        "submissions": analysis.image.submission.public_id,
        "analyses": analysis.public_id,
        "faces": analysis.faces.get().public_id,
        "webhooks": Webhook.objects.get().public_id,
        "deliveries": WebhookDelivery.objects.get().public_id,
    }
    known = {"public_id": ids.get(first, "")}
    return reverse(name, kwargs={k: known[k] for k in ROUTES[name].pattern.regex.groupindex})


def test_no_address_is_forgotten() -> None:
    changed = {name for _, name in CHANGES}
    assert set(ROUTES) == {*GET, *changed, "api_nothing", "api_schema", "api_docs"}


@pytest.mark.parametrize("name", GET)
def test_who_may_get_it(name: str, analysis: Analysis, programs: dict[str, Client]) -> None:
    path = address(name, analysis)
    answers = {who: client.get(path) for who, client in programs.items()}
    assert Access(**{who: answer.status_code for who, answer in answers.items()}) == GET[name]
    for answer in answers.values():
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "private" in answer["Cache-Control"]
        assert not answer.cookies
        if answer.status_code >= 400:
            error(answer, answer.status_code)


@pytest.mark.parametrize(("method", "name"), CHANGES)
def test_who_may_change_it(
    method: str, name: str, analysis: Analysis, programs: dict[str, Client]
) -> None:
    path = address(name, analysis)
    answers = {who: getattr(client, method)(path) for who, client in programs.items()}
    told = Access(**{who: answer.status_code for who, answer in answers.items()})
    assert told == CHANGES[method, name]


def test_staff_see_nothing_of_others_here(analysis: Analysis, admin: User) -> None:
    for name, access in GET.items():
        if access == OWNER:
            assert program(admin).get(address(name, analysis)).status_code == 404


def test_a_session_is_no_way_in(as_alice: Client) -> None:
    assert error(as_alice.get(reverse("api_analyses")), 401)["code"] == "not_authenticated"
    assert error(as_alice.post(reverse("api_submissions")), 401)["code"] == "not_authenticated"
