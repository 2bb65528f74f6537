"""Everything of one's own in a zip: asked for, made once, kept for a time, complete."""

import csv
import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as site
from django.core import mail
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from detection.models import (
    Analysis,
    DataExport,
    Explanation,
    ForensicViews,
    Method,
    ModelVersion,
    State,
    SubmittedImage,
    Work,
)
from detection.services import data_exports
from detection.services.data_exports import contents, making
from detection.services.data_exports.account import ELSEWHERE, TOLD, relations
from detection.services.data_exports.names import entry_name
from detection.services.notes import note_write, tags_set
from detection.services.sharing import link_create
from detection.services.webhooks import webhook_create
from detection.tasks.data_exports import make_data_export
from portal.models import User
from tests import images, people, reported, work
from tests.fixtures import Committed
from tests.programs import token_of
from tests.reports import report


def made(owner: User) -> DataExport:
    """A zip of everything of this person."""
    export = data_exports.export_request(owner=owner)
    assert data_exports.export_run(export_id=export.pk, worker="tester")
    export.refresh_from_db()
    return export


def opened(export: DataExport) -> zipfile.ZipFile:
    """The zip, whose every member is whole."""
    packed = zipfile.ZipFile(io.BytesIO(export.file.read()))
    assert packed.testzip() is None
    return packed


def told(packed: zipfile.ZipFile, name: str) -> Any:
    """A member as JSON."""
    return json.loads(packed.read(name))


class TestContents:
    """What is in it."""

    @pytest.fixture
    def packed(self, alice: User, charlie: User, model: ModelVersion) -> zipfile.ZipFile:
        """The zip of Alice, who has one of everything; Charlie has an image too."""
        work.analysed(charlie, images.plain(work.BLUE), name="charlies.png")
        analysis = work.analysed(alice, images.plain(work.RED), name="../holiday/münchen.png")
        analysis.heatmap.save("", ContentFile(b"the heatmap"))
        picture = ContentFile(b"another heatmap", "x.png")
        Explanation.objects.create(
            analysis=analysis, method=Method.GRAD_CAM_PLUS_PLUS, state=State.FINISHED,
            heatmap=picture,
        )  # fmt: skip
        views = ForensicViews(image=analysis.image, state=State.FINISHED)
        views.noise.save("", ContentFile(b"the noise"))
        work.ended(reported.finished(alice), verdict="likely_ai")
        second = Analysis.objects.latest("pk")
        report(second)
        note_write(image=analysis.image, user=alice, text="=1+1 my note")
        tags_set(image=analysis.image, user=alice, names=["night desk"])
        link_create(analysis=second, user=alice, days=1)
        token_of(alice)
        webhook_create(owner=alice, url="https://example.org/hook", events=["analysis.ended"])
        return opened(made(alice))

    def test_originals_have_their_bytes_and_safe_names(self, packed: zipfile.ZipFile) -> None:
        image = SubmittedImage.objects.get(file_name__contains="münchen")
        names = [name for name in packed.namelist() if image.public_id in name]
        original = next(name for name in names if "münchen" in name)
        assert packed.read(original) == images.plain(work.RED)
        for name in packed.namelist():
            assert ".." not in name.split("/")
            assert not name.startswith("/")

    def test_entries_have_the_date_of_their_image(self, packed: zipfile.ZipFile) -> None:
        for image in SubmittedImage.objects.filter(file_name__contains="münchen"):
            dates = [one.date_time for one in packed.infolist() if image.public_id in one.filename]
            assert dates
            assert {one[:5] for one in dates} == {image.created_at.timetuple()[:5]}
        assert min(one.date_time[0] for one in packed.infolist()) > 1980

    def test_what_was_drawn_is_there(self, packed: zipfile.ZipFile) -> None:
        contents = {packed.read(name) for name in packed.namelist()}
        assert {b"the heatmap", b"another heatmap", b"the noise"} <= contents

    def test_images_and_verdicts(self, packed: zipfile.ZipFile) -> None:
        first, second = told(packed, "images.json")
        assert (first["note"], first["tags"]) == ("=1+1 my note", ["night desk"])
        assert first["analyses"][0]["state"] == "finished"
        assert reported.POSITION in json.dumps(second)
        feedback = second["analyses"][0]["feedback"]
        assert feedback["consent"]["words"] == (
            "You may use this image to train and test the model"
        )
        assert feedback["consent"]["when"]
        assert second["analyses"][0]["links"][0]["expires_at"]

    def test_the_table(self, packed: zipfile.ZipFile) -> None:
        text = packed.read("verdicts.csv").decode("utf-8-sig")
        first, second = csv.DictReader(io.StringIO(text))
        assert first["verdict"]
        assert second["verdict"] == "likely_ai"
        # A spreadsheet must not take a note for a formula.
        assert not first["note"].startswith("=")

    def test_the_account_without_secrets(self, packed: zipfile.ZipFile, alice: User) -> None:
        account = told(packed, "account.json")
        assert account["email"] == alice.email
        assert account["email_addresses"][0]["email"] == alice.email
        assert account["tokens"][0]["name"] == "Test"
        assert account["webhooks"][0]["url"] == "https://example.org/hook"
        assert account["acts"][0]["action"]
        whole = packed.read("account.json").decode()
        assert "whsec_" not in whole
        assert alice.password not in whole

    def test_nothing_of_anybody_else(self, packed: zipfile.ZipFile) -> None:
        everything = b"".join(packed.read(name) for name in packed.namelist())
        assert b"charlie" not in everything
        assert images.plain(work.BLUE) not in everything
        assert "README.txt" in packed.namelist()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("holiday.jpg", "holiday.jpg"),
        ('a<b>c:d"e|f?g*h.png', "a_b_c_d_e_f_g_h.png"),
        ("../up\\and/down.png", "_up_and_down.png"),
        ("ends in dots. .", "ends in dots"),
        ("con.png", "_con.png"),
        ("LPT1", "_LPT1"),
        ("Com¹.jpeg", "_Com¹.jpeg"),
        ("console.png", "console.png"),
        ("...", "image"),
        ("tab\there", "tab_here"),
    ],
)
def test_every_system_can_unpack_the_name(name: str, written: str) -> None:
    assert entry_name(name) == written


