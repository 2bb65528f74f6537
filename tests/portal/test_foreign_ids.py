"""Somebody else's ids in forms, queries and bodies act on nothing and tell nothing."""

from typing import Any

import pytest
from django.test import Client

from detection.models import Analysis, Batch, IdempotentRequest, SubmittedImage, Tag
from detection.services.batches import batch_open
from detection.services.notes import tags_change
from portal.models import ApiToken, User
from tests import doors, images, reported, work
from tests.fixtures import signed_in
from tests.programs import program

SECRET = "only-alice-knows.jpg"
KEY = {"Idempotency-Key": "the-same-key"}
# Address and form with Alice's ids in them, as Charlie sends them, and what he is answered.
# {hers} is her analysis, {other} another of hers, {his} his own, {pk} her row's key.
FORMS: list[tuple[str, dict[str, Any], int]] = [
    ("/history/delete/", {"analysis": ["{hers}", "{other}"]}, 302),
    ("/history/tag/", {"analysis": ["{hers}"], "tags": "taken"}, 302),
    ("/history/export.csv", {"analysis": ["{hers}"]}, 200),
    ("/history/export.json", {"analysis": ["{hers}"]}, 200),
    ("/history/export.csv?tag={tag}", {}, 200),
    ("/analyses/{his}/tags/", {"remove": ["{tag}"]}, 302),
    ("/account/tokens/{token}/end/", {}, 302),
    ("/accounts/email/", {"email": "alice@example.org", "action_remove": ""}, 302),
    ("/accounts/email/", {"email": "alice@example.org", "action_primary": ""}, 302),
    ("/accounts/email/", {"email": "alice@example.org", "action_send": ""}, 302),
    ("/analyses/{hers}/note/", {"note": "It was me."}, 404),
    ("/analyses/{hers}/tags/", {"add": "mine"}, 404),
    ("/analyses/{hers}/share/", {"days": "1"}, 404),
    ("/analyses/{hers}/feedback/", {"label": "real", "has_consent": "on"}, 404),
    ("/batches/{batch}/pieces/?offset=0", {}, 404),
    ("/batches/{batch}/cancel/", {}, 404),
    ("/batches/{batch}/delete/", {}, 404),
]
# What he asks for, with her ids and keys in the query.
QUERIES = [
    ("/compare/?a={hers}&b={other}", 404),
    ("/compare/?a={his}&b={hers}", 404),
    ("/history/?tag={tag}", 200),
    ("/history/?older={moment}-{pk}", 200),
    ("/history/?q={secret}", 200),
    ("/analyses/{his}/?view=noise&method={hers}", 200),
]


@pytest.fixture
def ids(alice: User, charlie: User) -> dict[str, Any]:
    """Alice's ids of every kind, and Charlie's own analysis."""
    hers = reported.finished(alice, name=SECRET)
    other = work.ended(work.queued(alice, images.plain("blue"), name=SECRET))
    tags_change(images=[hers.image], user=alice, add=["private"])
    ApiToken.objects.create(user=alice, name="Hers", scopes=["read"])
    token = ApiToken.objects.get(user=alice)
    return {
        "hers": hers.public_id,
        "other": other.public_id,
        "his": work.ended(work.queued(charlie)).public_id,
        "tag": Tag.objects.get(owner=alice).pk,
        "token": token.public_id,
        "batch": batch_open(owner=alice, name="hers.zip", upload_bytes=1000).public_id,
        "pk": other.pk + 1000,
        "moment": int(other.created_at.timestamp() * 1_000_000) + 1,
        "secret": SECRET[:10],
    }


def filled(value: Any, ids: dict[str, Any]) -> Any:
    """The value with the ids in the place of their names."""
    if isinstance(value, list):
        return [filled(one, ids) for one in value]
    return value.format(**ids)


@pytest.mark.parametrize(("path", "form", "status"), FORMS)
def test_a_form_with_foreign_ids_acts_on_nothing(
    ids: dict[str, Any], charlie: User, path: str, form: dict[str, Any], status: int
) -> None:
    browser = signed_in(charlie, lately=True)
    before = doors.state()
    sent = {name: filled(value, ids) for name, value in form.items()}
    answer: Any = browser.post(path.format(**ids), sent)
    assert answer.status_code == status
    assert doors.state() == before
    told = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert SECRET.encode() not in told


@pytest.mark.parametrize(("path", "status"), QUERIES)
def test_a_query_with_foreign_ids_tells_nothing(
    ids: dict[str, Any], as_charlie: Client, path: str, status: int
) -> None:
    answer = as_charlie.get(path.format(**ids))
    assert answer.status_code == status
    assert SECRET not in answer.text
    assert str(ids["hers"]) not in answer.text.replace(f"method={ids['hers']}", "")
    assert "private" not in answer.text.split("<main", 1)[-1].split("</main>")[0]


def test_chosen_for_comparison_they_lead_nowhere(ids: dict[str, Any], as_charlie: Client) -> None:
    form = {"analysis": [ids["hers"], ids["other"]]}
    answer = as_charlie.post("/history/compare/", form, follow=True)
    assert answer.status_code == 404
    assert SECRET not in answer.text


def test_a_programs_key_is_its_owners_alone(alice: User, charlie: User, ids: Any) -> None:
    hers, his = program(alice), program(charlie)
    form = {"images": work.upload(images.plain("green"), SECRET)}
    first = hers.post("/api/v1/submissions/", form, headers=KEY)
    assert first.status_code == 201
    form = {"images": work.upload(images.plain("green"), SECRET)}
    second = his.post("/api/v1/submissions/", form, headers=KEY)
    assert second.status_code == 201
    assert "Idempotency-Replayed" not in second
    assert second.json()["id"] != first.json()["id"]
    assert IdempotentRequest.objects.count() == 2
    assert SubmittedImage.objects.filter(submission__owner=charlie, file_name=SECRET).count() == 1


def test_a_cursor_of_another_tells_nothing(alice: User, charlie: User, ids: Any) -> None:
    following = program(alice).get("/api/v1/analyses/?limit=1").json()["next"]
    assert following, "the test has more than one page of hers"
    answer = program(charlie).get(following)
    assert answer.status_code == 200
    mine = set(
        Analysis.objects.filter(image__submission__owner=charlie).values_list(
            "public_id", flat=True
        )
    )
    assert {one["id"] for one in answer.json()["results"]} <= mine


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/api/v1/batches/{batch}/pieces/?offset=0"),
        ("post", "/api/v1/batches/{batch}/cancel/"),
        ("post", "/api/v1/batches/{batch}/repeat/"),
        ("delete", "/api/v1/batches/{batch}/"),
        ("post", "/api/v1/analyses/{hers}/retry/"),
        ("post", "/api/v1/analyses/{hers}/feedback/"),
        ("delete", "/api/v1/analyses/{hers}/"),
    ],
)
def test_a_program_acts_on_nothing_of_another(
    charlie: User, ids: dict[str, Any], method: str, path: str
) -> None:
    client = program(charlie)
    # When it was last used is kept with his own token.
    before = doors.state(but=(ApiToken,))
    answer = getattr(client, method)(path.format(**ids), b"PK", "application/octet-stream")
    assert answer.status_code == 404
    assert doors.state(but=(ApiToken,)) == before
    assert Batch.objects.get().received_bytes == 0
