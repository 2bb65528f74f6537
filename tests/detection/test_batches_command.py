"""`classify --queue` hands files in as a batch and tells what the workers say."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from detection.models import Batch, ModelVersion
from detection.services.batches import BatchRefused, batch_unpack
from portal.models import User
from tests import batches, images
from tests.batches import HERE

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A red and a blue image, the red one once more below, and a damaged one."""
    root = tmp_path / "photos"
    (root / "sub").mkdir(parents=True)
    (root / "a.png").write_bytes(images.plain("red"))
    (root / "b.png").write_bytes(images.plain("blue"))
    (root / "broken.png").write_bytes(b"no image")
    (root / "sub" / "a.png").write_bytes(images.plain("red"))
    return root


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the command waits, the workers do what they do."""

    def work(seconds: float) -> None:
        batch = Batch.objects.get()
        batch_unpack(batch_id=batch.pk, worker=HERE)
        # No sweep comes by: the command notes the end.
        batches.judge(batch)

    monkeypatch.setattr("detection.management.queued.time.sleep", work)


def classify(*arguments: object) -> tuple[str, str, int]:
    """Run the command; what it printed, what it told, and its exit status."""
    out, err = StringIO(), StringIO()
    try:
        call_command("classify", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as end:
        return out.getvalue(), err.getvalue(), int(str(end.code))
    return out.getvalue(), err.getvalue(), 0


def test_it_prints_what_it_would_have_printed_itself(
    alice: User, model: ModelVersion, folder: Path, workers: None
) -> None:
    here = classify(folder)
    there = classify("--queue", folder, "--user", alice.email)
    assert (there[0], there[2]) == (here[0], here[2])
    assert "broken.png: " in there[0]
    batch = Batch.objects.get()
    assert (batch.submission.owner, batch.submission.source) == (alice, "command")
    assert f"/batches/{batch.public_id}/" in there[1]
    assert "3 of 3 images judged, 1 not accepted" in there[1]


def test_the_objects_are_the_same_too(
    alice: User, model: ModelVersion, folder: Path, workers: None
) -> None:
    def objects(printed: str) -> list[dict[str, Any]]:
        """Without the time, which differs."""
        lines = [json.loads(line) for line in printed.splitlines()]
        for line in lines:
            assert ("milliseconds" in line) is ("error" not in line)
            line.pop("milliseconds", None)
        return lines

    here = objects(classify("--json", folder)[0])
    there = objects(classify("--json", "--queue", folder, "--user", alice.email)[0])
    assert there == here


def test_ctrl_c_leaves_the_batch_going(
    alice: User, model: ModelVersion, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("detection.management.queued.time.sleep", pressed)
    out, err, status = classify("--queue", folder, "--user", alice.email)
    batch = Batch.objects.get()
    assert (out, status, batch.state) == ("", 130, "unpacking")
    assert f"goes on without this command: /batches/{batch.public_id}/" in err


def test_a_file_that_cannot_be_read_is_told_beside_the_others(
    alice: User, model: ModelVersion, folder: Path, workers: None
) -> None:
    out, _, status = classify(
        "--queue", folder / "gone.png", folder / "a.png", "--user", alice.email
    )
    first, second = out.splitlines()
    assert first.endswith("[unreadable_file]")
    assert "Likely AI-generated" in second
    assert status == 1


def test_a_zip_is_handed_in_as_it_is(
    alice: User, model: ModelVersion, tmp_path: Path, workers: None
) -> None:
    zipped = tmp_path / "trip.zip"
    files = {"a/1.png": images.plain("red"), "b/1.png": images.plain("blue"), "n.txt": b"none"}
    zipped.write_bytes(batches.packed(files))
    out, err, status = classify("--queue", zipped, "--user", alice.email)
    assert [line.partition(": ")[0] for line in out.splitlines()] == [
        f"{zipped}/{name}" for name in files
    ]
    assert (Batch.objects.get().name, status) == ("trip.zip", 1)
    assert "2 of 2 images judged, 1 not accepted" in err


@pytest.mark.parametrize("kind", [BatchRefused("no", "Not now."), KeyboardInterrupt()])
def test_nothing_stays_of_what_was_not_handed_in(
    alice: User,
    model: ModelVersion,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: BaseException,
) -> None:
    def broken(**piece: Any) -> Batch:
        raise kind

    monkeypatch.setattr("detection.management.queued.batch_receive", broken)
    arguments = ("--queue", folder, "--user", alice.email)
    if isinstance(kind, KeyboardInterrupt):
        _, err, status = classify(*arguments)
        assert (err.strip(), status) == ("Stopped before all was handed in: nothing was kept.", 130)
    else:
        with pytest.raises(CommandError, match="Not now"):
            classify(*arguments)
    assert not Batch.objects.visible_to(alice).exists()


def test_the_address_is_whole_where_it_is_known(
    alice: User, model: ModelVersion, folder: Path, workers: None, settings: Settings
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://veripix.example.org"]
    _, err, _ = classify("--queue", folder, "--user", alice.email)
    assert f"https://veripix.example.org/batches/{Batch.objects.get().public_id}/" in err


def too_few(settings: Settings) -> None:
    settings.BATCH_MAX_FILES = 2


def too_small(settings: Settings) -> None:
    settings.BATCH_MAX_UPLOAD_BYTES = 100


@pytest.mark.parametrize(
    ("arguments", "limit", "said"),
    [
        (["--user", "nobody@example.org"], None, "no account"),
        ([], None, "say --user EMAIL"),
        (["--user", "alice@example.org", "--model", "colours:1"], None, "leave --model out"),
        (["--user", "alice@example.org"], too_few, "At most 2 files"),
        (["--user", "alice@example.org"], too_small, "upload_too_large"),
    ],
)
def test_what_cannot_be_handed_in_says_why(
    alice: User,
    folder: Path,
    settings: Settings,
    arguments: list[str],
    limit: Callable[[Settings], None] | None,
    said: str,
) -> None:
    if limit:
        limit(settings)
    with pytest.raises(CommandError, match=said):
        call_command("classify", "--queue", str(folder), *arguments)
    assert not Batch.objects.exists()
