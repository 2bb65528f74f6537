"""From pictures to a stored model that answers; a fit that was killed goes on where it stood."""

import io
import random
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from ml import artifacts, inference
from ml.contract import ModelSpec, Prediction
from ml.errors import PhotoError
from ml.photo import features, network, validation
from ml.photo.fitting import FitProgress, Fitted, Picture, fit, store
from tests.data import data_file

COUNT = 24


def site_files(name: str, count: int) -> list[tuple[str, bytes]]:
    """Pictures of a site by "real" and "fake", cut to one crop so that a fit takes seconds."""
    found = []
    with zipfile.ZipFile(data_file("site", name)) as archive:
        for label in ("real", "fake"):
            names = [each for each in sorted(archive.namelist()) if f"{label.upper()}/" in each]
            random.Random(2).shuffle(names)
            for each in [each for each in names if each.endswith(".jpg")][:count]:
                with Image.open(io.BytesIO(archive.read(each))) as image:
                    buffer = io.BytesIO()
                    image.crop((160, 160, 400, 400)).save(buffer, "PNG", compress_level=1)
                found.append((label, buffer.getvalue()))
    return found


def pictures_of(files: list[tuple[str, bytes]]) -> list[Picture]:
    return [
        Picture(f"{label}-{place}.png", label, partial(bytes, content), "our site")  # type: ignore[arg-type]
        for place, (label, content) in enumerate(files)
    ]


@pytest.fixture(scope="module")
def files() -> list[tuple[str, bytes]]:
    return site_files("site.zip", COUNT)


@pytest.fixture(scope="module")
def quick(photo_graph: bytes) -> Callable[..., Fitted | None]:
    """A fit whose graph is there already, and that divides the pictures once."""

    def run(pictures: list[Picture], cache: Path, **options: object) -> Fitted | None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(network, "cached_graph", lambda folder: photo_graph)
            patch.setattr(validation, "REPEATS", 1)
            return fit(pictures, cache=cache, threads=1, **options)  # type: ignore[arg-type]

    return run


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def told() -> list[FitProgress]:
    return []


@pytest.fixture(scope="module")
def fitted(
    quick: Callable[..., Fitted],
    files: list[tuple[str, bytes]],
    cache: Path,
    told: list[FitProgress],
) -> Fitted:
    tiny = io.BytesIO()
    Image.new("RGB", (127, 300)).save(tiny, "PNG")
    spoilt = [("real", b"words"), ("fake", tiny.getvalue())]
    return quick(pictures_of([*files, *spoilt]), cache, progress=told.append)


@pytest.fixture(scope="module")
def stored(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ModelSpec]:
    path = tmp_path_factory.mktemp("models") / "ours"
    return path, store(fitted, path, name="ours", source="our pictures")


def test_a_fit_tells_what_it_learnt_from_and_what_it_is_worth(fitted: Fitted) -> None:
    figures = fitted.figures
    assert (figures.real, figures.fake, figures.unreadable) == (COUNT, COUNT, 2)
    assert (figures.shortest, figures.longest) == (240, 240)
    assert set(figures.members) == {"forensics", "network"}
    # Half of 240 pixels is too small.
    assert list(figures.tiers) == ["as_they_are", "jpeg_q60", "screenshot"]
    low, high = figures.overall.roc_auc_interval
    assert 0.2 < low < figures.overall.roc_auc < high <= 1
    codes = [warning.code for warning in figures.warnings]
    assert "one_source" in codes
    assert ("worth_nothing" in codes) == (low <= 0.5)
    assert "shortcut" not in codes
    assert [line.split(":")[0] for line in fitted.skipped] == ["real-48.png", "fake-49.png"]


def test_every_step_is_told(fitted: Fitted, told: list[FitProgress]) -> None:
    reading = [step for step in told if step.stage == "reading"]
    assert [step.done for step in reading] == list(range(1, 2 * COUNT + 3))
    validating = told[len(reading) :]
    assert {step.stage for step in validating} == {"validating"}
    assert validating[-1].done == validating[-1].of == len(validating)


