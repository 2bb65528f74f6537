"""What machines share through a bucket, model versions and the trust list, is not believed."""

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from pytest_django import Settings

from detection.ml_gateway import GatewayError
from detection.models import Leftover, ModelVersion, State, SubmittedImage
from detection.services import shared_trust
from detection.services.analysis import analysis_run
from detection.services.registry import version_promote, version_register
from detection.services.shared_models import shared_name, versions_publish
from detection.services.signatures import version_is_at_hand, version_verify
from detection.services.storage import StorageUnavailable, local_file, storage_check
from portal.environment import Environment
from portal.models import User
from portal.storage_address import object_address
from tests import work
from tests.fixtures import *  # noqa: F403 - pytest finds fixtures by name
from tests.servers import S3

pytestmark = [pytest.mark.services, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def bucket(settings: Settings, s3: S3) -> str:
    """Files lie in an empty bucket."""
    name = s3.new_bucket()
    found = object_address(Environment({"STORAGE_URL": s3.url(name)}), "STORAGE_URL")
    assert found
    options = found.options(public="", seconds=60)
    remote = {"BACKEND": "portal.object_storage.ObjectStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "default": remote}
    settings.IS_STORAGE_REMOTE = True
    return name


@pytest.fixture
def another_machine(settings: Settings, tmp_path: Path) -> Callable[[], Path]:
    """Go on as a machine with empty folders."""
    count = iter(range(100))

    def act() -> Path:
        folder = tmp_path / f"machine-{next(count)}"
        settings.MODELS_ROOT = folder / "models"
        settings.C2PA_TRUST_LIST = folder / "trust" / "list.pem"
        return folder

    return act


@pytest.fixture
def version(model_folder: Path, another_machine: Callable[[], Path]) -> ModelVersion:
    """Registered on one machine; the test goes on on another one."""
    another_machine()
    version, _ = version_register(directory=model_folder)
    another_machine()
    return version


@contextmanager
def denied(s3: S3, bucket: str, action: str, folder: str) -> Iterator[None]:
    """Let the bucket deny everybody one thing, in one folder."""
    rule = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": f"s3:{action}",
        "Resource": f"arn:aws:s3:::{bucket}/{folder}/*",
    }
    s3.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [rule]}))
    try:
        yield
    finally:
        s3.client().delete_bucket_policy(Bucket=bucket)


def overwritten(name: str, content: bytes) -> None:
    assert default_storage.save(name, ContentFile(content)) == name


def test_a_version_is_fetched_where_it_is_first_needed(
    version: ModelVersion, caplog: pytest.LogCaptureFixture
) -> None:
    assert not version.directory.exists()
    assert version.byte_size == 0
    with caplog.at_level(logging.INFO, "detection"):
        version_promote(version=version, reason="For the tests.")
        version_verify(version=version)
    assert version.byte_size > 0
    assert [record.message for record in caplog.records].count(
        f"{version.label}: fetched from the storage"
    ) == 1


def test_files_that_were_damaged_here_are_fetched_anew(version: ModelVersion) -> None:
    version_verify(version=version)
    weights = version.directory / version.spec["weights_file"]
    content = weights.read_bytes()
    weights.write_bytes(content[:-1])
    version_verify(version=version)
    assert weights.read_bytes() == content


