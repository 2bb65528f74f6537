"""Each method gives the numbers that its paper's formula gives by hand, for either verdict."""

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ml import explanation
from ml.contract import ContractError, Evidence
from ml.explanation import METHODS, signed_maps

Floats = npt.NDArray[np.float32]
CLOSED = [method for method in METHODS if method != "score-cam"]
TOP, LEFT = np.arange(8)[:, None] < 4, np.arange(8)[None, :] < 4


def quarters(top_left: float, top_right: float, bottom_left: float, bottom_right: float) -> Floats:
    """An 8x8 field that is the same all over each of its quarters."""
    top = np.where(LEFT, top_left, top_right)
    return np.where(TOP, top, np.where(LEFT, bottom_left, bottom_right)).astype(np.float32)


def example() -> Evidence:
    """One image, two channels: 1 on the left half; 2 on the top half.

    The first channel's gradient is .5 at the top and -.25 at the bottom, the second's -.25.
    """
    maps = np.stack([quarters(1, 0, 1, 0), quarters(2, 2, 0, 0)], axis=-1)
    gradients = np.stack([quarters(0.5, 0.5, -0.25, -0.25), quarters(*4 * [-0.25])], axis=-1)
    return Evidence(np.array([1.5], np.float32), maps[None], gradients[None])


def picture() -> npt.NDArray[np.uint8]:
    """One grey image whose mean is (250 + 150 + 100 + 100) / 4 = 150."""
    return np.repeat(quarters(250, 150, 100, 100)[None, ..., None], 3, axis=-1).astype(np.uint8)


def mean_logit(pixels: npt.NDArray[np.uint8]) -> Floats:
    """A network whose logit is a tenth of the mean brightness."""
    return pixels.mean(axis=(1, 2, 3), dtype=np.float32) / 10


def explained(
    method: str, evidence: Evidence, *, is_fake: bool, pixels: npt.NDArray[np.uint8] | None = None
) -> Floats:
    count = len(evidence.logits)
    return signed_maps(
        method,
        evidence,
        towards_fake=np.full(count, is_fake),
        pixels=np.repeat(picture(), count, axis=0) if pixels is None else pixels,
        forward=mean_logit,
    )


# Derived by hand. A and G are the activations and gradients of `example`, by quarters in reading
# order: A1 = 1 0 1 0, A2 = 2 2 0 0, G1 = .5 .5 -.25 -.25, G2 = -.25 everywhere.
BY_HAND = {
    # Mean gradients .125 and -.25: .125 * 1 - .25 * 2 = -.375 in the first quarter, and so on.
    # Linear in the gradient, so it is the same map for REAL.
    ("grad-cam", True): (-0.375, -0.5, 0.125, 0),
    ("grad-cam", False): (-0.375, -0.5, 0.125, 0),
    # .5 * 1 - .25 * 2 = 0; 0 - .25 * 2; -.25 * 1; 0. Linear too.
    ("hires-cam", True): (0, -0.5, -0.25, 0),
    ("hires-cam", False): (0, -0.5, -0.25, 0),
    # FAKE: only G1 at the top is positive: .5 * 1.
    ("layer-cam", True): (0.5, 0, 0, 0),
    # REAL: the gradients are -.5 -.5 .25 .25 and .25: 0 + .25 * 2; .25 * 2; .25 * 1; 0; negated.
    ("layer-cam", False): (-0.5, -0.5, -0.25, 0),
    # FAKE: the sum of A1 is 32, so at the top a = .25 / (2 * .25 + 32 * .125) = 1/18, and
    # w1 = 32 places * 1/18 * .5 = 8/9; the second channel only contradicts: w2 = 0.
    ("grad-cam++", True): (8 / 9, 0, 8 / 9, 0),
    # REAL: at the bottom a = 1/16 / (2/16 + 32/64) = .1 and w1 = 32 * .1 * .25 = .8; the sum of
    # A2 is 64, a = 1/16 / (2/16 + 64/64) = 1/18, w2 = 64 * 1/18 * .25 = 8/9; negated.
    ("grad-cam++", False): (-(0.8 + 16 / 9), -16 / 9, -0.8, 0),
    # The left uncovered: (250 + 150 + 100 + 150) / 4 = 162.5, so 16.25; the top uncovered:
    # (250 + 150 + 150 + 150) / 4 = 175, so 17.5; less their mean c1 = -.625 and c2 = .625.
    # -.625 * 1 + .625 * 2, .625 * 2, -.625 * 1, 0; the logit explains both verdicts.
    ("score-cam", True): (0.625, 1.25, -0.625, 0),
    ("score-cam", False): (0.625, 1.25, -0.625, 0),
}


@pytest.mark.parametrize(("method", "is_fake"), BY_HAND)
def test_it_equals_the_map_made_by_hand(method: str, is_fake: bool) -> None:
    found = explained(method, example(), is_fake=is_fake)
    assert found.shape == (1, 8, 8)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], quarters(*BY_HAND[method, is_fake]), rtol=1e-6)