def test_a_stored_fit_answers(
    stored: tuple[Path, ModelSpec], fitted: Fitted, files: list[tuple[str, bytes]]
) -> None:
    path, spec = stored
    assert artifacts.verify(path) == spec
    assert spec.photo == fitted.figures
    assert spec.domain.holds(300, 240)
    assert not spec.domain.holds(300, 239)
    assert "48 from our site" in spec.domain.sentence
    answers = inference.load(path, threads=1).predict([content for _, content in files])
    for (label, _), answer in zip(files, answers, strict=True):
        assert isinstance(answer, Prediction)
        assert (answer.p_fake > 0.5) == (label == "fake")  # it has learnt these
        assert answer.novelty is not None
        assert answer.novelty < 1.5


def test_a_stored_fit_tells_its_false_alarms_and_keeps_its_band(
    stored: tuple[Path, ModelSpec],
) -> None:
    spec = stored[1]
    table = spec.calibration.false_alarms
    assert table is not None
    assert table.real == COUNT
    assert 0 < table.threshold(0.5) < table.threshold(0.05) <= table.threshold(0.0)
    assert not spec.is_bounded
    assert spec.bounded(0.0001) == spec.bounded(0.5)


def test_the_card_says_where_the_model_ends(stored: tuple[Path, ModelSpec]) -> None:
    card = (stored[0] / "MODEL_CARD.md").read_text()
    for words in ("# ours", "our pictures", "## Warnings", "| our site | 24 | 24 |", "| 48 |"):
        assert words in card


def test_a_fit_goes_on_with_what_was_read_before_it_was_stopped(
    quick: Callable[..., Fitted | None],
    files: list[tuple[str, bytes]],
    tmp_path: Path,
    fitted: Fitted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[tuple[int, int]] = []
    real_extract = features.Extractor.extract

    def extract(self: features.Extractor, image: Image.Image) -> features.PictureFeatures:
        looked.append(image.size)
        return real_extract(self, image)

    monkeypatch.setattr(features.Extractor, "extract", extract)
    pictures = pictures_of(files)
    steps: list[FitProgress] = []
    stopped = quick(pictures, tmp_path, progress=steps.append, should_stop=lambda: len(steps) == 10)
    assert stopped is None
    kept = len(list(tmp_path.glob("*.npz")))
    assert 10 <= kept < 2 * COUNT
    looked.clear()
    again = quick(pictures, tmp_path)
    assert len(looked) == 4 * (2 * COUNT - kept)  # as it is, and degraded in three ways
    assert again is not None
    assert again.figures.overall == fitted.figures.overall


def test_a_damaged_file_of_the_store_is_measured_anew(
    quick: Callable[..., Fitted | None],
    files: list[tuple[str, bytes]],
    cache: Path,
    fitted: Fitted,
) -> None:
    for place, path in enumerate(sorted(cache.glob("*.npz"))[:3]):
        path.write_bytes(path.read_bytes()[: place * 100])
    again = quick(pictures_of(files), cache)
    assert again is not None
    assert again.figures.overall == fitted.figures.overall


def test_one_class_alone_is_refused_before_anything_is_read(
    quick: Callable[..., Fitted | None], tmp_path: Path
) -> None:
    def read() -> bytes:
        raise AssertionError("must not be read")

    with pytest.raises(PhotoError) as refused:
        quick([Picture(f"{i}.jpg", "real", read) for i in range(30)], tmp_path)
    assert refused.value.code == "one_class_only"


def test_the_gone_and_the_small_are_left_out_and_named(
    quick: Callable[..., Fitted | None], tmp_path: Path
) -> None:
    def gone() -> bytes:
        raise FileNotFoundError

    pictures = [Picture(f"{i}.jpg", "real" if i % 2 else "fake", gone) for i in range(40)]
    with pytest.raises(PhotoError) as refused:
        quick(pictures, tmp_path)
    assert refused.value.code == "no_readable_images"
    assert "0.jpg: The file is gone." in refused.value.sentence
