"""No model is fitted on nonsense: each kind of it is refused in one sentence."""

import numpy as np
import pytest

from ml.errors import PhotoError
from ml.photo.intake import Intake, check_counts, take_in
from ml.photo.reading import Look, Picture
from ml.photo.shortcuts import FileTraits

TRAITS = FileTraits("JPEG", 300, 200, "4.00/20", "4:2:0", False)


def look(seed: int, *, sha256: str = "", flip: int = 0, grey: int = 0) -> Look:
    """What a picture of its own looks like; `flip` bits and `grey` levels make a copy of it."""
    rng = np.random.default_rng(seed)
    shape, cells = rng.random(255) < 0.5, rng.integers(20, 200, 256)
    shape[:flip] ^= True
    cells[0] += grey
    features = {"forensics": rng.normal(size=3).astype(np.float32)}
    sha256 = sha256 or f"{seed}-{flip}-{grey}"
    return Look(sha256, (300, 200), features, shape, cells.astype(np.uint8), TRAITS, {})


def taken(pairs: list[tuple[str, Look | str]], groups: dict[int, str] | None = None) -> Intake:
    pictures = [
        Picture(f"{label}-{place}", label, bytes, "site", (groups or {}).get(place))  # type: ignore[arg-type]
        for place, (label, _) in enumerate(pairs)
    ]
    return take_in(pictures, [each for _, each in pairs])


def both(count: int = 20) -> list[tuple[str, Look | str]]:
    return [("fake" if seed % 2 else "real", look(seed)) for seed in range(2 * count)]


def refusal(pairs: list[tuple[str, Look | str]]) -> PhotoError:
    with pytest.raises(PhotoError) as refused:
        taken(pairs)
    return refused.value


def test_twenty_of_each_are_enough() -> None:
    intake = taken(both())
    assert intake.sample.labels.tolist() == [0, 1] * 20
    assert intake.sample.features["forensics"].shape == (40, 3)
    assert len(set(intake.copies.tolist())) == 40


@pytest.mark.parametrize(
    ("real", "fake", "code"),
    [(0, 0, "no_readable_images"), (30, 0, "one_class_only"), (0, 30, "one_class_only"),
     (30, 19, "too_few_images"), (19, 30, "too_few_images")],
)  # fmt: skip
def test_too_little_is_refused_before_anything_is_read(real: int, fake: int, code: str) -> None:
    with pytest.raises(PhotoError) as refused:
        check_counts(["real"] * real + ["fake"] * fake)
    assert refused.value.code == code
    assert f"{real} real and {fake} AI-generated" in refused.value.sentence


def test_what_cannot_be_read_is_not_counted_and_is_told() -> None:
    error = refusal([("real", "A picture must be at least 128 pixels wide and high."), *both()[1:]])
    assert error.code == "too_few_images"
    assert "19 real and 20 AI-generated ones; 1 were left out, the first: real-0" in error.sentence


def test_copies_of_one_file_count_once() -> None:
    error = refusal([*both()[:-1], ("fake", look(1, sha256="1-0-0"))])
    assert error.code == "too_few_images"


def test_one_file_with_two_labels_is_named() -> None:
    error = refusal([*both(), ("real", look(1))])
    assert error.code == "contradictory_labels"
    assert "that of fake-1 and real-40." in error.sentence


def test_one_picture_saved_twice_with_two_labels_is_named() -> None:
    error = refusal([*both(), ("real", look(1, flip=3, grey=2))])
    assert error.code == "contradictory_labels"
    assert "that of fake-1 and real-40." in error.sentence


def test_a_picture_that_was_changed_may_have_another_label_and_is_held_out_with_it() -> None:
    intake = taken([*both(), ("real", look(1, flip=3, grey=50))])
    assert intake.doubtful == (("fake-1", "real-40"),)
    assert intake.sample.groups[1] == intake.sample.groups[40]


def test_of_many_contradictions_some_are_named() -> None:
    flipped: list[tuple[str, Look | str]] = [
        ("real", look(seed, flip=3, grey=2)) for seed in (1, 3, 5, 7)
    ]
    sentence = refusal([*both(), *flipped]).sentence
    assert "for example that of fake-1 and real-40; fake-3 and real-41; fake-5" in sentence
    assert "fake-7" not in sentence


def test_near_copies_and_given_groups_are_held_out_together() -> None:
    intake = taken([*both(), ("fake", look(3, flip=30))], {0: "shoot", 2: "shoot"})
    groups = intake.sample.groups
    assert groups[3] == groups[40]
    assert groups[0] == groups[2] != groups[4]
    assert len(set(intake.copies.tolist())) == 40  # a given group is no copy


def test_a_class_of_copies_alone_is_refused() -> None:
    copies: list[tuple[str, Look | str]] = [("fake", look(1, flip=bits)) for bits in range(25)]
    error = refusal([pair for pair in both(25) if pair[0] == "real"] + copies)
    assert error.code == "all_near_copies"
    assert "1 different AI-generated" in error.sentence