def test_no_table_that_names_a_person_is_forgotten(alice: User) -> None:
    # Staff's own doing for the installation, which is told as acts; and rights, which are no rows.
    for_staff = {
        "detection.Dataset.created_by",
        "detection.Item.added_by", "detection.TrainingRun.requested_by",
        "detection.Snapshot.created_by", "detection.DatasetImport.requested_by",
        "detection.RetrainingSchedule.changed_by", "detection.RunNotice.user",
        "detection.StepMeasurement.requested_by",
    }  # fmt: skip
    named = {name for name in relations(alice) if not name.startswith("portal.User_")}
    assert named - set(TOLD) - set(ELSEWHERE) - for_staff == set()
    assert set(TOLD) <= named


class TestRoad:
    """From asking to the end."""

    def test_its_owner_is_told_and_it_ends_by_itself(
        self, alice: User, committed: Committed, settings: Settings
    ) -> None:
        settings.DATA_EXPORT_DAYS = 2
        work.queued(alice)
        export = made(alice)
        assert export.state == Work.FINISHED
        assert export.byte_size == default_storage.size(str(export.file.name))
        (message,) = mail.outbox
        assert message.to == [alice.email]
        assert "kept for 2 days" in message.body
        with committed():
            assert data_exports.exports_sweep(now=timezone.now() + timedelta(days=1.9)) == 0
            assert data_exports.exports_sweep(now=timezone.now() + timedelta(days=2.1)) == 1
        assert not default_storage.exists(str(export.file.name))

    def test_delivered_twice_it_is_made_once(self, alice: User) -> None:
        export = made(alice)
        assert not data_exports.export_run(export_id=export.pk, worker="another")
        assert len(mail.outbox) == 1

    def test_one_at_a_time_and_few_a_day(self, alice: User) -> None:
        data_exports.export_request(owner=alice)
        with pytest.raises(data_exports.ExportRefused) as active:
            data_exports.export_request(owner=alice)
        assert active.value.code == "export_under_way"
        for _ in range(2):
            DataExport.objects.update(state=Work.CANCELLED)
            data_exports.export_request(owner=alice)
        DataExport.objects.update(state=Work.CANCELLED)
        with pytest.raises(data_exports.ExportRefused) as many:
            data_exports.export_request(owner=alice)
        assert many.value.code == "too_many_exports"

    def test_the_newest_takes_the_place_of_the_one_before(
        self, alice: User, committed: Committed
    ) -> None:
        first = made(alice)
        with committed():
            second = made(alice)
        assert not default_storage.exists(str(first.file.name))
        assert default_storage.exists(str(second.file.name))

    def test_stopped_meanwhile_it_leaves_no_file(
        self, alice: User, committed: Committed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        work.queued(alice)
        before = work.media_files()
        export = data_exports.export_request(owner=alice)
        write = contents.everything_write

        def stopped(*args: Any, **options: Any) -> None:
            with committed():
                data_exports.export_delete(export=export)
            write(*args, **options)

        monkeypatch.setattr(making, "everything_write", stopped)
        assert not data_exports.export_run(export_id=export.pk, worker="tester")
        assert work.media_files() == before
        assert not mail.outbox

    def test_a_lost_worker_is_replaced_and_given_up_at_last(
        self, alice: User, settings: Settings
    ) -> None:
        settings.ANALYSIS_MAX_ATTEMPTS = 2
        export = data_exports.export_request(owner=alice)
        held = {"state": Work.RUNNING, "worker": "gone", "started_at": timezone.now()}
        DataExport.objects.filter(pk=export.pk).update(**held, attempts=1)
        later = timezone.now() + timedelta(minutes=4)
        data_exports.exports_sweep(now=later)
        export.refresh_from_db()
        assert export.state == Work.QUEUED
        DataExport.objects.filter(pk=export.pk).update(**held, attempts=2)
        data_exports.worker_started(worker="gone")
        export.refresh_from_db()
        assert (export.state, export.error_code) == (Work.FAILED, "worker_lost")

    def test_a_full_disk_is_told(self, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(making, "AIR_BYTES", 1 << 62)
        export = data_exports.export_request(owner=alice)
        make_data_export.apply(args=[export.pk])
        export.refresh_from_db()
        assert (export.state, export.error_code) == (Work.FAILED, "no_room")

    def test_what_breaks_ends_with_a_reference(
        self, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(making, "everything_write", broken)
        export = data_exports.export_request(owner=alice)
        make_data_export.apply(args=[export.pk])
        export.refresh_from_db()
        assert (export.state, export.error_code) == (Work.FAILED, "internal")
        assert not list((site.MEDIA_ROOT / "data-exports").rglob("*.zip"))


class TestPage:
    """As its owner sees it."""

    def test_size_is_told_before_and_the_zip_downloaded(self, alice: User) -> None:
        work.queued(alice, images.plain(work.RED))
        client = Client()
        client.post("/accounts/login/", {"login": alice.email, "password": people.PASSWORD})
        page = client.get("/account/data/").content.decode()
        assert '<dd data-testid="extent">1</dd>' in page
        assert client.post("/account/data/ask/").status_code == 302
        export = DataExport.objects.get()
        assert 'data-state="queued"' in client.get("/account/data/").content.decode()
        make_data_export.apply(args=[export.pk])
        answer = client.get(f"/account/data/{export.public_id}/")
        assert answer["Content-Type"] == "application/zip"
        assert "attachment" in answer["Content-Disposition"]
        assert zipfile.is_zipfile(io.BytesIO(answer.getvalue()))

    def test_whoever_only_has_the_session_is_asked_for_the_password(
        self, alice: User, as_alice: Client
    ) -> None:
        export = made(alice)
        for answer in (
            as_alice.post("/account/data/ask/"),
            as_alice.get(f"/account/data/{export.public_id}/"),
        ):
            assert answer["Location"].startswith("/accounts/reauthenticate/")

    def test_nobody_else_gets_at_it(self, alice: User, charlie: User, committed: Committed) -> None:
        export = made(alice)
        client = Client()
        client.post("/accounts/login/", {"login": charlie.email, "password": people.PASSWORD})
        assert client.get(f"/account/data/{export.public_id}/").status_code == 404
        assert client.post(f"/account/data/{export.public_id}/delete/").status_code == 404
        assert default_storage.exists(str(export.file.name))
