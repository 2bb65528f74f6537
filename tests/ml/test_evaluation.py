"""The figures against numbers worked out by hand, and the record as others read it."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ml import datasets
from ml.contract import Calibration, EvaluationRecord, FalseAlarms, ModelSpec, OperatingPoint
from ml.degradation import TIERS
from ml.errors import DatasetError
from ml.evaluation import calibration_error, evaluate, judge, measure, record_of, told
from ml.evaluation.metrics import recall_at_false_alarms
from ml.evaluation.pictures import draw
from ml.inference import Detector
from tests.ml.conftest import FORM, blob

P_FAKE = np.array([0.95, 0.9, 0.6, 0.3, 0.7, 0.2, 0.1, 0.05])
LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0], np.uint8)


def logits(p_fake: npt.ArrayLike, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """The logits that become these probabilities at this temperature."""
    p = np.asarray(p_fake, np.float64)
    return np.asarray(temperature * np.log(p / (1 - p)))


def plain(spec: ModelSpec, calibration: Calibration | None = None) -> ModelSpec:
    return dataclasses.replace(spec, calibration=calibration or Calibration())


def test_every_figure_equals_the_one_made_by_hand(spec: ModelSpec) -> None:
    by_hand = plain(spec, Calibration(2.0, 0.25, 0.75))
    metrics = measure(logits(P_FAKE, 2.0), LABELS, by_hand)
    # One FAKE (.3) is taken for REAL and one REAL (.7) for FAKE.
    assert metrics.confusion == {
        "real_as_real": 3,
        "real_as_fake": 1,
        "fake_as_real": 1,
        "fake_as_fake": 3,
    }
    assert (metrics.n, metrics.accuracy) == (8, 0.75)
    assert metrics.precision == metrics.recall == metrics.f1 == metrics.specificity == 0.75
    # Of the 16 pairs of a FAKE and a REAL, .6 and .3 lie below .7: 14 are in order.
    assert metrics.roc_auc == pytest.approx(14 / 16)
    # From the top: .95, .9 (precision 1), then .7 is wrong, .6 (3 of 4), then .3 (4 of 5).
    assert metrics.average_precision == pytest.approx((1 + 1 + 3 / 4 + 4 / 5) / 4)
    # .6, .3 and .7 are in the band; the other five are right.
    assert metrics.coverage == pytest.approx(5 / 8)
    assert metrics.selective_accuracy == 1.0


def test_false_alarms_and_misses_are_those_of_verdicts(spec: ModelSpec) -> None:
    metrics = measure(logits(P_FAKE), LABELS, plain(spec, Calibration(1.0, 0.31, 0.69)))
    # The REAL one with .7 stands above the upper end and is called FAKE, the FAKE one with .3 REAL.
    assert (metrics.false_alarms, metrics.misses) == (0.25, 0.25)
    narrower = measure(logits(P_FAKE), LABELS, plain(spec, Calibration(1.0, 0.29, 0.71)))
    assert (narrower.false_alarms, narrower.misses) == (0.0, 0.0)
    reals = measure(logits(P_FAKE[4:]), LABELS[4:], plain(spec, Calibration(1.0, 0.31, 0.69)))
    assert (reals.false_alarms, reals.misses) == (0.25, None)


def test_a_record_is_of_the_band_that_serves(model_dir: Path, archive: Path) -> None:
    detector = Detector.load(model_dir)
    table = FalseAlarms(20, (OperatingPoint(0.0, 0.999), OperatingPoint(0.05, 0.9)))
    detector.spec = plain(detector.spec, Calibration(1.0, 0.4, 0.6, table))
    judged = judge(detector, archive)
    strict = record_of(judged, detector, archive)
    assert (strict.band, strict.max_false_alarms) == ((0.4, 0.999), 0.01)
    loose = record_of(judged, detector, archive, max_false_alarms=0.1)
    assert (loose.band, loose.max_false_alarms) == ((0.4, 0.9), 0.1)
    assert strict.accuracy == loose.accuracy
    p_fake = judged.p_fake(detector.spec)
    assert loose.coverage == pytest.approx(((p_fake <= 0.4) | (p_fake >= 0.9)).mean())
    assert "0.4000 to 0.9000, false alarms at most 0.1 on validation" in told(loose)
    detector.spec = plain(detector.spec, Calibration(1.0, 0.4, 0.6))
    old = record_of(judged, detector, archive)
    assert (old.band, old.max_false_alarms) == ((0.4, 0.6), None)


def test_the_recall_at_5_percent_false_alarms_is_the_one_made_by_hand(spec: ModelSpec) -> None:
    # Of 40 REAL images two may lie above the threshold, so it is the third highest, 37: of the four
    # FAKE ones 37.5 and 50 are above it, 37 is not.
    scores = np.array([*range(40), 37.5, 50.0, 37.0, -3.0])
    labels = np.array([0] * 40 + [1] * 4, np.uint8)
    assert recall_at_false_alarms(scores, labels, 0.05) == 0.5
    assert measure(scores, labels, plain(spec)).recall_at_5_percent_fpr == 0.5
    # Of fewer than 20 none may: all that is not above every REAL one counts as missed.
    assert recall_at_false_alarms(scores[30:], labels[30:], 0.05) == 0.25
    assert measure(scores[:40], labels[:40], plain(spec)).recall_at_5_percent_fpr is None


def test_the_roles_of_the_classes_are_not_swapped(spec: ModelSpec) -> None:
    scores = logits([0.9, 0.9, 0.9, 0.1])
    metrics = measure(scores, np.array([1, 0, 0, 0], np.uint8), plain(spec))
    assert metrics.precision == pytest.approx(1 / 3)
    assert metrics.recall == 1.0
    assert metrics.specificity == pytest.approx(1 / 3)
    assert metrics.confusion["real_as_fake"] == 2


def test_a_model_that_decides_nothing_has_no_selective_accuracy(spec: ModelSpec) -> None:
    metrics = measure(logits(P_FAKE), LABELS, plain(spec, Calibration(1.0, 0.0, 1.0)))
    assert (metrics.coverage, metrics.selective_accuracy) == (0.0, None)


def test_the_calibration_error_equals_the_one_made_by_hand() -> None:
    # Confidences .9, .9 share a bin with one of two right: gap .4; .55 is right: gap .45.
    p_fake, labels = np.array([0.9, 0.9, 0.45]), np.array([1, 0, 0], np.uint8)
    assert calibration_error(p_fake, labels) == pytest.approx((2 * 0.4 + 0.45) / 3)
    assert calibration_error(np.array([1.0, 0.0]), np.array([1, 0], np.uint8)) == 0.0


def test_the_calibration_error_is_told_before_and_after(spec: ModelSpec) -> None:
    metrics = measure(logits(P_FAKE, 3.0), LABELS, plain(spec, Calibration(3.0)))
    assert metrics.ece == pytest.approx(calibration_error(P_FAKE, LABELS))
    sharper = Calibration().probability(logits(P_FAKE, 3.0))
    assert metrics.ece_uncalibrated == pytest.approx(calibration_error(sharper, LABELS))
    assert metrics.ece != metrics.ece_uncalibrated


def test_a_record_tells_model_data_and_figures(model_dir: Path, archive: Path) -> None:
    told: list[tuple[int, int]] = []
    detector = Detector.load(model_dir)
    record = evaluate(detector, archive, progress=lambda *counts: told.append(counts))
    assert (record.model, record.data, record.n) == ("blobs", "blobs.zip", 200)
    assert record.weights_sha256 == detector.spec.weights_sha256
    assert record.data_sha256 == datasets.content_sha256(tuple(datasets.hashes(archive)))
    assert record.accuracy > 0.95
    assert record.images_per_second > 0
    assert record.deduplicated is None
    assert record.speed is not None
    assert record.speed.image_ms > 0
    assert record.threshold_rule.endswith("fitted on 40 validation images")
    assert {"python", "tensorflow", "scikit-learn"} <= record.versions.keys()
    assert told[-1] == (200, 200)
    assert EvaluationRecord.from_json(record.to_json()) == record
    wanted = "n accuracy precision recall f1 specificity roc_auc average_precision confusion ece"
    wanted += " ece_uncalibrated coverage selective_accuracy images_per_second seed versions"
    assert set(wanted.split()) <= json.loads(record.to_json()).keys()


def test_the_split_is_named_or_told_from_the_path(model_dir: Path, tmp_path: Path) -> None:
    detector = Detector.load(model_dir)
    test, holiday = labelled(tmp_path / "test", 2), labelled(tmp_path / "holiday", 2)
    assert evaluate(detector, test).split == "test"
    assert evaluate(detector, holiday).split == ""
    assert evaluate(detector, holiday, split="validation").split == "validation"


def test_a_tier_holds_the_figures_of_the_degraded_images(model_dir: Path, archive: Path) -> None:
    detector = Detector.load(model_dir)
    record = evaluate(detector, archive, tiers=TIERS, seed=11)
    images = datasets.load(archive, FORM)
    for number, tier in enumerate(TIERS):
        rng = np.random.default_rng([11, number])
        degraded = detector.predict_arrays(tier.apply(images.pixels, rng))[1]
        assert record.tiers[tier.name] == measure(degraded, images.labels, detector.spec)
    assert record.accuracy == evaluate(detector, archive).accuracy
    assert record.seed == 11
    assert EvaluationRecord.from_json(record.to_json()) == record


def test_noise_depends_on_the_seed_alone(model_dir: Path, archive: Path) -> None:
    detector = Detector.load(model_dir)
    noise = [tier for tier in TIERS if tier.name == "noise_0.10"]
    first, again, other = (judge(detector, archive, tiers=noise, seed=s) for s in (1, 1, 2))
    assert (first.tiers["noise_0.10"] == again.tiers["noise_0.10"]).all()
    assert (first.tiers["noise_0.10"] != other.tiers["noise_0.10"]).any()
    assert (first.logits == other.logits).all()


def test_the_surest_mistakes_are_kept_surest_first(model_dir: Path, tmp_path: Path) -> None:
    swapped = labelled(tmp_path / "swapped", 30, swapped=True)
    judged = judge(Detector.load(model_dir), swapped)
    images = datasets.load(swapped, FORM)
    surest = np.argsort(-np.abs(judged.logits), kind="stable")[:24]
    assert [kept.name for kept in judged.mistakes] == [images.names[i] for i in surest]
    for kept in judged.mistakes:
        assert (kept.pixels == images.pixels[images.names.index(kept.name)]).all()
        assert (kept.p_fake >= 0.5) != (kept.label == 1)


def test_what_is_right_is_no_mistake(model_dir: Path, tmp_path: Path) -> None:
    judged = judge(Detector.load(model_dir), labelled(tmp_path / "right", 10))
    assert judged.mistakes == ()


def test_the_sample_depends_on_the_images_alone(model_dir: Path, archive: Path) -> None:
    judged = judge(Detector.load(model_dir), archive)
    expected = [name for _, name in sorted(content_hashes(archive))[:24]]
    assert [kept.name for kept in judged.sample] == expected


def content_hashes(path: Path) -> list[tuple[str, str]]:
    images = datasets.load(path, FORM)
    return list(zip(images.hashes, images.names, strict=True))


def test_images_seen_in_training_are_left_out_of_the_second_figure(
    model_dir: Path, archive: Path
) -> None:
    seen = frozenset(list(datasets.hashes(archive))[:30])
    record = evaluate(Detector.load(model_dir), archive, training_hashes=seen)
    assert record.deduplicated is not None
    assert (record.n, record.deduplicated.n) == (200, 170)


def test_data_of_which_all_was_seen_has_no_second_figure(model_dir: Path, archive: Path) -> None:
    seen = frozenset(datasets.hashes(archive))
    with pytest.raises(DatasetError) as caught:
        evaluate(Detector.load(model_dir), archive, training_hashes=seen)
    assert caught.value.code == "no_unseen_images"


def test_a_record_of_the_first_version_is_still_read() -> None:
    old = """{"n": 2, "accuracy": 1, "precision": 1, "recall": 1, "f1": 1, "roc_auc": 1,
        "confusion": {"real_as_real": 1}, "ece": 0, "coverage": 1, "selective_accuracy": null,
        "model": "m", "weights_sha256": "00", "data": "d.zip", "data_sha256": "11",
        "threshold": 0.5, "images_per_second": 3.5, "unreadable": [], "deduplicated": null}"""
    record = EvaluationRecord.from_json(old)
    assert (record.specificity, record.bootstrap, record.tiers) == (None, None, {})


def test_the_plots_of_an_evaluation(model_dir: Path, archive: Path, tmp_path: Path) -> None:
    detector = Detector.load(model_dir)
    judged = judge(detector, archive, tiers=TIERS)
    record = record_of(judged, detector, archive)
    written = draw(judged, record, detector.spec, tmp_path / "plots")
    assert sorted(written) == sorted((tmp_path / "plots").iterdir())
    names = {"history", "confusion", "roc-and-pr", "reliability", "tiers", "sample"}
    assert names <= {path.stem for path in written}
    assert ("mistakes" in {path.stem for path in written}) == bool(judged.mistakes)


def test_people_read_every_figure_with_its_interval(model_dir: Path, archive: Path) -> None:
    record = evaluate(Detector.load(model_dir), archive, tiers=TIERS)
    lines = {line.split()[0]: line for line in told(record).splitlines()}
    assert record.bootstrap is not None
    low, high = record.bootstrap.intervals["roc_auc"]
    assert f"{record.roc_auc:.4f}  [{low:.4f}, {high:.4f}] at 95%" in lines["roc_auc"]
    assert f"accuracy {record.tiers['jpeg_q40'].accuracy:.4f}" in lines["jpeg_q40"]
    assert "n  200 and 0 unreadable" in lines["n"]


def test_a_limit_is_kept(model_dir: Path, archive: Path) -> None:
    assert evaluate(Detector.load(model_dir), archive, limit=20).n == 20


def labelled(root: Path, count: int, *, swapped: bool = False) -> Path:
    """A folder with so many images of each class; swapped, each lies in the other one's."""
    for label, folder in enumerate(("REAL", "FAKE")):
        (root / folder).mkdir(parents=True)
        for seed in range(count):
            content = blob(1 - label if swapped else label, seed)
            (root / folder / f"{seed}.jpg").write_bytes(content)
    return root
