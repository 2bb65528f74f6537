"""A photo model is measured on files as they are: whole pictures, degraded as whole pictures."""

import dataclasses
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.cli import main
from ml.contract import EvaluationRecord
from ml.datasets import LabelledItem
from ml.errors import DatasetError
from ml.evaluation import evaluate, judge, judge_items, record_of, speed, tiers_of, told
from ml.evaluation.pictures import draw
from ml.photo.degraded import degrade
from ml.photo.detector import PhotoDetector
from ml.photo.features import Extractor
from ml.photo.heads import PhotoHeads
from tests.ml import photo_models

SIDE = 224


def content(label: int, seed: int, side: int = SIDE) -> bytes:
    return photo_models.png(side, side, 2 * seed + label)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five pictures of each class, and a small one."""
    path = tmp_path_factory.mktemp("data") / "pictures.zip"
    with zipfile.ZipFile(path, "w") as file:
        for label, name in enumerate(("REAL", "FAKE")):
            for seed in range(5):
                file.writestr(f"{name}/{seed}.png", content(label, seed))
        file.writestr("FAKE/thumbnail.png", content(1, 9, side=100))
    return path


@pytest.fixture(scope="module")
def fitted(pictures: Path, photo_graph: bytes) -> PhotoHeads:
    """Heads that tell exactly these pictures apart, surely, and know them within their reach."""
    extractor = Extractor(photo_graph)
    rows = [
        extractor.extract(photo_models.picture(SIDE, SIDE, 2 * seed + label)).pooled()
        for label in range(2)
        for seed in range(5)
    ]
    heads = photo_models.heads(reach=1000.0)
    members = {}
    for name, head in heads.members.items():
        features = np.stack([row[name] for row in rows]).astype(np.float64)
        mean, scale = features.mean(0), features.std(0) + 1e-3
        wanted = np.repeat([-6.0, 6.0], 5)
        weights = np.linalg.pinv((features - mean) / scale) @ wanted
        arrays = (mean.astype(np.float32), scale.astype(np.float32), weights.astype(np.float32))
        members[name] = dataclasses.replace(
            head, mean=arrays[0], scale=arrays[1], weights=arrays[2], bias=0.0
        )
    return dataclasses.replace(heads, members=members, gain=1.0, offset=0.0)


@pytest.fixture(scope="module")
def directory(
    fitted: PhotoHeads, photo_graph: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return photo_models.store(tmp_path_factory.mktemp("models") / "photos", photo_graph, fitted)


@pytest.fixture(scope="module")
def detector(directory: Path) -> PhotoDetector:
    return PhotoDetector.load(directory, threads=1)


@pytest.fixture(scope="module")
def record(detector: PhotoDetector, pictures: Path) -> EvaluationRecord:
    return evaluate(detector, pictures, tiers=tiers_of(detector))


def test_the_record_is_that_of_every_other_model(
    record: EvaluationRecord, detector: PhotoDetector
) -> None:
    assert (record.n, record.accuracy, record.roc_auc) == (10, 1.0, 1.0)
    assert record.recall_at_5_percent_fpr == 1.0
    assert record.novel == 0.0
    assert record.bootstrap is not None
    assert record.bootstrap.intervals["roc_auc"] == (1.0, 1.0)
    assert (record.model, record.data) == ("our-photos", "pictures.zip")
    assert record.weights_sha256 == detector.spec.weights_sha256
    assert record.images_per_second > 0
    assert record.speed is not None
    assert record.speed.image_ms > 0
    assert EvaluationRecord.from_json(record.to_json()) == record


def test_pictures_that_are_too_small_are_listed_and_not_judged(record: EvaluationRecord) -> None:
    (line,) = record.unreadable
    assert line == (
        "FAKE/thumbnail.png: A picture must be at least 128 pixels wide and high; "
        "this one has 100 x 100."
    )


def test_whole_pictures_are_degraded(detector: PhotoDetector, pictures: Path) -> None:
    judged = judge(detector, pictures, tiers=tiers_of(detector))
    assert list(judged.tiers) == ["jpeg_q60", "half_size", "screenshot"]
    for seed in range(5):  # in the order of the names, FAKE before REAL
        picture = photo_models.picture(SIDE, SIDE, 2 * seed + 1)
        for name in ("jpeg_q60", "screenshot"):
            expected = detector.look(degrade(picture, name)).logit
            assert judged.tiers[name][seed] == pytest.approx(expected, abs=1e-6)
    # Half of 224 pixels is too small to be looked at.
    assert np.isnan(judged.tiers["half_size"]).all()


def test_a_tier_without_a_single_picture_has_no_figures(record: EvaluationRecord) -> None:
    assert set(record.tiers) == {"jpeg_q60", "screenshot"}
    assert record.tiers["jpeg_q60"].n == 10


def test_the_share_of_strangers_is_told(
    detector: PhotoDetector, pictures: Path, fitted: PhotoHeads
) -> None:
    known = judge(detector, pictures).novelties
    assert known is not None
    middle = float(np.median(known)) * fitted.novelty.reach
    near = dataclasses.replace(fitted.novelty, reach=middle)
    strict = PhotoDetector(
        detector.spec, dataclasses.replace(fitted, novelty=near), detector.extractor, threads=2
    )
    judged = judge(strict, pictures)
    record = record_of(judged, strict, pictures)
    assert record.novel == 0.5
    assert "0.5000 are unlike the validated pictures" in told(record)


def test_threads_do_not_change_an_answer(detector: PhotoDetector, pictures: Path) -> None:
    several = PhotoDetector(detector.spec, detector.heads, detector.extractor, threads=3)
    first, second = judge(detector, pictures), judge(several, pictures)
    assert first.logits.tolist() == second.logits.tolist()
    assert first.hashes == second.hashes
    assert [one.name for one in first.sample] == [one.name for one in second.sample]


def items(count: int = 3, label: str = "fake") -> list[LabelledItem]:
    return [
        LabelledItem(f"{seed}.png", label, lambda seed=seed: content(1, seed))  # type: ignore[misc]
        for seed in range(count)
    ]


def test_items_of_one_class_are_judged_in_their_order(detector: PhotoDetector) -> None:
    steps: list[tuple[int, int]] = []
    judged = judge_items(
        detector, items()[::-1], "items", progress=lambda done, of: steps.append((done, of))
    )
    assert steps == [(1, 3), (2, 3), (3, 3)]
    logits = [detector.look(photo_models.picture(SIDE, SIDE, 2 * n + 1)).logit for n in (2, 1, 0)]
    assert judged.logits == pytest.approx(logits)
    assert judged.labels.tolist() == [1, 1, 1]
    assert record_of(judged, detector, "items").roc_auc is None


def gone() -> bytes:
    raise FileNotFoundError


@pytest.mark.parametrize("read", [gone, lambda: b"", lambda: b"no image"])
def test_too_much_damage_is_told(detector: PhotoDetector, read: object) -> None:
    damaged = LabelledItem("odd.png", "real", read)  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match=r"the first of them odd\.png: ") as caught:
        judge_items(detector, [*items(), damaged], "items")
    assert caught.value.code == "too_many_unreadable"


def test_nothing_to_judge_is_told(detector: PhotoDetector) -> None:
    small = LabelledItem("small.png", "real", lambda: content(0, 0, side=60))
    for some in ([], [small]):
        with pytest.raises(DatasetError) as caught:
            judge_items(detector, some, "items")
        assert caught.value.code == "too_few_images"
    assert "the first of them small.png: A picture must be at least" in str(caught.value)


def test_one_class_alone_is_no_set_to_evaluate_on(detector: PhotoDetector, tmp_path: Path) -> None:
    for name, side in (("FAKE", SIDE), ("REAL", 60)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(content(1, 0, side=side))
    with pytest.raises(DatasetError) as caught:
        judge(detector, tmp_path)
    assert caught.value.code == "one_class_only"


def test_a_picture_is_timed_beside_another_models(detector: PhotoDetector) -> None:
    timed = speed(detector, detector)
    assert timed.image_ms > 0
    assert timed.beside is not None
    assert timed.beside.weights_sha256 == detector.spec.weights_sha256


def test_figures_are_drawn(
    detector: PhotoDetector, pictures: Path, record: EvaluationRecord, tmp_path: Path
) -> None:
    judged = judge(detector, pictures)
    assert max(max(one.pixels.shape) for one in judged.sample) <= 224
    for path in draw(judged, record, detector.spec, tmp_path):
        assert path.stat().st_size > 0


def test_the_commands_take_such_a_model(
    directory: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", str(directory)]
    assert main(["evaluate", *model, "--data", str(pictures), "--tiers", "--json"]) == 0
    record = EvaluationRecord.from_json(capsys.readouterr().out)
    assert (record.roc_auc, set(record.tiers)) == (1.0, {"jpeg_q60", "screenshot"})

    path, small, overlay = (tmp_path / name for name in ("a.png", "b.png", "overlay.png"))
    path.write_bytes(content(1, 0))
    small.write_bytes(content(1, 0, side=90))
    assert main(["predict", *model, "--json", str(path), str(small)]) == 1
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["p_fake"] > 0.99
    assert first["in_domain"] is True
    assert (first["verdict"], first["doubts"]) == ("likely AI-generated", [])
    assert 0 < first["novelty"] < 1
    assert second["error"] == "too_small"

    assert main(["explain", *model, str(path), "--out", str(overlay)]) == 0
    assert f"wrote {overlay}" in capsys.readouterr().err
    with Image.open(overlay) as image:
        assert image.size == (512, 512)
    assert main(["explain", *model, str(path), "--out", str(overlay), "--method", "layer-cam"]) == 1
    assert "unknown_method: " in capsys.readouterr().err
    for command in (["compile", *model], ["explain", *model, "--check", "--data", str(pictures)]):
        assert main(command) == 1
        assert "not_a_network: our-photos was fitted to pictures" in capsys.readouterr().err


def test_a_stranger_is_told_in_words(
    fitted: PhotoHeads,
    photo_graph: bytes,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    strange = dataclasses.replace(fitted, novelty=dataclasses.replace(fitted.novelty, reach=1e-3))
    directory = photo_models.store(tmp_path / "photos", photo_graph, strange)
    path = tmp_path / "a.png"
    path.write_bytes(content(1, 0))
    assert main(["predict", "--model", str(directory), str(path)]) == 0
    told = capsys.readouterr().out
    assert "inconclusive: it is unlike the pictures that the model was fitted to (novelty" in told
    assert "P(FAKE)" not in told


def test_a_verdict_is_told_by_the_band_and_only_for_sizes_that_were_validated(
    photo_graph: bytes, fitted: PhotoHeads, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = photo_models.store(tmp_path / "photos", photo_graph, fitted)
    files = [tmp_path / name for name in ("fake.png", "real.png", "large.png")]
    for path, picture in zip(
        files, (content(1, 0), content(0, 0), photo_models.png(810, 820)), strict=True
    ):
        path.write_bytes(picture)
    assert main(["predict", "--model", str(directory), *map(str, files)]) == 0
    fake, real, large = capsys.readouterr().out.splitlines()
    assert "fake.png  likely AI-generated  P(FAKE) 0.9" in fake
    assert "real.png  likely real  P(FAKE) 0.0" in real
    assert "large.png  inconclusive: it has 810 x 820 pixels, and the model was validated" in large
    assert "shorter sides of 128 to 800" in large
    assert "P(FAKE)" not in large
