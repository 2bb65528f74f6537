"""Faces are found where they are, cut out for training as for serving, and nowhere else."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.contract import FaceBox
from ml.datasets import DatasetError
from ml.facedata import FORM, cut_faces
from ml.faces import LEAST_SIDE, MOST_FACES, cut, find_faces, may_hold_face
from ml.preprocessing import prepare_upright
from tests.images import encoded, picture
from tests.portraits import as_file, beside_each_other, portraits


def middle(box: FaceBox) -> tuple[float, float]:
    return box.left + box.width / 2, box.top + box.height / 2


@pytest.mark.parametrize("label", ["REAL", "FAKE"])
def test_a_portrait_has_one_face_in_its_middle(label: str) -> None:
    for image in portraits(3, label):
        (box,) = find_faces(image)
        assert box.width == box.height
        assert 180 <= box.width <= 320
        assert middle(box) == pytest.approx((160, 160), abs=45)
        assert 0 <= box.left <= 320 - box.width
        assert 0 <= box.top <= 320 - box.height
        assert 0.9 <= box.confidence <= 1


def test_faces_come_from_left_to_right() -> None:
    first, second, third = find_faces(beside_each_other(portraits(3), columns=3))
    assert [round(middle(box)[0] / 320 - 0.5) for box in (first, second, third)] == [0, 1, 2]


def test_of_a_crowd_the_surest_are_kept() -> None:
    crowd = beside_each_other(portraits(16), columns=4)
    assert len(find_faces(crowd)) == MOST_FACES


def test_in_a_large_photograph_places_are_told_in_its_own_pixels() -> None:
    (portrait,) = portraits(1)
    (near,) = find_faces(portrait)
    (far,) = find_faces(portrait.resize((3200, 3200), Image.Resampling.BICUBIC))
    assert middle(far) == pytest.approx([10 * value for value in middle(near)], abs=150)


def test_a_face_of_too_few_pixels_is_none() -> None:
    (portrait,) = portraits(1)
    assert find_faces(portrait.resize((52, 52))) == ()


@pytest.mark.parametrize("size", [(32, 32), (39, 400), (41, 41), (4000, 45), (640, 480)])
def test_where_there_is_no_face_none_is_found(size: tuple[int, int]) -> None:
    assert find_faces(picture(size)) == ()
    assert find_faces(Image.new("RGB", size, "grey")) == ()


def test_only_images_of_the_least_size_may_hold_one() -> None:
    assert not may_hold_face(32, 32)
    assert not may_hold_face(LEAST_SIDE - 1, 4000)
    assert may_hold_face(LEAST_SIDE, LEAST_SIDE)


def test_what_is_trained_on_is_what_is_served(tmp_path: Path) -> None:
    real, fake = portraits(1, "REAL")[0], portraits(1, "FAKE")[0]
    data = tmp_path / "faces.zip"
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("train/REAL/a.jpg", encoded(real, "PNG"))
        archive.writestr("train/FAKE/b.jpg", encoded(fake, "PNG"))
        archive.writestr("train/FAKE/noise.png", encoded(picture((200, 200)), "PNG"))
        archive.writestr("../train/FAKE/broken.jpg", b"no image")
    report = cut_faces(data, tmp_path / "cut")
    assert (report.faces, report.without_face) == (2, ("train/FAKE/noise.png",))
    assert [line.split(":")[0] for line in report.unreadable] == ["../train/FAKE/broken.jpg"]
    for image, name in ((real, "REAL/a.png"), (fake, "FAKE/b.png")):
        (box,) = find_faces(image)
        with Image.open(tmp_path / "cut" / "train" / name) as kept:
            assert np.array_equal(np.asarray(kept), prepare_upright(cut(image, box), FORM))
    assert {path.name for path in tmp_path.iterdir()} == {"faces.zip", "cut"}


def test_an_interrupted_cut_goes_on(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "cut"
    for label in ("REAL", "FAKE"):
        (data / label).mkdir(parents=True)
        (data / label / "a.jpg").write_bytes(as_file(portraits(1, label)[0]))
    done = out / "REAL" / "a.png"
    done.parent.mkdir(parents=True)
    Image.new("RGB", (160, 160), "red").save(done)
    assert cut_faces(data, out).faces == 2
    with Image.open(done) as kept:
        assert kept.getpixel((0, 0)) == (255, 0, 0)


def test_data_without_a_face_is_refused(tmp_path: Path) -> None:
    for label in ("REAL", "FAKE"):
        (tmp_path / "data" / label).mkdir(parents=True)
        (tmp_path / "data" / label / "a.png").write_bytes(encoded(picture((90, 90)), "PNG"))
    with pytest.raises(DatasetError) as caught:
        cut_faces(tmp_path / "data", tmp_path / "cut")
    assert caught.value.code == "no_faces"
