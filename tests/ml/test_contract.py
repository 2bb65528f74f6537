"""The frozen values: what they accept, what they refuse, and their road to JSON and back."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from ml.contract import (
    Calibration,
    ContractError,
    ModelSpec,
    Preprocessing,
    TrainingConfig,
)


def test_a_spec_survives_json(spec: ModelSpec) -> None:
    assert ModelSpec.from_json(spec.to_json()) == spec


def test_tuples_in_architecture_options_survive_json() -> None:
    config = TrainingConfig(architecture_options={"widths": (16, 32), "blocks": 1})
    assert TrainingConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("threshold", "high", "ModelSpec.threshold must be of type float. Received: 'high'."),
        ("threshold", 1.5, "threshold must be in (0, 1). Received: 1.5."),
        ("class_order", ["FAKE", "REAL"], "class_order must be ('REAL', 'FAKE')."),
        ("track", "video", "'thumbnail' or 'photo' or 'face'. Received: 'video'."),
        ("flip_averaging", 1, "ModelSpec.flip_averaging must be of type bool. Received: 1."),
        ("weights_file", "../secrets.h5", "weights_file must be a plain file name."),
        ("graph_file", ".hidden", "graph_file must be a plain file name."),
        ("colour", "red", "Received: 'colour'."),
        ("preprocessing", [], "ModelSpec.preprocessing must be an object. Received: []."),
    ],
)
def test_a_wrong_field_is_named_with_what_came(
    spec: ModelSpec, field: str, value: object, complaint: str
) -> None:
    data = json.loads(spec.to_json()) | {field: value}
    with pytest.raises(ContractError) as caught:
        ModelSpec.from_json(json.dumps(data))
    assert complaint in caught.value.sentence


def test_a_missing_field_and_broken_json_are_named(spec: ModelSpec) -> None:
    data = json.loads(spec.to_json())
    del data["calibration"]["temperature"], data["name"]
    with pytest.raises(ContractError, match=r"ModelSpec\.name is missing"):
        ModelSpec.from_json(json.dumps(data))
    with pytest.raises(ContractError) as caught:
        ModelSpec.from_json("{")
    assert caught.value.code == "not_json"


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"peak_learning_rate": 0.0},
        {"label_smoothing": 1.0},
        {"ema_momentum": 1.0},
        {"warmup_epochs": 14.0},
        {"validation_images": 1},
        {"cutmix": 1.1},
        {"degradation": -0.1},
        {"rotation": 181.0},
        {"zoom": 1.0},
        {"subject_weight": -1.0},
        {"patience": -1},
    ],
)
def test_a_training_configuration_out_of_range_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match="Received: "):
        dataclasses.replace(TrainingConfig(), **changes)


def test_a_jpeg_quality_out_of_range_is_refused() -> None:
    with pytest.raises(ContractError, match=r"jpeg_quality must be in 1\.\.95"):
        Preprocessing(jpeg_quality=100)


def test_probabilities_are_of_fake_and_never_overflow() -> None:
    p_fake = Calibration(temperature=2.0).probability([-1e4, 0.0, np.log(3.0) * 2, 1e4])
    np.testing.assert_allclose(p_fake, [0.0, 0.5, 0.75, 1.0])


def test_the_band_is_open_at_both_ends() -> None:
    calibration = Calibration(1.0, 0.25, 0.75)
    told = calibration.is_inconclusive([0.2, 0.25, 0.26, 0.5, 0.74, 0.75, 0.8]).tolist()
    assert told == [False, False, True, True, True, False, False]


@pytest.mark.parametrize(("low", "high"), [(0.6, 0.4), (-0.1, 0.5), (0.5, 1.1)])
def test_a_band_that_is_none_is_refused(low: float, high: float) -> None:
    with pytest.raises(ContractError, match="band must be"):
        Calibration(1.0, low, high)


def test_only_the_exact_size_is_in_domain(spec: ModelSpec) -> None:
    assert spec.in_domain(8, 8)
    assert not spec.in_domain(8, 9)
    assert not spec.in_domain(16, 16)
