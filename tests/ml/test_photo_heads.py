"""A file of heads: read back to the last digit, refused when it is something else."""

from pathlib import Path

import numpy as np
import pytest

from ml.errors import ArtifactError
from ml.photo.features import MEMBERS, PictureFeatures
from ml.photo.heads import PhotoHeads
from ml.photo.learning import learn
from ml.photo.novelty import fit_novelty
from tests.ml.samples import features, sample


@pytest.fixture(scope="module")
def heads() -> PhotoHeads:
    pictures = sample(40, 40, 0.6)
    learnt = learn(pictures.features, pictures.labels, pictures.groups, seed=1)
    novelty = fit_novelty(pictures.features, pictures.labels, pictures.groups, seed=1)
    return PhotoHeads(learnt.members, learnt.gain, learnt.offset, novelty)


def test_the_mean_of_the_crops_logits_is_the_logit_of_the_picture(heads: PhotoHeads) -> None:
    crops = features(np.array([0, 1, 0, 1, 1], np.uint8), 3.0, seed=2)
    seen = PictureFeatures((600, 400), ((0, 0),) * 5, crops)
    pooled = {name: rows.astype(np.float64).mean(axis=0)[None] for name, rows in crops.items()}
    assert heads.crop_logits(seen).mean() == pytest.approx(heads.logits(pooled)[0], abs=1e-9)


def test_what_is_read_back_answers_the_same(heads: PhotoHeads, tmp_path: Path) -> None:
    heads.save(tmp_path / "heads.npz")
    again = PhotoHeads.load(tmp_path / "heads.npz")
    new = features(np.zeros(20, np.uint8), 0.0, seed=5)
    assert again.logits(new).tolist() == heads.logits(new).tolist()
    assert again.novelties(new).tolist() == heads.novelties(new).tolist()


def test_nothing_but_heads_is_taken_for_heads(heads: PhotoHeads, tmp_path: Path) -> None:
    path = tmp_path / "heads.npz"
    heads.save(path)
    whole = path.read_bytes()
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    broken = [b"", b"words", whole[: len(whole) // 2]]
    for change in (
        {"calibration": np.array([np.nan, 0.0])},
        {"network.scale": np.zeros(MEMBERS["network"])},
        {"network.mean": np.zeros(3)},
        {"novelty.axes": np.zeros((2, 2))},
        {"members": np.array([{"a": 1}], dtype=object)},
        {"members": np.array(["elsewhere"])},
    ):
        np.savez(path, **(arrays | change))
        broken.append(path.read_bytes())
    for content in broken:
        path.write_bytes(content)
        with pytest.raises(ArtifactError) as refused:
            PhotoHeads.load(path)
        assert refused.value.code == "invalid_weights"


def test_heads_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as refused:
        PhotoHeads.load(tmp_path / "heads.npz")
    assert refused.value.code == "missing_weights"


def test_a_fit_knows_its_own_kind_and_calls_others_outside() -> None:
    pictures = sample(100, 100, 0.5)
    novelty = fit_novelty(pictures.features, pictures.labels, pictures.groups, seed=1)
    labels = (np.arange(400) % 2).astype(np.uint8)
    kept = (novelty.scores(features(labels, 0.5, seed=7)) <= 1).mean()
    assert kept == pytest.approx(0.95, abs=0.04)
    strangers = features(labels, 0.5, seed=8, shift=1.5)
    assert (novelty.scores(strangers) > 1).mean() > 0.95


def test_copies_do_not_make_each_other_look_known() -> None:
    pictures = sample(30, 30, 0.5)
    copies = pictures.take(np.repeat(np.arange(60), 4))
    novelty = fit_novelty(copies.features, copies.labels, copies.groups, seed=1)
    new = features(np.zeros(300, np.uint8), 0.0, seed=7)
    assert (novelty.scores(new) <= 1).mean() > 0.85