def test_every_method_has_its_example() -> None:
    assert {method for method, _ in BY_HAND} == set(METHODS)


@pytest.fixture
def random_evidence() -> Evidence:
    """Seven images with maps (8, 8, 5) as a ReLU leaves them, one channel dead in all."""
    rng = np.random.default_rng(5)
    maps = np.maximum(rng.normal(size=(7, 8, 8, 5)), 0).astype(np.float32)
    maps[..., 2] = 0
    gradients = rng.normal(size=maps.shape).astype(np.float32)
    return Evidence(np.zeros(7, np.float32), maps, gradients)


@pytest.fixture
def random_pixels() -> npt.NDArray[np.uint8]:
    """Seven images of another size than the maps."""
    return np.random.default_rng(6).integers(0, 256, (7, 32, 24, 3)).astype(np.uint8)


@pytest.mark.parametrize("method", CLOSED)
def test_real_is_the_fake_of_the_negated_logit(method: str, random_evidence: Evidence) -> None:
    negated = Evidence(-random_evidence.logits, random_evidence.maps, -random_evidence.gradients)
    as_real = explained(method, random_evidence, is_fake=False)
    np.testing.assert_array_equal(as_real, -explained(method, negated, is_fake=True))


@pytest.mark.parametrize("method", METHODS)
def test_images_of_a_batch_do_not_mix(
    method: str, random_evidence: Evidence, random_pixels: npt.NDArray[np.uint8]
) -> None:
    towards = np.array([True, False, True, True, False, False, True])
    together = signed_maps(
        method, random_evidence, towards_fake=towards, pixels=random_pixels, forward=mean_logit
    )
    for i, is_fake in enumerate(towards):
        alone = Evidence(
            random_evidence.logits[i : i + 1],
            random_evidence.maps[i : i + 1],
            random_evidence.gradients[i : i + 1],
        )
        one = explained(method, alone, is_fake=bool(is_fake), pixels=random_pixels[i : i + 1])
        np.testing.assert_allclose(one[0], together[i], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("method", ["layer-cam", "grad-cam++"])
def test_what_counts_support_only_never_speaks_against_the_verdict(
    method: str, random_evidence: Evidence
) -> None:
    assert explained(method, random_evidence, is_fake=True).min() >= 0
    assert explained(method, random_evidence, is_fake=False).max() <= 0


def test_where_no_place_differs_the_methods_agree() -> None:
    """Behind global average pooling HiResCAM is Grad-CAM, as its authors say."""
    rng = np.random.default_rng(8)
    gradients = np.broadcast_to(rng.normal(size=5).astype(np.float32), (3, 8, 8, 5))
    maps = rng.random((3, 8, 8, 5), np.float32)
    evidence = Evidence(np.zeros(3, np.float32), maps, gradients)
    np.testing.assert_allclose(
        explained("hires-cam", evidence, is_fake=True),
        explained("grad-cam", evidence, is_fake=True),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("is_fake", [True, False])
def test_a_layer_that_tells_nothing_gives_zero_and_no_nan(method: str, is_fake: bool) -> None:
    zeros = np.zeros((1, 8, 8, 3), np.float32)
    found = explained(method, Evidence(zeros[:, 0, 0, 0], zeros, zeros), is_fake=is_fake)
    np.testing.assert_array_equal(found, 0)


@pytest.mark.parametrize("method", METHODS)
def test_no_images_give_no_maps(method: str) -> None:
    empty = np.zeros((0, 8, 8, 3), np.float32)
    evidence = Evidence(np.zeros(0, np.float32), empty, empty)
    found = explained(method, evidence, is_fake=True, pixels=np.zeros((0, 8, 8, 3), np.uint8))
    assert found.shape == (0, 8, 8)


def test_score_cam_runs_more_masks_than_fit_at_once(
    random_pixels: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(9)
    maps = rng.random((1, 8, 8, 11), np.float32)
    evidence = Evidence(np.zeros(1, np.float32), maps, maps)
    at_once = explained("score-cam", evidence, is_fake=True, pixels=random_pixels[:1])
    monkeypatch.setattr(explanation, "MASKS_AT_ONCE", 4)
    in_parts = explained("score-cam", evidence, is_fake=True, pixels=random_pixels[:1])
    np.testing.assert_allclose(in_parts, at_once, rtol=1e-5)


def test_masks_are_scaled_up_as_pillow_does() -> None:
    small = np.random.default_rng(7).random((8, 8, 1), np.float32)
    (scaled,) = explanation._upsampled(small, (32, 20))
    by_pillow = Image.fromarray(small[..., 0]).resize((20, 32), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(scaled, np.asarray(by_pillow), atol=1e-6)


def test_another_method_is_refused() -> None:
    with pytest.raises(ContractError, match=r"Received: 'saliency'\.") as caught:
        explained("saliency", example(), is_fake=True)
    assert caught.value.code == "unknown_method"
