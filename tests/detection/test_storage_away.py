"""An object storage that is away: nothing is half kept, nothing is lost, and everybody is told."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from pytest_django import Settings

from detection.models import Analysis, Leftover, Refusal, State, SubmittedImage
from detection.services.analysis import analysis_run
from detection.services.forensic_views import views_request, views_run
from detection.services.intake import images_delete
from detection.services.storage import (
    StorageUnavailable,
    files_delete,
    leftovers_delete,
    local_file,
    storage_check,
)
from detection.services.sweeper import sweep
from portal.models import User
from portal.storage_address import ObjectAddress
from tests import images, work

Committed = Callable[[], AbstractContextManager[Any]]
# Nobody listens there, so every request is refused at once.
NOBODY = ObjectAddress("http://127.0.0.1:1", "veripix", "key", "half", "us-east-1", True, "")

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(settings: Settings) -> dict[str, Any]:
    """The storage as it is while all is well."""
    Path(settings.MEDIA_ROOT).mkdir()
    return dict(settings.STORAGES)


@pytest.fixture
def go_away(settings: Settings, folder: dict[str, Any]) -> Callable[[], None]:
    """Let the storage be one that nobody reaches."""

    def act() -> None:
        settings.IS_STORAGE_REMOTE = True
        options = NOBODY.options(public="", seconds=60)
        away = {"BACKEND": "portal.object_storage.ObjectStorage", "OPTIONS": options}
        settings.STORAGES = {**folder, "default": away}

    return act


@pytest.fixture
def come_back(settings: Settings, folder: dict[str, Any]) -> Callable[[], None]:
    """Let the storage be what it was."""

    def act() -> None:
        settings.IS_STORAGE_REMOTE = False
        settings.STORAGES = folder

    return act


def test_an_upload_is_answered_with_503_and_nothing_is_kept(
    as_alice: Client, go_away: Callable[[], None]
) -> None:
    go_away()
    opened = as_alice.post("/submit/open/").json()
    answer = as_alice.post(
        opened["upload_url"],
        {"image": work.upload(images.plain("red"))},
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "storage_unavailable"
    assert answer["Retry-After"] == "30"
    assert not SubmittedImage.objects.exists()
    assert not Analysis.objects.exists()
    assert not Refusal.objects.exists()


def test_the_plain_form_gets_a_page(as_alice: Client, go_away: Callable[[], None]) -> None:
    go_away()
    answer = as_alice.post("/submit/", {"images": work.upload(images.plain("red"))})
    assert answer.status_code == 503
    assert "out of reach" in answer.text
    assert "127.0.0.1" not in answer.text
    assert not SubmittedImage.objects.exists()


def test_pictures_are_missing_and_pages_are_there(
    as_alice: Client, alice: User, go_away: Callable[[], None]
) -> None:
    analysis = work.ended(work.queued(alice))
    go_away()
    assert as_alice.get(f"/analyses/{analysis.public_id}/").status_code == 200
    picture = as_alice.get(
        f"/images/{analysis.image.public_id}/preview/", headers={"Sec-Fetch-Dest": "image"}
    )
    assert (picture.status_code, picture["Content-Type"]) == (503, "text/plain")
    assert "immutable" not in picture.get("Cache-Control", "")


def test_an_analysis_waits_until_the_storage_is_back(
    alice: User,
    model: object,
    go_away: Callable[[], None],
    come_back: Callable[[], None],
) -> None:
    analysis = work.queued(alice)
    go_away()
    for _ in range(5):
        assert not analysis_run(analysis_id=analysis.pk, worker="tester")
    analysis.refresh_from_db()
    assert (analysis.state, analysis.error_code) == (State.QUEUED, "")
    come_back()
    assert analysis_run(analysis_id=analysis.pk, worker="tester")
    analysis.refresh_from_db()
    assert analysis.state == State.FINISHED


def test_views_say_so_and_can_be_asked_for_again(
    alice: User, go_away: Callable[[], None], come_back: Callable[[], None]
) -> None:
    image = work.queued(alice, images.image_file("JPEG", (200, 200))).image
    views_request(image=image)
    go_away()
    views_run(views_id=image.views.pk)
    image.views.refresh_from_db()
    assert (image.views.state, image.views.error_code) == (State.FAILED, "storage_unavailable")
    assert image.views.can_ask_again
    come_back()
    views_request(image=image)
    assert views_run(views_id=image.views.pk)


def test_what_cannot_be_deleted_is_deleted_by_the_sweep_once_the_storage_is_back(
    alice: User,
    committed: Committed,
    go_away: Callable[[], None],
    come_back: Callable[[], None],
) -> None:
    image = work.queued(alice).image
    stored = {name for name in image.stored_names if name}
    go_away()
    with committed():
        images_delete(images=[image])
    assert not SubmittedImage.objects.exists()
    assert set(Leftover.objects.values_list("name", flat=True)) == stored
    sweep()
    assert Leftover.objects.count() == len(stored)
    come_back()
    assert work.media_files()
    sweep()
    assert not work.media_files()
    assert not Leftover.objects.exists()


def test_a_file_that_is_noted_twice_is_deleted_once(
    go_away: Callable[[], None], come_back: Callable[[], None]
) -> None:
    name = default_storage.save("items/a.bin", ContentFile(b"a"))
    go_away()
    files_delete([name])
    files_delete([name, ""])
    come_back()
    assert leftovers_delete() == 1
    assert leftovers_delete() == 0
    assert not work.media_files()


def test_the_check_tells_it_and_the_secret_of_the_storage_is_not_told(
    go_away: Callable[[], None],
) -> None:
    storage_check()
    go_away()
    with pytest.raises(StorageUnavailable) as caught:
        storage_check()
    assert "127.0.0.1" not in caught.value.sentence
    assert NOBODY.secret not in str(caught.value)


def test_a_folder_that_is_gone_is_told_by_the_check(
    folder: dict[str, Any], settings: Settings
) -> None:
    Path(settings.MEDIA_ROOT).rmdir()
    with pytest.raises(StorageUnavailable):
        storage_check()


def test_a_stored_file_is_its_own_local_file(folder: dict[str, Any]) -> None:
    name = default_storage.save("imports/a.bin", ContentFile(b"archive"))
    with local_file(name) as path:
        assert path.read_bytes() == b"archive"
    assert path.is_file()
