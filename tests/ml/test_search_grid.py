"""The study's 36 topologies are 36, each is itself, and each has the size it should have."""

import pytest

from ml import architectures
from ml.contract import ContractError
from ml.search.grid import CONVOLUTIONAL, Topology, heads

BEST = Topology(2, 32)


def test_there_are_12_convolutional_parts_and_24_heads_on_one_of_them() -> None:
    shapes = (*CONVOLUTIONAL, *heads(BEST))
    assert (len(CONVOLUTIONAL), len(heads(BEST))) == (12, 24)
    assert len({shape.name for shape in shapes}) == len(set(shapes)) == 36
    assert {shape.stage for shape in CONVOLUTIONAL} == {1}
    assert {shape.stage for shape in heads(BEST)} == {2}
    assert {(shape.conv_layers, shape.filters) for shape in heads(BEST)} == {(2, 32)}


def test_they_are_the_depths_and_widths_that_the_study_tells() -> None:
    assert {shape.conv_layers for shape in CONVOLUTIONAL} == {1, 2, 3}
    assert {shape.filters for shape in CONVOLUTIONAL} == {16, 32, 64, 128}
    assert {shape.dense_layers for shape in heads(BEST)} == {1, 2, 3}
    assert {shape.dense_units for shape in heads(BEST)} == {2**power for power in range(5, 13)}


@pytest.mark.parametrize(
    ("shape", "parameters"),
    [
        (Topology(1, 16), 448 + 3_601),
        (Topology(2, 32), 896 + 9_248 + 1_153),
        (Topology(2, 32, 1, 64), 84_001),  # a published copy of the study's best has this size
        (Topology(3, 128), 3_584 + 2 * 147_584 + 513),
        (Topology(2, 32, 3, 4096), 10_144 + 4_722_688 + 2 * 16_781_312 + 4_097),
    ],
)
def test_the_size_is_known_without_building(shape: Topology, parameters: int) -> None:
    assert shape.parameters() == parameters


@pytest.mark.parametrize("side", [24, 32])
@pytest.mark.parametrize(
    "shape", [*CONVOLUTIONAL, *(head for head in heads(BEST) if head.dense_units <= 256)]
)
def test_what_is_built_has_that_size(shape: Topology, side: int) -> None:
    network = architectures.build("topology", shape.options(), input_size=(side, side))
    assert network.count_params() == shape.parameters(side)


def test_the_map_to_explain_is_the_last_convolution_after_its_activation() -> None:
    network = architectures.build("topology", Topology(3, 16).options(), input_size=(32, 32))
    layer = network.get_layer("features")
    assert layer.output.shape == (None, 4, 4, 16)
    assert Topology(3, 16).features() == 2 * 2 * 16
    assert layer.activation.__name__ == "relu"


@pytest.mark.parametrize(
    ("options", "size", "told"),
    [
        ({"conv_layers": 4}, 32, "conv_layers must be 1, 2 or 3. Received: 4"),
        ({"dense_layers": 4}, 32, "dense_layers must be 0, 1, 2 or 3. Received: 4"),
        ({"filters": 0}, 32, "filters must be at least 1. Received: 0"),
        ({"dense_units": 0}, 32, "dense_units must be at least 1. Received: 0"),
        ({"conv_layers": 3}, 21, r"must be >= 22. Received: \(21, 21\)"),
    ],
)
def test_what_cannot_be_built_is_told(options: dict[str, int], size: int, told: str) -> None:
    with pytest.raises(ContractError, match=told):
        architectures.build("topology", options, input_size=(size, size))


def test_the_smallest_image_just_fits() -> None:
    network = architectures.build("topology", {"conv_layers": 3}, input_size=(22, 22))
    assert network.get_layer("features").output.shape == (None, 2, 2, 32)
