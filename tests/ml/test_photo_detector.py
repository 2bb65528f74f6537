"""A stored photo model answers with probability, novelty and a score map that adds up."""

import dataclasses
import io
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ml import artifacts, inference
from ml.contract import Heatmap, Prediction
from ml.errors import ArtifactError, ContractError, ImageReadError
from ml.photo.detector import PhotoDetector
from ml.photo.features import Extractor
from ml.photo.heads import LinearHead
from ml.photo.scoremap import network_direction, signed_map, towards
from tests.images import encoded
from tests.ml import photo_models


@pytest.fixture
def directory(tmp_path: Path, photo_graph: bytes) -> Path:
    return photo_models.store(tmp_path / "photos", photo_graph, photo_models.heads())


@pytest.fixture
def detector(directory: Path) -> PhotoDetector:
    return PhotoDetector.load(directory, threads=1)


def answered(found: Prediction | ImageReadError) -> Prediction:
    assert isinstance(found, Prediction)
    return found


def said(found: Prediction | ImageReadError) -> tuple[float, float, float | None]:
    answer = answered(found)
    return answer.p_fake, answer.logit, answer.novelty


def mapped(found: Prediction) -> Heatmap:
    assert found.heatmap is not None
    return found.heatmap


def test_a_picture_is_answered_by_the_mean_of_its_crops(
    detector: PhotoDetector, photo_graph: bytes
) -> None:
    features = Extractor(photo_graph).extract(photo_models.picture(500, 300))
    by_crop = photo_models.heads().crop_logits(features)
    assert len(by_crop) == 6
    assert np.ptp(by_crop) > 0.01
    found = answered(detector.predict([photo_models.png(500, 300)])[0])
    assert found.logit == pytest.approx(by_crop.mean(), abs=1e-4)
    assert found.p_fake == pytest.approx(1 / (1 + np.exp(-found.logit)))
    pooled = {name: values[None] for name, values in features.pooled().items()}
    (novelty,) = photo_models.heads().novelties(pooled)
    assert found.novelty == pytest.approx(novelty)


