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


def test_the_residual_network_is_the_one_that_the_documents_tell_of() -> None:
    network = architectures.build("residual", {}, input_size=(32, 32))
    assert network.count_params() == 697_697
    assert network.get_layer("features").output.shape == (None, 8, 8, 128)


def test_options_shape_the_network() -> None:
    network = architectures.build("residual", {"widths": (8, 16), "blocks": 1}, input_size=(16, 24))
    assert network.get_layer("features").output.shape == (None, 12, 8, 16)


def test_an_unknown_name_and_an_unknown_option_are_told() -> None:
    with pytest.raises(ContractError, match=r"one of residual, tiny\. Received: 'vgg'"):
        architectures.find("vgg")
    with pytest.raises(ContractError, match="depth") as caught:
        architectures.build("tiny", {"depth": 3}, input_size=(8, 8))
    assert caught.value.code == "invalid_option"
