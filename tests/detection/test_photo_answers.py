"""The gateway serves a fitted photo model as it serves a network: answers, figures, refusals."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detection import ml_gateway
from detection.ml_gateway import GatewayError
from ml import artifacts
from tests.ml import photo_models

MAX_PIXELS = 1_000_000


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, photo_graph: bytes) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    return photo_models.store(folder / "model", photo_graph, photo_models.heads())


@pytest.fixture(scope="module")
def spec(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(artifacts.read_spec(directory).to_json())
    return found


def answered(directory: Path, spec: dict[str, Any], **options: Any) -> ml_gateway.Answer:
    size = 320, 240
    return ml_gateway.answer(
        directory,
        spec,
        photo_models.png(*size),
        size=size,
        max_pixels=MAX_PIXELS,
        threads=1,
        **options,
    )


def test_a_picture_has_a_score_map_and_a_novelty(directory: Path, spec: dict[str, Any]) -> None:
    ml_gateway.warm_up(directory, spec, threads=1)
    found = answered(directory, spec)
    assert 0 < found.p_fake < 1
    assert found.heatmap is not None
    assert found.heatmap.size == (256, 192)
    assert found.heatmap_method == "Score map"
    assert found.novelty is not None
    assert found.novelty > 0
    plain = answered(directory, spec, with_heatmap=False)
    assert plain == replace(found, heatmap=None, heatmap_method="")


def test_another_method_is_refused(directory: Path, spec: dict[str, Any]) -> None:
    with pytest.raises(GatewayError) as told:
        answered(directory, spec, method="grad-cam")
    assert told.value.code == "unknown_method"


def test_a_picture_too_small_is_told(directory: Path, spec: dict[str, Any]) -> None:
    content = photo_models.png(300, 100)
    with pytest.raises(GatewayError, match="at least 128 pixels") as told:
        ml_gateway.answer(
            directory, spec, content, size=(300, 100), max_pixels=MAX_PIXELS, threads=1
        )
    assert told.value.code == "too_small"


def test_faces_are_for_networks(directory: Path, spec: dict[str, Any]) -> None:
    with pytest.raises(GatewayError) as told:
        ml_gateway.face_answers(
            directory, spec, photo_models.png(224, 224), max_pixels=MAX_PIXELS, threads=1
        )
    assert told.value.code == "not_a_network"


def test_items_are_judged_from_their_files(directory: Path, spec: dict[str, Any]) -> None:
    def reader(seed: int) -> Callable[[], bytes]:
        return lambda: photo_models.png(448, 300, seed)

    items = [(f"{seed}", ("real", "fake")[seed % 2], reader(seed)) for seed in range(4)]
    judged = ml_gateway.judge_items(
        directory, spec, items, data="sealed", threads=1, max_false_alarms=0.01, with_tiers=True
    )
    assert judged.labels.tolist() == [0, 1, 0, 1]
    answers = [
        ml_gateway.answer(
            directory, spec, read(), size=(448, 300), max_pixels=MAX_PIXELS, threads=1
        )
        for _, _, read in items
    ]
    assert judged.p_fake == pytest.approx([one.p_fake for one in answers], abs=1e-6)
    record = judged.record
    assert set(record["tiers"]) == {"jpeg_q60", "half_size", "screenshot"}
    assert record["novel"] == sum((one.novelty or 0) > 1 for one in answers) / 4
    assert record["recall_at_5_percent_fpr"] is not None
    assert "recall at 5 % fpr" in ml_gateway.evaluation_text(record)


def test_a_folder_is_evaluated_and_drawn(
    directory: Path, spec: dict[str, Any], tmp_path: Path
) -> None:
    for label in ("REAL", "FAKE"):
        (tmp_path / label).mkdir()
        for seed in range(2):
            content = photo_models.png(224, 224, seed + (label == "FAKE") * 9)
            (tmp_path / label / f"{seed}.png").write_bytes(content)
    plots = tmp_path / "plots"
    plots.mkdir()
    record = ml_gateway.evaluate(
        directory, spec, tmp_path, threads=1, max_false_alarms=0.01, plots=plots
    )
    assert (record["n"], record["data"]) == (4, tmp_path.name)
    assert (plots / "sample.png").stat().st_size > 0


def test_two_versions_are_timed_in_turns(directory: Path, spec: dict[str, Any]) -> None:
    timed = ml_gateway.timed_beside((directory, spec), (directory, spec), threads=1)
    assert timed["image_with_heatmap_ms"] > 0
    assert timed["beside"]["weights_sha256"] == spec["weights_sha256"]