def test_a_file_and_its_pixels_have_one_answer(detector: PhotoDetector, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(photo_models.png(260, 240))
    from_path, from_bytes = detector.predict([path, path.read_bytes()], with_heatmap=False)
    seen = detector.look(photo_models.picture(260, 240))
    assert said(from_path) == said(from_bytes) == said(seen)
    assert answered(from_path).heatmap is None


def test_pictures_are_looked_at_upright(detector: PhotoDetector) -> None:
    image = photo_models.picture(240, 400)
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = encoded(image.rotate(90, expand=True), "PNG", exif=exif.tobytes())
    found = answered(detector.predict([sideways])[0])
    assert found.logit == pytest.approx(detector.look(image).logit, abs=1e-6)
    assert mapped(found).values.shape == (50, 30)


def test_what_cannot_be_judged_has_its_error_in_its_place(detector: PhotoDetector) -> None:
    small = photo_models.png(127, 900)
    sound = photo_models.png(128, 224)
    errors = detector.predict([small, sound, b"", b"text", photo_models.png(300, 300)[:5000]])
    codes = [one.code if isinstance(one, ImageReadError) else "" for one in errors]
    assert codes == ["too_small", "", "empty_file", "not_an_image", "damaged_image"]
    assert "at least 128 pixels wide and high; this one has 127 x 900." in str(errors[0])
    (large,) = detector.predict([sound], max_pixels=128 * 224 - 1)
    assert isinstance(large, ImageReadError)
    assert large.code == "too_many_pixels"


@pytest.mark.parametrize("size", [(448, 448), (576, 576), (300, 700)])
def test_the_score_map_adds_up_to_the_crops(size: tuple[int, int], photo_graph: bytes) -> None:
    heads = photo_models.heads()
    extractor = Extractor(photo_graph)
    features = extractor.extract(photo_models.picture(*size), direction=network_direction(heads))
    values = signed_map(features, heads)
    assert values.shape == (size[1] // 8, size[0] // 8)
    crops = dict(zip(features.positions, heads.crop_logits(features), strict=True))
    if size == (448, 448):  # where crops do not overlap, each part of the map is one crop's
        for (left, top), logit in crops.items():
            part = values[top // 8 : top // 8 + 28, left // 8 : left // 8 + 28]
            assert part.mean() == pytest.approx(logit, abs=1e-4)
            assert np.ptp(part) > 0.05
    assert values.min() <= min(crops.values())
    assert values.max() >= max(crops.values())


def test_without_the_network_a_map_has_one_value_a_crop(photo_graph: bytes) -> None:
    whole = photo_models.heads()
    heads = dataclasses.replace(whole, members={"forensics": whole.members["forensics"]})
    assert network_direction(heads) is None
    features = Extractor(photo_graph).extract(photo_models.picture(448, 224))
    values = signed_map(features, heads)
    left, right = heads.crop_logits(features)
    assert values[:, :28] == pytest.approx(left)
    assert values[:, 28:] == pytest.approx(right)


def test_the_map_points_at_the_part_that_is_odd(photo_graph: bytes) -> None:
    """A head that asks how strong grain is must light up the half of the picture with grain."""
    extractor = Extractor(photo_graph)
    pixels = np.full((448, 448, 3), 128, np.uint8)
    rng = np.random.default_rng(0)
    pixels[:, 224:] = rng.integers(96, 160, (448, 224, 3))
    image = Image.fromarray(pixels)
    means = extractor.extract(image).crops["network"]
    plain, grainy = means[0], means[1]
    scale = np.abs(grainy - plain) + 1e-3
    weights = (np.sign(grainy - plain) / len(plain)).astype(np.float32)
    head = LinearHead((plain + grainy) / 2, scale, weights, 0.0)
    heads = dataclasses.replace(
        photo_models.heads(), members={"network": head}, gain=1.0, offset=0.0
    )
    found = extractor.extract(image, direction=network_direction(heads))
    values = towards(signed_map(found, heads), is_fake=True)
    assert values[:, 30:].mean() > 10 * values[:, :26].mean()


def test_places_that_no_crop_saw_say_nothing(photo_graph: bytes) -> None:
    heads = photo_models.heads()
    features = Extractor(photo_graph).extract(photo_models.picture(2400, 1600))
    values = signed_map(features, heads)
    assert values.shape == (200, 300)
    assert 0.4 < (values == 0).mean() < 0.95
    for left, top in features.positions:
        assert (values[top // 8 : top // 8 + 28, left // 8 : left // 8 + 28] != 0).all()


def test_a_small_pictures_map_ends_where_it_ends(detector: PhotoDetector) -> None:
    found = detector.look(photo_models.picture(136, 250), with_heatmap=True)
    assert mapped(found).values.shape == (31, 17)


def test_a_heatmap_shows_what_speaks_for_the_verdict() -> None:
    # Stripes wide enough that their middles know nothing of each other.
    stripes = [-6.0, 0.0, 0.5, 2.0, 30.0]
    signed = np.repeat(np.array([stripes], np.float32), 40, axis=1).repeat(40, axis=0)
    middles = slice(20, None, 40)
    fake, real = (towards(signed, is_fake=is_fake)[20, middles] for is_fake in (True, False))
    none = np.nan
    expected = 1 - np.exp([0, none, -0.25, -1, -15])
    assert fake == pytest.approx(expected, abs=1e-3, nan_ok=True)
    assert real == pytest.approx([1 - np.exp(-3), none, 0, 0, 0], abs=1e-3, nan_ok=True)
    # Not scaled to the strongest: what is weak looks weak on every picture.
    weak = towards(np.full((40, 40), 0.5, np.float32), is_fake=True)
    assert weak == pytest.approx(np.full((40, 40), fake[2]), abs=1e-3)
    # The blur does not run over into what no crop saw; that is no evidence of anything.
    is_bare = np.isnan(towards(signed, is_fake=True))
    assert is_bare[:, 40:80].all()
    assert not is_bare[:, :40].any()
    assert not is_bare[:, 80:].any()


def test_there_is_one_method(detector: PhotoDetector) -> None:
    assert detector.methods == ("score-map",)
    (found,) = detector.predict([photo_models.png(224, 224)], method="score-map")
    heatmap = mapped(answered(found))
    assert (heatmap.method, heatmap.layer) == ("score-map", "score-map")
    assert 0 <= heatmap.values.min() <= heatmap.values.max() <= 1
    with pytest.raises(ContractError, match="score-map alone") as told:
        detector.predict([], method="grad-cam")
    assert told.value.code == "unknown_method"


def test_threads_share_a_detector(directory: Path) -> None:
    sources = [photo_models.png(240, 230, seed) for seed in range(6)]
    alone = [said(one) for one in PhotoDetector.load(directory, threads=1).predict(sources)]
    shared = PhotoDetector.load(directory, threads=3)
    assert [said(one) for one in shared.predict(sources)] == alone
    start = threading.Barrier(4)

    def ask(source: bytes) -> tuple[float, float, float | None]:
        start.wait(60)
        return said(shared.predict([source])[0])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, sources[:4])) == alone[:4]


def test_the_kind_is_told_by_the_spec(directory: Path, model_dir: Path) -> None:
    assert isinstance(inference.load(directory, threads=1), PhotoDetector)
    assert isinstance(inference.load(model_dir, threads=1), inference.Detector)


def test_a_model_without_its_graph_is_told(tmp_path: Path) -> None:
    directory = photo_models.store(tmp_path / "photos", None, photo_models.heads())
    with pytest.raises(ArtifactError) as told:
        inference.load(directory)
    assert told.value.code == "missing_graph"


def test_heads_of_other_features_are_told(tmp_path: Path, photo_graph: bytes) -> None:
    heads = photo_models.heads()
    head = heads.members["forensics"]

    def shorter(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return values[:-1]

    members = {
        "forensics": LinearHead(
            shorter(head.mean), shorter(head.scale), shorter(head.weights), head.bias
        )
    }
    other = dataclasses.replace(heads, members=members)
    directory = photo_models.store(tmp_path / "photos", photo_graph, other)
    with pytest.raises(ArtifactError, match="fit it anew") as told:
        inference.load(directory)
    assert told.value.code == "invalid_weights"


@pytest.mark.parametrize("name", ["heads.npz", "graph.tflite"])
def test_a_file_that_was_changed_is_refused(directory: Path, name: str) -> None:
    path = directory / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError) as told:
        inference.load(directory)
    assert told.value.code == "hash_mismatch"


def test_it_is_no_network_to_build(directory: Path) -> None:
    with pytest.raises(ArtifactError) as told:
        artifacts.load_network(directory)
    assert told.value.code == "not_a_network"


def test_memory_stays_bounded_on_a_large_picture(detector: PhotoDetector) -> None:
    """A picture costs its own pixels once more, and never a copy in floating point."""
    image = Image.new("RGB", (6000, 4000), "grey")
    detector.warm_up()
    tracemalloc.start()
    detector.look(image, with_heatmap=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.3 * 3 * 6000 * 4000


def test_another_format_without_loss_has_the_same_answer(detector: PhotoDetector) -> None:
    buffer = io.BytesIO()
    photo_models.picture(300, 200).convert("RGBA").save(buffer, "WEBP", lossless=True)
    (found,) = detector.predict([buffer.getvalue()], with_heatmap=False)
    assert said(found) == said(detector.look(photo_models.picture(300, 200)))
