"""Images whose time has run out: their bytes go, and what was found out stays or goes with them."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as site
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from detection.models import (
    Analysis,
    Explanation,
    Face,
    Feedback,
    ForensicViews,
    Item,
    Label,
    Method,
    ModelVersion,
    State,
    Submission,
    SubmittedImage,
)
from detection.services.analysis import RetryRefused, analyses_retry, analysis_retry, analysis_run
from detection.services.explanations import ExplanationRefused, explanation_request
from detection.services.forensic_views import ViewsRefused, views_request
from detection.services.intake import images_delete
from detection.services.repeats import RepeatRefused, analysis_repeat
from detection.services.report_content import report_content
from detection.services.reports import report_issue
from detection.services.retention import AT_ONCE, images_forget, retention_sweep
from detection.services.sharing import link_create
from detection.tasks.retention import forget_images
from portal.models import User
from tests import images, reported, work
from tests.fixtures import Committed
from tests.programs import program
from tests.reports import judged, report

MARKER = b"bytes-that-nobody-else-has-8c1f"


@pytest.fixture(autouse=True)
def thirty_days(settings: Settings) -> None:
    """Images are kept for thirty days."""
    settings.RETENTION_DAYS = 30


def marked() -> bytes:
    """An image whose file holds the marker beside the picture."""
    return images.plain(work.RED) + MARKER


def aged(analysis: Analysis, days: float = 31) -> Analysis:
    """The analysis as if its image had come so many days ago."""
    then = timezone.now() - timedelta(days=days)
    SubmittedImage.objects.filter(pk=analysis.image_id).update(created_at=then)
    Submission.objects.filter(images=analysis.image_id).update(created_at=then)
    return Analysis.objects.select_related("image__submission").get(pk=analysis.pk)


def with_all_pictures(owner: User) -> Analysis:
    """A finished analysis with everything that can be drawn of an image, each in a file."""
    analysis = reported.finished(owner, content=marked())
    analysis.signed_thumbnail.save("signed.webp", ContentFile(b"signed" + MARKER))
    picture = ContentFile(b"drawn" + MARKER, "drawn.png")
    Explanation.objects.create(
        analysis=analysis, method=Method.LAYER_CAM, state=State.FINISHED, heatmap=picture
    )
    on_faces = Analysis.objects.create(
        image=analysis.image, owner=owner, track="face", state=State.FINISHED
    )
    Face.objects.create(
        analysis=on_faces, number=1, left=0, top=0, width=9, height=9, confidence=0.9,
        heatmap=ContentFile(b"face" + MARKER, "face.png"),
    )  # fmt: skip
    views = ForensicViews(image=analysis.image, state=State.FINISHED)
    for kind in ("error_levels", "noise", "spectrum", "gradient", "full"):
        setattr(views, kind, ContentFile(b"view" + MARKER, f"{kind}.webp"))
    views.save()
    return analysis


def on_disk() -> list[Path]:
    """The files below the media folder that hold the marker."""
    return [
        path
        for path in Path(site.MEDIA_ROOT).rglob("*")
        if path.is_file() and MARKER in path.read_bytes()
    ]


def test_the_files_go_and_the_verdict_stays(alice: User, committed: Committed) -> None:
    analysis = aged(with_all_pictures(alice))
    assert len(on_disk()) == 9
    with committed():
        assert retention_sweep() == 1
    assert not work.media_files()
    analysis.refresh_from_db()
    assert analysis.image.forgotten_at is not None
    assert analysis.image.stored_names == []
    assert (analysis.verdict, analysis.p_fake, analysis.state) == ("likely_ai", 0.97, "finished")
    assert (analysis.image.file_name, len(analysis.image.sha256)) == (reported.FILE_NAME, 64)
    assert analysis.image.views.stored_names == []
    assert not Explanation.objects.exists()
    assert not Face.objects.get().heatmap


def test_what_only_the_owner_was_shown_goes_too(alice: User) -> None:
    analysis = aged(with_all_pictures(alice))
    assert reported.POSITION in str(analysis.findings)
    retention_sweep()
    analysis.refresh_from_db()
    assert reported.POSITION not in str(analysis.findings)
    assert reported.AUTHOR not in str(analysis.findings)
    assert "a fox in a library" in str(analysis.findings)
    assert "findings" in report_content(analysis=analysis, site=reported.SITE)


def test_what_is_younger_stays(alice: User, committed: Committed) -> None:
    analysis = aged(with_all_pictures(alice), days=29.9)
    with committed():
        assert retention_sweep() == 0
    assert len(on_disk()) == 9
    with committed():
        assert retention_sweep(now=timezone.now() + timedelta(days=1)) == 1
    assert not on_disk()
    analysis.image.refresh_from_db()
    assert analysis.image.is_forgotten


def test_without_the_setting_nothing_goes(alice: User, settings: Settings) -> None:
    settings.RETENTION_DAYS = None
    aged(with_all_pictures(alice), days=10_000)
    assert retention_sweep() == 0
    assert len(on_disk()) == 9


def test_without_verdicts_everything_goes(
    alice: User, settings: Settings, committed: Committed
) -> None:
    settings.RETENTION_KEEPS_VERDICTS = False
    aged(with_all_pictures(alice))
    young = with_all_pictures(alice)
    with committed():
        assert retention_sweep() == 1
    assert SubmittedImage.objects.get() == young.image
    assert Submission.objects.count() == 1
    assert len(on_disk()) == 9


def test_what_was_forgotten_goes_when_verdicts_are_kept_no_more(
    alice: User, settings: Settings
) -> None:
    aged(with_all_pictures(alice))
    assert retention_sweep() == 1
    settings.RETENTION_KEEPS_VERDICTS = False
    assert retention_sweep() == 1
    assert not Submission.objects.exists()


def test_an_answer_that_is_to_come_is_waited_for(
    alice: User, model: ModelVersion, committed: Committed
) -> None:
    analysis = aged(work.queued(alice, marked()))
    with committed():
        assert retention_sweep() == 0
    assert on_disk()
    assert analysis_run(analysis_id=analysis.pk)
    with committed():
        assert retention_sweep() == 1
    assert not work.media_files()
    analysis.refresh_from_db()
    assert analysis.verdict


def test_each_step_is_short_and_reads_along_the_index(alice: User) -> None:
    contents = [images.plain(work.RED) + bytes([number]) for number in range(AT_ONCE + 2)]
    work.hand_in(alice, *contents[:40])
    work.hand_in(alice, *contents[40:])
    Analysis.objects.update(state=State.FINISHED)
    SubmittedImage.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert retention_sweep(steps=1) == AT_ONCE
    assert SubmittedImage.objects.kept().count() == 2
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert retention_sweep() == 2
    first = next(one["sql"] for one in queries if '"forgotten_at" IS NULL' in one["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {first}")
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert "image_retention" in plan


def test_a_copy_that_was_agreed_to_stays_until_the_consent_is_taken_back(
    alice: User, committed: Committed
) -> None:
    analysis = judged(alice)
    report(analysis)
    item = Item.objects.get()
    aged(analysis)
    with committed():
        assert retention_sweep() == 1
    assert [path.name for path in work.media_files()] == [Path(str(item.file.name)).name]


def test_without_verdicts_the_copy_goes_with_its_consent(
    alice: User, settings: Settings, committed: Committed
) -> None:
    settings.RETENTION_KEEPS_VERDICTS = False
    analysis = judged(alice)
    report(analysis)
    aged(analysis)
    with committed():
        assert retention_sweep() == 1
    assert not Item.objects.exists()
    assert not Feedback.objects.exists()
    assert not work.media_files()


class TestForgotten:
    """What is done and shown with an image that is gone."""

    @pytest.fixture
    def analysis(self, alice: User, model: ModelVersion) -> Analysis:
        """Alice's verdict on an image that was forgotten."""
        with_all = with_all_pictures(alice)
        Analysis.objects.filter(pk=with_all.pk).update(model_version=model)
        aged(with_all, days=31)
        forget_images.apply()
        return Analysis.objects.select_related("image__submission").get(pk=with_all.pk)

    def test_the_sentence_says_when_and_why(self, analysis: Analysis) -> None:
        day = f"{timezone.now():%-d %B %Y}"
        assert analysis.image.forgotten_sentence == (
            f"The image was deleted on {day} after 31 days, as this installation keeps images for "
            "30 days."
        )

    def test_no_page_shows_a_broken_picture(self, analysis: Analysis, as_alice: Client) -> None:
        other = work.analysed(analysis.owner, images.plain(work.BLUE))
        pages = {
            "verdict": f"/analyses/{analysis.public_id}/",
            "history": "/history/",
            "hand in": "/submit/",
            "submission": f"/submissions/{analysis.image.submission.public_id}/",
            "compare": f"/compare/?a={analysis.public_id}&b={other.public_id}",
            "picking": f"/compare/?a={other.public_id}",
        }
        for name, address in pages.items():
            answer = as_alice.get(address)
            assert answer.status_code == 200, name
            page = answer.content.decode()
            assert "as this installation keeps images for 30 days" in page, name
            for broken in ("thumbnail", "preview", "original", "heatmap", "views"):
                assert f"{analysis.image.public_id}/{broken}/" not in page, (name, broken)
            assert f"analyses/{analysis.public_id}/heatmap" not in page, name
            assert 'data-testid="analyse-again"' not in page

    def test_the_code_of_an_earlier_report_checks_out(
        self, alice: User, client: Client, committed: Committed
    ) -> None:
        analysis = reported.finished(alice)
        code = report_issue(analysis=analysis, site=reported.SITE).issued.code
        with committed():
            images_forget(before=timezone.now(), now=timezone.now())
        analysis.image.refresh_from_db()
        assert analysis.image.is_forgotten
        assert client.get(f"/verify/{code}/").status_code == 200
        with committed():
            images_delete(images=[analysis.image])
        assert client.get(f"/verify/{code}/").status_code == 404

    def test_a_shared_page_says_so_too(self, analysis: Analysis, client: Client) -> None:
        link = link_create(analysis=analysis, user=analysis.owner, days=1)
        page = client.get(f"/shared/{link.token}/").content.decode()
        assert "as this installation keeps images for 30 days" in page
        assert f"/shared/{link.token}/image/" not in page
        assert client.get(f"/shared/{link.token}/report.json").status_code == 200
        assert client.get(f"/shared/{link.token}/image/").status_code == 404

    def test_reports_and_tables_are_made_all_the_same(
        self, analysis: Analysis, as_alice: Client
    ) -> None:
        assert as_alice.get(f"/analyses/{analysis.public_id}/report.json").status_code == 200
        assert as_alice.get(f"/analyses/{analysis.public_id}/report.pdf").status_code == 200
        page = as_alice.get(f"/submissions/{analysis.image.submission.public_id}/export.csv")
        assert reported.FILE_NAME in page.getvalue().decode()

    def test_the_panel_shows_it(self, analysis: Analysis, as_admin: Client) -> None:
        page = as_admin.get(f"/admin/detection/analysis/{analysis.pk}/change/").content.decode()
        assert "as this installation keeps images for 30 days" in page
        assert "/preview/" not in page
        assert as_admin.get("/admin/detection/analysis/").status_code == 200

    def test_acts_that_need_the_file_are_refused_by_code(self, analysis: Analysis) -> None:
        with pytest.raises(RepeatRefused) as repeat:
            analysis_repeat(analysis=analysis, user=analysis.owner)
        with pytest.raises(ExplanationRefused) as explanation:
            explanation_request(analysis=analysis, method=Method.LAYER_CAM)
        with pytest.raises(ViewsRefused) as views:
            views_request(image=analysis.image)
        Analysis.objects.filter(pk=analysis.pk).update(state=State.FAILED)
        failed = Analysis.objects.get(pk=analysis.pk)
        assert not failed.can_retry
        with pytest.raises(RetryRefused) as retry:
            analysis_retry(analysis=failed)
        assert analyses_retry(analyses=Analysis.objects.filter(pk=failed.pk)) == 0
        for refused in (repeat, explanation, views, retry):
            assert refused.value.code == "image_forgotten"
            assert "keeps images for 30 days" in refused.value.sentence

    def test_a_report_with_consent_brings_nothing_in(self, analysis: Analysis) -> None:
        feedback = report(analysis, Label.REAL)
        feedback.refresh_from_db()
        assert (feedback.item, feedback.refusal_code) == (None, "image_forgotten")

    def test_the_same_file_handed_in_again_is_looked_at_anew(
        self, analysis: Analysis, alice: User
    ) -> None:
        again = work.analysed(alice, marked())
        assert (again.state, again.answered_from) == ("finished", None)
        assert again.heatmap

    def test_the_interface_tells_it(self, analysis: Analysis, alice: User) -> None:
        client = program(alice)
        told = client.get(f"/api/v1/analyses/{analysis.public_id}/").json()
        assert told["image"]["forgotten_at"]
        assert (told["image_url"], told["heatmap"]) == (None, None)
        for file in ("image", "heatmap"):
            answer = client.get(f"/api/v1/analyses/{analysis.public_id}/{file}/")
            assert answer.status_code == 410
            assert answer.json()["error"]["code"] == "image_forgotten"
        kept = work.analysed(alice, images.plain(work.GREY))
        assert (
            client.get(f"/api/v1/analyses/{kept.public_id}/").json()["image"]["forgotten_at"]
            is None
        )


def test_people_are_told_before(as_alice: Client, settings: Settings) -> None:
    told = "Images are deleted here after 30 days; their verdicts stay."
    assert told in as_alice.get("/submit/").content.decode()
    assert told in as_alice.get("/batches/").content.decode()
    assert "Images are deleted 30 days after" in as_alice.get("/privacy/").content.decode()
    settings.RETENTION_DAYS = None
    assert "deleted here after" not in as_alice.get("/submit/").content.decode()
    assert "until you delete them" in as_alice.get("/privacy/").content.decode()
