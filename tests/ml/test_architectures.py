"""Every registered network holds to the same contract."""

import numpy as np
import pytest

from ml import architectures
from ml.contract import ContractError


@pytest.mark.parametrize("name", architectures.names())
def test_every_network_gives_one_float32_logit_and_its_feature_map(name: str) -> None:
    entry = architectures.find(name)
    network = architectures.build(name, {}, input_size=entry.input_size, precision="mixed_bfloat16")
    width, height = entry.input_size
    logits = network(np.zeros((2, height, width, 3), np.float32))
    assert tuple(logits.shape) == (2, 1)
    assert logits.dtype.name == "float32"
    assert len(network.get_layer(entry.gradcam_layer).output.shape) == 4


@pytest.mark.parametrize("name", architectures.names())
def test_a_network_that_is_not_told_to_learn_does_not(name: str) -> None:
    """Some of Keras' layers are in training mode by default, and hand that on to those after."""
    width, height = architectures.find(name).input_size
    network = architectures.build(name, {}, input_size=(width, height))
    pixels = np.random.default_rng(0).uniform(0, 255, (3, height, width, 3)).astype(np.float32)
    expected = network(pixels, training=False).numpy()
    np.testing.assert_allclose(network(pixels).numpy(), expected, rtol=1e-3)
    before = [weight.numpy() for weight in network.non_trainable_weights]
    network(pixels)
    for weight, value in zip(network.non_trainable_weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


def test_the_residual_network_is_the_one_that_the_documents_tell_of() -> None:
    network = architectures.build("residual", {}, input_size=(32, 32))
    assert network.count_params() == 697_697
    assert network.get_layer("features").output.shape == (None, 8, 8, 128)


def test_options_shape_the_network() -> None:
    network = architectures.build("residual", {"widths": (8, 16), "blocks": 1}, input_size=(16, 24))
    assert network.get_layer("features").output.shape == (None, 12, 8, 16)


def test_each_stage_has_the_blocks_that_it_is_given() -> None:
    options = {"widths": (4, 8), "blocks": (3, 1)}
    network = architectures.build("residual", options, input_size=(8, 8))
    convolutions = [layer for layer in network.layers if "conv2d" in layer.name]
    # A stem, two for each of four blocks, and one to widen the shortcut.
    assert len(convolutions) == 1 + 2 * 4 + 1
    with pytest.raises(ContractError, match=r"one per width\. Received: \(1, 2, 3\)"):
        architectures.build("residual", options | {"blocks": (1, 2, 3)}, input_size=(8, 8))


def test_a_halving_stem_sees_every_pixel_and_works_at_half_resolution() -> None:
    options = {"widths": (4, 8), "blocks": 1, "stem_stride": 2}
    network = architectures.build("residual", options, input_size=(16, 16))
    assert network.layers[2].kernel.shape[:2] == (4, 4)
    assert network.get_layer("features").output.shape == (None, 4, 4, 8)
    blank = np.full((1, 16, 16, 3), 128, np.float32)
    answers = []
    for row, column in [(None, None), (6, 6), (6, 7), (7, 6), (7, 7)]:
        pixels = blank.copy()
        if row is not None:
            pixels[0, row, column] = 255
        answers.append(float(network(pixels)[0, 0]))
    assert len(set(answers)) == 5


def test_two_towers_answer_with_the_mean_logit_of_the_networks_in_them() -> None:
    options = {"widths": (4, 8), "blocks": 1}
    members = [architectures.build("residual", options, input_size=(8, 8)) for _ in range(2)]
    pair = architectures.build("residual", options | {"towers": 2}, input_size=(8, 8))
    weights = [member.get_weights() for member in members]
    *first, kernel, bias = weights[0]
    *second, other_kernel, other_bias = weights[1]
    head = [np.concatenate([kernel, other_kernel]) / 2, (bias + other_bias) / 2]
    pair.set_weights([*first, *second, *head])
    pixels = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)
    mean = (members[0](pixels) + members[1](pixels)) / 2
    np.testing.assert_allclose(pair(pixels), mean, rtol=1e-5, atol=1e-6)


def test_an_unknown_name_and_an_unknown_option_are_told() -> None:
    allowed = ", ".join(architectures.names())
    with pytest.raises(ContractError, match=rf"one of {allowed}\. Received: 'vgg'"):
        architectures.find("vgg")
    with pytest.raises(ContractError, match="depth") as caught:
        architectures.build("tiny", {"depth": 3}, input_size=(8, 8))
    assert caught.value.code == "invalid_option"