def test_what_the_bucket_holds_is_not_taken_on_trust(
    version: ModelVersion, other_model: Callable[[Path], None], tmp_path: Path
) -> None:
    name = shared_name(version)
    with default_storage.open(name) as file:
        good: bytes = file.read()
    overwritten(name, b"no archive")
    assert not version_is_at_hand(version=version)
    overwritten(name, good[: len(good) // 2])
    assert not version_is_at_hand(version=version)
    other_model(tmp_path / "other")
    other, _ = version_register(directory=tmp_path / "other")
    with default_storage.open(shared_name(other)) as file:
        overwritten(name, file.read())
    with pytest.raises(GatewayError) as caught:
        version_verify(version=version)
    assert caught.value.code == "wrong_model"
    assert not version.directory.exists()
    overwritten(name, good)
    version_verify(version=version)


def test_one_that_is_nowhere_is_told_as_before(version: ModelVersion) -> None:
    default_storage.delete(shared_name(version))
    with pytest.raises(GatewayError) as caught:
        version_verify(version=version)
    assert caught.value.code.startswith("missing")


def test_versions_of_before_there_was_a_bucket_are_put_there(
    version: ModelVersion, s3: S3, bucket: str
) -> None:
    version_verify(version=version)
    assert versions_publish() == 0
    default_storage.delete(shared_name(version))
    assert versions_publish() == 1
    assert s3.names(bucket) == {shared_name(version)}


def test_the_trust_list_of_one_machine_reaches_the_others(
    another_machine: Callable[[], Path], settings: Settings
) -> None:
    def written(text: bytes) -> None:
        settings.C2PA_TRUST_LIST.parent.mkdir(parents=True, exist_ok=True)
        settings.C2PA_TRUST_LIST.write_bytes(text)
        assert shared_trust.trust_list_publish()

    another_machine()
    written(b"the first list\nof two lines")
    another_machine()
    assert shared_trust.trust_list_here().read_bytes() == b"the first list\nof two lines"
    overwritten(shared_trust.NAME, b"0" * 64 + b"\na list by somebody else")
    another_machine()
    assert not shared_trust.trust_list_here().exists()


def test_a_machine_looks_for_a_new_trust_list_now_and_then(
    another_machine: Callable[[], Path], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    another_machine()
    path = shared_trust.trust_list_here()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a newer list")
    shared_trust.trust_list_publish()
    path.unlink()
    assert not shared_trust.trust_list_here().exists()
    monkeypatch.setattr(shared_trust, "LOOK_SECONDS", 0.0)
    assert shared_trust.trust_list_here().read_bytes() == b"a newer list"


def test_of_an_upload_that_is_stored_in_part_nothing_is_left(
    alice: User, s3: S3, bucket: str
) -> None:
    with denied(s3, bucket, "PutObject", "previews"), pytest.raises(StorageUnavailable):
        work.hand_in(alice)
    assert s3.names(bucket) == set()
    assert not SubmittedImage.objects.exists()
    assert not Leftover.objects.exists()
    work.hand_in(alice)
    assert {name.partition("/")[0] for name in s3.names(bucket)} == {"originals", "previews"}


@pytest.mark.parametrize(("action", "folder"), [("GetObject", "models"), ("PutObject", "heatmaps")])
def test_an_analysis_waits_where_a_part_is_denied(
    alice: User, version: ModelVersion, s3: S3, bucket: str, action: str, folder: str
) -> None:
    version_promote(version=version, reason="For the tests.")
    if folder == "models":
        shutil.rmtree(version.directory)
    analysis = work.queued(alice)
    before = s3.names(bucket)
    with denied(s3, bucket, action, folder):
        assert not analysis_run(analysis_id=analysis.pk, worker="tester")
    analysis.refresh_from_db()
    assert (analysis.state, analysis.attempts) == (State.QUEUED, 0)
    assert s3.names(bucket) == before
    assert analysis_run(analysis_id=analysis.pk, worker="tester")
    analysis.refresh_from_db()
    assert analysis.state == State.FINISHED
    assert analysis.heatmap.name in s3.names(bucket)


def test_an_upload_is_read_from_a_copy_on_this_machine() -> None:
    content = bytes(range(256)) * 50_000
    name = default_storage.save("imports/a.zip", ContentFile(content))
    with local_file(name) as path:
        assert path.suffix == ".zip"
        assert path.read_bytes() == content
    assert not path.exists()
    with pytest.raises(FileNotFoundError), local_file("imports/none.zip"):
        pass


def test_the_storage_can_be_asked(settings: Settings) -> None:
    storage_check()
    options: dict[str, Any] = settings.STORAGES["default"]["OPTIONS"]
    gone = {**settings.STORAGES["default"], "OPTIONS": {**options, "bucket_name": "not-there"}}
    settings.STORAGES = {**settings.STORAGES, "default": gone}
    with pytest.raises(OSError, match="no such bucket"):
        storage_check()
