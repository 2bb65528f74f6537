"""A POST that is sent twice under one key is carried out once, also at the same moment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from detection.api import urls as api_urls
from detection.models import (
    Analysis,
    Batch,
    DeliveryState,
    IdempotentRequest,
    Submission,
    Webhook,
    WebhookDelivery,
)
from detection.services.idempotency import (
    KEPT,
    IdempotencyRefused,
    given_up_after,
    request_begin,
    request_end,
    request_forget,
    request_makes,
    requests_forget_old,
)
from detection.services.intake import submission_open
from detection.services.webhooks import webhook_create, webhook_test
from detection.tasks import forget_idempotent_requests
from portal.models import User
from tests import images, work
from tests.batches import pictures, unpacked
from tests.programs import error, program

SUBMISSIONS = "/api/v1/submissions/"


def send(client: Client, key: str, *contents: bytes, name: str = "a.png") -> Any:
    """Hand in files under a key."""
    files = [work.upload(content, name) for content in contents or (images.plain("red"),)]
    return client.post(SUBMISSIONS, {"images": files}, headers={"idempotency-key": key})


def test_the_second_time_the_first_answer_comes_again(alice: User) -> None:
    client = program(alice)
    first, second = send(client, "k1"), send(client, "k1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert first["Location"] == second["Location"]
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert Submission.objects.count() == 1


def test_another_key_is_another_request_also_in_another_case(alice: User) -> None:
    client = program(alice)
    assert {send(client, key).json()["id"] for key in ("k", "K")} == {
        submission.public_id for submission in Submission.objects.all()
    }
    assert Submission.objects.count() == 2


def test_keys_are_each_persons_own(alice: User, charlie: User) -> None:
    send(program(alice), "k")
    assert "Idempotency-Replayed" not in send(program(charlie), "k")
    assert Submission.objects.count() == 2


@pytest.mark.parametrize("what", ["content", "name", "number", "address"])
def test_the_same_key_for_something_else_is_refused(alice: User, what: str) -> None:
    client = program(alice)
    send(client, "k")
    if what == "content":
        answer = send(client, "k", images.plain("blue"))
    elif what == "name":
        answer = send(client, "k", name="b.png")
    elif what == "number":
        answer = send(client, "k", images.plain("red"), images.plain("red"))
    else:
        analysis = work.ended(work.queued(alice), state="failed", error_code="broken")
        path = f"/api/v1/analyses/{analysis.public_id}/retry/"
        headers = {"idempotency-key": "k"}
        answer = client.post(path, headers=headers, content_type="application/json")
    assert error(answer, 409)["code"] == "idempotency_mismatch"


def test_one_that_is_still_being_answered_is_told_so(alice: User) -> None:
    client = program(alice)
    send(client, "k")
    IdempotentRequest.objects.update(status=None, body=None)
    answer = send(client, "k")
    assert error(answer, 409)["code"] == "idempotency_in_progress"
    assert answer["Retry-After"] == "1"


def test_one_whose_process_was_killed_may_be_sent_again_later(alice: User) -> None:
    client = program(alice)
    send(client, "k")
    long_ago = timezone.now() - given_up_after()
    IdempotentRequest.objects.update(status=None, body=None, created_at=long_ago)
    answer = send(client, "k")
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer
    # What the first one had made is taken back: nobody was told of it.
    assert Submission.objects.get().public_id == answer.json()["id"]


def test_one_that_was_slow_and_given_up_answers_nothing(alice: User) -> None:
    slow = request_begin(owner=alice, key="k", fingerprint="f")
    long_ago = timezone.now() - given_up_after()
    IdempotentRequest.objects.update(created_at=long_ago)
    slow.created_at = long_ago
    quick = request_begin(owner=alice, key="k", fingerprint="f")
    with pytest.raises(IdempotencyRefused):
        request_makes(request=slow, submission=submission_open(owner=alice))
    with pytest.raises(IdempotencyRefused):
        request_end(request=slow, status=201, body={})
    request_forget(request=slow)
    request_end(request=quick, status=201, body={"of": "the quick one"})
    assert IdempotentRequest.objects.get().body == {"of": "the quick one"}


def test_what_breaks_off_between_rows_and_answer_leaves_nothing(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = program(alice)

    def breaks(**_: object) -> NoReturn:
        raise OperationalError("server has gone away")

    with monkeypatch.context() as patch:
        patch.setattr("detection.api.idempotency.request_end", breaks)
        with pytest.raises(OperationalError):
            send(client, "k")
    assert not Submission.objects.exists()
    assert send(client, "k").status_code == 201


@dataclass(frozen=True)
class Asked:
    """A request whose handler is one transaction, and what of the database tells whether it was."""

    path: str
    sent: dict[str, Any]
    status: int
    trace: Callable[[], object]


def a_batch(alice: User) -> Asked:
    sent = {"name": "a.zip", "upload_bytes": 1000}
    return Asked("/api/v1/batches/", sent, 201, Batch.objects.count)


def a_repeated_batch(alice: User) -> Asked:
    batch = unpacked(alice, pictures(1))
    ended(batch.answers.get())
    trace = batch.answers.values_list("state", flat=True).get
    return Asked(f"/api/v1/batches/{batch.public_id}/repeat/", {}, 202, trace)


def a_webhook(alice: User) -> Asked:
    sent = {"target": "https://example.org/", "events": ["submission.ended"]}
    return Asked("/api/v1/webhooks/", sent, 201, Webhook.objects.count)


def a_test_of_a_webhook(alice: User) -> Asked:
    hook = webhook_create(owner=alice, url="https://example.org/", events=["submission.ended"])
    path = f"/api/v1/webhooks/{hook.public_id}/test/"
    return Asked(path, {}, 202, WebhookDelivery.objects.count)


def a_repeated_delivery(alice: User) -> Asked:
    a_test_of_a_webhook(alice)
    delivery = webhook_test(webhook=Webhook.objects.get())
    WebhookDelivery.objects.update(state=DeliveryState.FAILED)
    path = f"/api/v1/deliveries/{delivery.public_id}/repeat/"
    return Asked(path, {}, 202, WebhookDelivery.objects.values_list("state", flat=True).get)


def a_retry(alice: User) -> Asked:
    analysis = ended(work.queued(alice))
    trace = Analysis.objects.values_list("state", flat=True).get
    return Asked(f"/api/v1/analyses/{analysis.public_id}/retry/", {}, 202, trace)


def ended(analysis: Analysis) -> Analysis:
    return work.ended(analysis, state="failed", error_code="broken")


WHOLE = [
    *(a_batch, a_repeated_batch, a_retry),
    *(a_webhook, a_test_of_a_webhook, a_repeated_delivery),
]


@pytest.mark.parametrize("make", WHOLE)
def test_a_process_killed_before_its_answer_is_kept_has_done_nothing(
    alice: User, monkeypatch: pytest.MonkeyPatch, make: Callable[[User], Asked]
) -> None:
    client, asked = program(alice), make(alice)
    before = asked.trace()

    def killed(**_: object) -> NoReturn:
        raise SystemExit

    def ask() -> Any:
        headers = {"idempotency-key": "k"}
        return client.post(asked.path, asked.sent, content_type="application/json", headers=headers)

    with monkeypatch.context() as patch:
        patch.setattr("detection.api.idempotency.request_end", killed)
        # A process that is killed tidies nothing up.
        patch.setattr("detection.api.idempotency.request_forget", lambda **_: None)
        with pytest.raises(SystemExit):
            ask()
    assert asked.trace() == before
    assert error(ask(), 409)["code"] == "idempotency_in_progress"
    IdempotentRequest.objects.update(created_at=timezone.now() - given_up_after())
    first, second = ask(), ask()
    assert (first.status_code, second.status_code) == (asked.status, asked.status)
    assert second["Idempotency-Replayed"] == "true"
    assert asked.trace() != before


def test_each_kind_of_request_that_takes_a_key_is_held_to_it() -> None:
    """But those that go in steps: handing in, which notes what it makes, and what is said twice."""
    views = [getattr(pattern.callback, "view_class", None) for pattern in api_urls.v1]
    posts = [getattr(view, "post", None) for view in views]
    taking = {post.__qualname__ for post in posts if post and hasattr(post, "is_idempotent")}
    in_steps = {"Submissions.post", "AnalysisFeedback.post"}
    assert in_steps < taking
    assert len(taking - in_steps) == len(WHOLE)


def test_what_was_refused_is_not_kept(alice: User) -> None:
    client = program(alice)
    assert send(client, "k", b"no image").status_code == 422
    assert not IdempotentRequest.objects.exists()
    assert send(client, "k").status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\xe4", "a\tb"])
def test_a_key_that_is_none(alice: User, key: str) -> None:
    told = error(send(program(alice), key), 422)
    assert told["field"] == "Idempotency-Key"
    assert not Submission.objects.exists()


def test_they_are_forgotten_after_a_day(alice: User) -> None:
    client = program(alice)
    send(client, "k")
    assert requests_forget_old() == 0
    forget_idempotent_requests()
    assert IdempotentRequest.objects.count() == 1
    IdempotentRequest.objects.update(created_at=timezone.now() - KEPT - timedelta(seconds=1))
    forget_idempotent_requests()
    assert not IdempotentRequest.objects.exists()
