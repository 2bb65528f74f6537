"""The doctor finds rows without files, files without rows, and files that are damaged."""

import datetime as dt
import os
import time
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import models

from detection.models import Leftover, ModelVersion, SubmittedImage
from detection.services.doctor.files import (
    files_compare,
    files_without_row,
    rows_without_file,
)
from detection.services.doctor.stored import file_columns, stored_files
from portal.models import User
from tests import images, work

HOUR = 3600
AT_ONCE = dt.timedelta(0)


def stored(name: str, content: bytes = b"nobody names me", *, age_seconds: float = 2 * HOUR) -> str:
    """Store a file that no row names, so long ago."""
    default_storage.save(name, ContentFile(content))
    aged(name, age_seconds)
    return name


def aged(name: str, seconds: float) -> None:
    """Let a file be so old."""
    then = time.time() - seconds
    os.utime(Path(settings.MEDIA_ROOT) / name, (then, then))


def only_image() -> SubmittedImage:
    return SubmittedImage.objects.get()


def test_a_healthy_installation_has_neither(alice: User, model: ModelVersion) -> None:
    analysis = work.analysed(alice)
    assert analysis.heatmap
    assert rows_without_file() == []
    assert files_without_row(grace=AT_ONCE) == []
    compared = files_compare()
    with compared.ledger:
        assert list(compared.damaged(deep=True)) == []
        assert list(compared.ledger.hashed()) != []


@pytest.mark.parametrize("field", ["original", "preview", "thumbnail"])
def test_a_row_whose_file_is_gone_is_found(alice: User, field: str) -> None:
    work.queued(alice, images.plain("red", (300, 300)))
    name = getattr(only_image(), field).name
    default_storage.delete(name)
    (named,) = rows_without_file()
    assert (named.name, named.pk) == (name, only_image().pk)
    assert named.subject == f"SubmittedImage.{field} of row {only_image().pk}"


def test_a_file_that_no_row_names_is_found_once_it_is_old(alice: User) -> None:
    work.queued(alice)
    old = stored("originals/ab/abc.bin")
    young = stored("previews/ab/abd.webp", age_seconds=HOUR / 2)
    assert files_without_row() == [old]
    assert files_without_row(grace=AT_ONCE) == [old, young]


def test_a_file_gets_its_row_while_the_doctor_looks(alice: User) -> None:
    work.queued(alice)
    name = stored("previews/ab/abd.webp")
    compared = files_compare()
    with compared.ledger:
        SubmittedImage.objects.update(thumbnail=name)
        assert list(compared.unnamed()) == []


def test_a_row_goes_while_the_doctor_looks(alice: User) -> None:
    work.queued(alice)
    default_storage.delete(str(only_image().preview.name))
    compared = files_compare()
    with compared.ledger:
        SubmittedImage.objects.all().delete()
        assert list(compared.missing()) == []


def test_what_is_noted_to_be_deleted_is_no_file_without_a_row(db: None) -> None:
    Leftover.objects.create(name=stored("originals/ab/abc.bin"))
    assert files_without_row() == []


def test_an_image_whose_files_were_forgotten_on_purpose_misses_none(alice: User) -> None:
    work.queued(alice)
    for name in only_image().stored_names:
        default_storage.delete(name)
    SubmittedImage.objects.update(original="", preview="", thumbnail="")
    assert rows_without_file() == []


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "it is empty"), (b"short", "it has 5 bytes where"), (None, "another one")],
)
def test_a_damaged_original_is_found(alice: User, content: bytes | None, says: str) -> None:
    right = images.plain("red")
    work.queued(alice, right)
    name = str(only_image().original.name)
    path = Path(settings.MEDIA_ROOT) / name
    path.write_bytes(bytes([right[0] ^ 1]) + right[1:] if content is None else content)
    compared = files_compare()
    with compared.ledger:
        found = [(named.name, why) for named, why in compared.damaged(deep=content is None)]
    assert [file for file, _ in found] == [name]
    assert says in found[0][1]


def test_every_column_of_files_is_looked_at() -> None:
    columns = {(column.model, column.field) for column in file_columns()}
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            assert isinstance(field, models.FileField) == ((model, field.name) in columns)
    sized = {column.label: (column.size, column.sha256) for column in file_columns() if column.size}
    assert sized == {
        "SubmittedImage.original": ("byte_size", "sha256"),
        "Item.file": ("byte_size", "sha256"),
        "BatchPiece.file": ("size", ""),
        "DataExport.file": ("byte_size", ""),
    }


def test_a_prefix_bounds_what_is_listed(db: None) -> None:
    stored("originals/ab/abc.bin")
    stored("previews/ab/abd.webp")
    assert [one.name for one in stored_files("previews")] == ["previews/ab/abd.webp"]
    assert [one.name for one in stored_files("nowhere")] == []
