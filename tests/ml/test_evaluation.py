"""The figures against numbers worked out by hand, and the record as others read it."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from ml import datasets
from ml.contract import Calibration, EvaluationRecord, ModelSpec
from ml.evaluation import calibration_error, evaluate, measure
from ml.inference import Detector

P_FAKE = np.array([0.95, 0.9, 0.6, 0.3, 0.7, 0.2, 0.1, 0.05])
LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0], np.uint8)


def test_every_figure_equals_the_one_made_by_hand(spec: ModelSpec) -> None:
    by_hand = dataclasses.replace(spec, calibration=Calibration(1.0, 0.25, 0.75))
    metrics = measure(P_FAKE, LABELS, by_hand)
    # One FAKE (.3) is taken for REAL and one REAL (.7) for FAKE.
    assert metrics.confusion == {
        "real_as_real": 3,
        "real_as_fake": 1,
        "fake_as_real": 1,
        "fake_as_fake": 3,
    }
    assert (metrics.n, metrics.accuracy) == (8, 0.75)
    assert metrics.precision == metrics.recall == metrics.f1 == 0.75
    # Of the 16 pairs of a FAKE and a REAL, .6 and .3 lie below .7: 14 are in order.
    assert metrics.roc_auc == pytest.approx(14 / 16)
    # .6, .3 and .7 are in the band; the other five are right.
    assert metrics.coverage == pytest.approx(5 / 8)
    assert metrics.selective_accuracy == 1.0


def test_the_roles_of_the_classes_are_not_swapped(spec: ModelSpec) -> None:
    metrics = measure(np.array([0.9, 0.9, 0.9, 0.1]), np.array([1, 0, 0, 0], np.uint8), spec)
    assert metrics.precision == pytest.approx(1 / 3)
    assert metrics.recall == 1.0
    assert metrics.confusion["real_as_fake"] == 2


def test_a_model_that_decides_nothing_has_no_selective_accuracy(spec: ModelSpec) -> None:
    silent = dataclasses.replace(spec, calibration=Calibration(1.0, 0.0, 1.0))
    metrics = measure(P_FAKE, LABELS, silent)
    assert (metrics.coverage, metrics.selective_accuracy) == (0.0, None)


def test_the_calibration_error_equals_the_one_made_by_hand() -> None:
    # Confidences .9, .9 share a bin with one of two right: gap .4; .55 is right: gap .45.
    p_fake, labels = np.array([0.9, 0.9, 0.45]), np.array([1, 0, 0], np.uint8)
    assert calibration_error(p_fake, labels) == pytest.approx((2 * 0.4 + 0.45) / 3)
    assert calibration_error(np.array([1.0, 0.0]), np.array([1, 0], np.uint8)) == 0.0


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
    assert told[-1] == (200, 200)
    assert EvaluationRecord.from_json(record.to_json()) == record
    wanted = "n accuracy precision recall f1 roc_auc confusion ece coverage selective_accuracy"
    assert {*wanted.split(), "images_per_second"} <= json.loads(record.to_json()).keys()


def test_images_seen_in_training_are_left_out_of_the_second_figure(
    model_dir: Path, archive: Path
) -> None:
    seen = frozenset(list(datasets.hashes(archive))[:30])
    record = evaluate(Detector.load(model_dir), archive, training_hashes=seen)
    assert record.deduplicated is not None
    assert (record.n, record.deduplicated.n) == (200, 170)


def test_a_limit_is_kept(model_dir: Path, archive: Path) -> None:
    assert evaluate(Detector.load(model_dir), archive, limit=20).n == 20
