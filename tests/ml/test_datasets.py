"""Labelled images in folders and zips: classes, copies, damage and limits."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from ml import datasets
from ml.contract import CLASS_ORDER, Preprocessing
from ml.datasets import DatasetError, LabelledImages, content_sha256, load
from tests.ml.conftest import FORM, blob

FOUR = {
    "a/REAL/1.jpg": blob(0, 1),
    "a/REAL/2.jpg": blob(0, 2),
    "a/FAKE/1.jpg": blob(1, 1),
    "a/FAKE/2.jpg": blob(1, 2),
}


def folder(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def refused(path: Path) -> DatasetError:
    with pytest.raises(DatasetError, match="Received: ") as caught:
        load(path, FORM)
    return caught.value


def test_fake_is_one_although_it_sorts_first(tmp_path: Path) -> None:
    images = load(folder(tmp_path, FOUR), FORM)
    assert dict(zip(images.names, images.labels.tolist(), strict=True)) == {
        "a/FAKE/1.jpg": 1,
        "a/FAKE/2.jpg": 1,
        "a/REAL/1.jpg": 0,
        "a/REAL/2.jpg": 0,
    }


def test_folder_and_zip_give_the_same(tmp_path: Path) -> None:
    from_folder = load(folder(tmp_path / "data", FOUR), FORM)
    from_zip = load(zipped(tmp_path / "data.zip", FOUR), FORM)
    np.testing.assert_array_equal(from_folder.pixels, from_zip.pixels)
    assert from_folder.hashes == from_zip.hashes
    assert tuple(datasets.hashes(tmp_path / "data.zip")) == from_zip.hashes


def test_class_folders_may_lie_at_any_depth_in_any_case(tmp_path: Path) -> None:
    files = {"x/Real/deep/er/1.JPG": blob(0, 1), "fake/1.jpeg": blob(1, 1), "loose.jpg": b"?"}
    images = load(folder(tmp_path, files), FORM)
    assert images.names == ("fake/1.jpeg", "x/Real/deep/er/1.JPG")
    assert images.labels.tolist() == [1, 0]


def test_what_is_no_image_by_name_is_passed_over(tmp_path: Path) -> None:
    noise = {"a/REAL/Thumbs.db": b"?", "__MACOSX/a/REAL/._1.jpg": b"?"}
    assert len(load(zipped(tmp_path / "data.zip", {**FOUR, **noise}), FORM)) == 4


@pytest.mark.parametrize(
    ("files", "code", "words"),
    [
        ({}, "no_class_folders", "Received: 1 file(s) in ."),
        ({"a/1.jpg": blob(0, 1)}, "no_class_folders", "REAL/ and FAKE/"),
        ({"a/REAL/1.jpg": blob(0, 1)}, "one_class_only", "folder named FAKE/"),
        ({"a/FAKE/1.jpg": blob(1, 1)}, "one_class_only", "folder named REAL/"),
    ],
)
def test_data_without_both_classes_are_refused(
    tmp_path: Path, files: dict[str, bytes], code: str, words: str
) -> None:
    error = refused(folder(tmp_path / "data", {"readme.txt": b"hello", **files}))
    assert error.code == code
    assert words in error.sentence


def test_missing_data_and_a_broken_archive_are_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.zip").code == "missing_data"
    (tmp_path / "broken.zip").write_bytes(b"PK but not really")
    assert refused(tmp_path / "broken.zip").code == "not_an_archive"


def test_a_few_unreadable_images_are_listed_and_skipped(tmp_path: Path) -> None:
    files = {f"REAL/{seed}.jpg": blob(0, seed) for seed in range(60)}
    files |= {f"FAKE/{seed}.jpg": blob(1, seed) for seed in range(60)}
    files["REAL/7.jpg"] = b"broken"
    images = load(folder(tmp_path, files), FORM)
    assert len(images) == 119
    assert len(images.pixels) == len(images.hashes) == 119
    assert [line.split(":")[0] for line in images.unreadable] == ["REAL/7.jpg"]


def test_too_many_unreadable_images_are_an_error(tmp_path: Path) -> None:
    error = refused(folder(tmp_path, {**FOUR, "REAL/3.jpg": b"broken"}))
    assert error.code == "too_many_unreadable"
    assert "Received: 1 that cannot be read, the first of them REAL/3.jpg" in error.sentence


def test_a_zip_member_is_read_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.sources.MAX_FILE_BYTES", 2_000)
    files = {**FOUR, "a/REAL/bomb.jpg": b"\0" * 1_000_000}
    assert (
        "bomb.jpg has more than 2000 bytes" in refused(zipped(tmp_path / "d.zip", files)).sentence
    )
    assert "bomb.jpg has more than 2000 bytes" in refused(folder(tmp_path / "d", files)).sentence


def test_a_damaged_zip_member_is_told(tmp_path: Path) -> None:
    path = zipped(tmp_path / "data.zip", {**FOUR, "a/REAL/3.jpg": bytes(range(256)) * 40})
    content = path.read_bytes()
    start = content.index(b"a/REAL/3.jpg") + len(b"a/REAL/3.jpg")
    path.write_bytes(content[:start] + b"\xff" * 60 + content[start + 60 :])
    error = refused(path)
    assert error.code == "too_many_unreadable"
    assert "a/REAL/3.jpg cannot be unpacked" in error.sentence


def test_a_limit_takes_from_both_classes_and_holds_what_a_smaller_one_does(archive: Path) -> None:
    images, fewer = load(archive, FORM, limit=20), load(archive, FORM, limit=10)
    assert np.bincount(images.labels).tolist() == [10, 10]
    assert np.bincount(fewer.labels).tolist() == [5, 5]
    assert set(fewer.names) < set(images.names)


def test_a_limit_keeps_the_mixture_of_numbered_files(tmp_path: Path) -> None:
    """Files that are named by ten subjects in turn, as CIFAKE's are, give all ten subjects."""
    numbers = [f"{group:04} ({subject})" for group in range(30) for subject in range(1, 11)]
    files = {
        f"{label}/{name}.jpg": FOUR["a/REAL/1.jpg"] for label in CLASS_ORDER for name in numbers
    }
    names = load(folder(tmp_path, files), FORM, limit=60).names
    for label in CLASS_ORDER:
        subjects = {name.split("(")[1] for name in names if name.startswith(label)}
        assert len(subjects) >= 8


def test_progress_is_told_to_the_end(archive: Path) -> None:
    told: list[tuple[int, int]] = []
    load(archive, FORM, progress=lambda done, count: told.append((done, count)))
    assert told[-1] == (200, 200)


def test_images_are_prepared_as_the_network_takes_them(archive: Path) -> None:
    assert load(archive, Preprocessing(16, 12), limit=4).pixels.shape == (4, 12, 16, 3)


def test_the_hash_of_a_set_ignores_order_but_not_content() -> None:
    assert content_sha256(["b", "a"]) == content_sha256(["a", "b"])
    assert content_sha256(["a", "b"]) != content_sha256(["a", "c"])


def test_taking_keeps_what_belongs_together(images: LabelledImages) -> None:
    taken = images.take(np.array([150, 3]))
    assert taken.names == (images.names[150], images.names[3])
    assert taken.hashes == (images.hashes[150], images.hashes[3])
    np.testing.assert_array_equal(taken.pixels[1], images.pixels[3])
