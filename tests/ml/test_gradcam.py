"""The heatmap is Grad-CAM to the number, speaks for the verdict, and can be looked at."""

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ml import artifacts, gradcam
from ml.datasets import LabelledImages

PIXELS = np.random.default_rng(3).integers(0, 256, (2, 8, 8, 3)).astype(np.float32)


def network(head: list[keras.layers.Layer]) -> keras.Model:
    """Feature map = red and green of the image itself, so that it can be known by hand."""
    image = keras.Input((8, 8, 3))
    select = keras.layers.Conv2D(2, 1, use_bias=False, name="features")
    x = select(image)
    select.set_weights([np.array([[1, 0], [0, 1], [0, 0]], np.float32).reshape(1, 1, 3, 2)])
    for layer in head:
        x = layer(x)
    return keras.Model(image, x)


def explained(model: keras.Model) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    parts = gradcam.feature_network(model, "features")
    logits, maps = gradcam.logits_and_maps(parts, tf.constant(PIXELS))
    return logits.numpy(), maps.numpy()


def test_it_equals_a_map_made_by_hand_behind_an_average() -> None:
    dense = keras.layers.Dense(1)
    model = network([keras.layers.GlobalAveragePooling2D(), dense])
    dense.set_weights([np.array([[2.0], [-1.0]], np.float32), np.array([0.5], np.float32)])
    logits, maps = explained(model)
    # logit = 2 mean(red) - mean(green) + 0.5, so d logit / d red = 2/64 everywhere.
    red, green = PIXELS[..., 0], PIXELS[..., 1]
    by_hand = 2 * red.mean(axis=(1, 2)) - green.mean(axis=(1, 2)) + 0.5
    np.testing.assert_allclose(logits, by_hand, rtol=1e-5)
    np.testing.assert_allclose(maps, (2 * red - green) / 64, rtol=1e-4, atol=1e-4)


def test_it_equals_a_map_made_by_hand_behind_a_head_that_knows_places() -> None:
    dense = keras.layers.Dense(1, use_bias=False)
    model = network([keras.layers.Flatten(), dense])
    kernel = np.random.default_rng(4).normal(size=(8, 8, 2)).astype(np.float32)
    dense.set_weights([kernel.reshape(128, 1)])
    _, maps = explained(model)
    by_hand = (PIXELS[..., :2] * kernel.mean(axis=(0, 1))).sum(axis=-1)
    np.testing.assert_allclose(maps, by_hand, rtol=1e-3, atol=1e-3)


def test_other_weights_give_another_map(model_dir: Path, images: LabelledImages) -> None:
    """A heatmap that ignores what was learnt explains nothing (Adebayo et al. 2018)."""
    spec, trained = artifacts.load_network(model_dir)
    shuffled = keras.models.clone_model(trained)
    rng = np.random.default_rng(1)
    shuffled.set_weights(
        [rng.permutation(w.ravel()).reshape(w.shape) for w in trained.get_weights()]
    )
    pixels = tf.constant(images.pixels[:50], tf.float32)
    maps = [
        gradcam.logits_and_maps(gradcam.feature_network(model, spec.gradcam_layer), pixels)[1]
        for model in (trained, shuffled)
    ]
    flat = [np.asarray(signed).reshape(50, -1) for signed in maps]
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(*flat, strict=True)]
    assert np.nanmean(correlations) < 0.9
