"""What is left of somebody is searched for in every column of every model and in every file.

`tests/services/test_leaving.py` does the same on whole portals, by their pages.
"""

from pathlib import Path

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.conf import settings as site
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.test import Client

from detection.models import (
    Analysis,
    Explanation,
    Face,
    ForensicViews,
    Method,
    Refusal,
    State,
    UrlFetch,
)
from detection.services.batches import batch_open, batch_receive
from detection.services.data_exports import export_request, export_run
from detection.services.idempotency import request_begin, request_end
from detection.services.notes import note_write, tags_set
from detection.services.reports import report_issue
from detection.services.sharing import link_create
from detection.services.webhooks import webhook_create, webhook_test
from portal.leaving import user_purge
from portal.models import User
from tests import images, people, reported, work
from tests.fixtures import Committed
from tests.programs import token_of
from tests.reports import report

MARK = "zqx7leaverf3"


def one_of_everything(user: User, keeper: User) -> None:
    """Rows and files of every kind, each with the mark in all that a person can write."""
    content = images.plain(work.RED) + MARK.encode()
    analysis = reported.finished(user, content=content, name=f"{MARK}.png")
    note_write(image=analysis.image, user=user, text=f"{MARK} note")
    tags_set(image=analysis.image, user=user, names=[f"{MARK} tag"])
    report(analysis)
    link_create(analysis=analysis, user=user, days=1)
    report_issue(analysis=analysis, site=reported.SITE, with_file_name=True)
    drawn = ContentFile(MARK.encode(), "drawn.png")
    Explanation.objects.create(
        analysis=analysis, method=Method.LAYER_CAM, state=State.FINISHED, heatmap=drawn
    )
    Face.objects.create(
        analysis=analysis, number=1, left=0, top=0, width=9, height=9, confidence=1.0,
        heatmap=ContentFile(MARK.encode(), "face.png"),
    )  # fmt: skip
    ForensicViews.objects.create(
        image=analysis.image, noise=ContentFile(MARK.encode(), "n.webp"), state=State.FINISHED
    )
    submission = analysis.image.submission
    Refusal.objects.create(submission=submission, file_name=MARK, code="x", sentence=MARK)
    UrlFetch.objects.create(submission=submission, url=f"https://example.org/{MARK}")
    batch = batch_open(owner=user, name=f"{MARK}.zip", upload_bytes=1_000_000)
    batch_receive(batch=batch, offset=0, chunk=MARK.encode() * 30_000)
    hook = webhook_create(owner=user, url=f"https://example.org/{MARK}", events=["analysis.ended"])
    webhook_test(webhook=hook)
    token_of(user)
    begun = request_begin(owner=user, key=MARK, fingerprint="0" * 64)
    request_end(request=begun, status=201, body={"file_name": MARK})
    Authenticator.objects.create(user=user, type="recovery_codes", data={"seed": MARK})
    LogEntry.objects.create(
        user=keeper, content_type=ContentType.objects.get_for_model(User),
        object_id=str(user.pk), object_repr=user.email, action_flag=2, change_message=MARK,
    )  # fmt: skip
    export = export_request(owner=user)
    assert export_run(export_id=export.pk, worker="tester")


def left_in_rows(*needles: str) -> set[str]:
    """Which columns of which models hold a needle."""
    return {
        f"{model._meta.label}.{name}"
        for model in apps.get_models(include_auto_created=True)
        for row in model._default_manager.values()
        for name, value in row.items()
        if any(needle in str(value).lower() for needle in needles)
    }


def left_in_files() -> list[Path]:
    """Which stored files hold the mark."""
    files = [path for path in Path(site.MEDIA_ROOT).rglob("*") if path.is_file()]
    return [path for path in files if MARK.encode() in path.read_bytes()]


def test_nothing_is_left(alice: User, admin: User, committed: Committed) -> None:
    browser = Client()
    browser.post("/accounts/login/", {"login": alice.email, "password": people.PASSWORD})
    one_of_everything(alice, admin)
    ids = [row.public_id for row in Analysis.objects.filter(owner=alice)]
    assert len(left_in_rows(MARK, alice.email)) >= 15
    assert len(left_in_files()) >= 6
    with committed():
        assert user_purge(alice)
    assert left_in_rows(MARK, alice.email) == set()
    # The record of acts holds ids, which lead nowhere any more.
    assert left_in_rows(*ids) <= {"detection.AuditEvent.subject"}
    assert not work.media_files()
    assert MARK not in str(getattr(cache, "_cache", {}))
    assert browser.get("/submit/").status_code == 302
