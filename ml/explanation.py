"""Which places of an image spoke for which class: five published methods over one evidence.

All of them look at one layer: its activations A (h, w, channels) and the gradient of the logit by
them, G. The logit is explained, as the sigmoid saturates and its gradient vanishes where the model
is sure. A network that averages an image with its mirror image is one network with twice the
channels: the activations of the mirrored view, mirrored back, stand beside the others, and G is the
gradient of the mean logit.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from ml.contract import ContractError, Evidence

__all__ = ["METHODS", "Forward", "check_method", "signed_maps"]

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Forward = Callable[[Pixels], Floats]

METHODS: tuple[str, ...] = ("grad-cam", "grad-cam++", "layer-cam", "hires-cam", "score-cam")
# How many masked images Score-CAM shows the network at a time.
MASKS_AT_ONCE = 64


def signed_maps(
    method: str,
    evidence: Evidence,
    *,
    towards_fake: npt.NDArray[np.bool_],
    pixels: Pixels,
    forward: Forward,
) -> Floats:
    """Return a map of each image by one of `METHODS`.

    Positive places speak for FAKE, negative ones for REAL. Grad-CAM++ and LayerCAM count only what
    supports the explained class, so their maps of an image judged REAL hold no positive place and
    those of one judged FAKE no negative one; the other methods show both sides. None of them ends
    in the ReLU of its paper: `ml.heatmaps.towards_verdict` keeps what speaks for the verdict.

    Args:
        method: One of `METHODS`.
        evidence: Of n images.
        towards_fake: bool (n,), whether FAKE is the class to explain, else REAL.
        pixels: uint8 (n, height, width, 3), the images; only Score-CAM looks at them.
        forward: From such pixels to logits (n,); only Score-CAM calls it.

    Returns:
        float32 (n, h, w), of the layer's size.

    Raises:
        ContractError: `unknown_method`.
    """
    check_method(method)
    if method == "score-cam":
        return _score_cam(evidence, pixels, forward)
    # The class score is +logit for FAKE and -logit for REAL, and so is its gradient.
    sign = np.where(towards_fake, 1, -1).astype(np.float32)[:, None, None]
    towards = sign[..., None] * evidence.gradients
    return sign * _CLOSED_FORMS[method](evidence.maps, towards)


def check_method(method: str) -> None:
    """Raise `ContractError` with `unknown_method` unless `method` is one of `METHODS`."""
    if method not in METHODS:
        raise ContractError(
            "unknown_method",
            f"The method must be one of {', '.join(METHODS)}. Received: {method!r}.",
        )


def _grad_cam(maps: Floats, gradients: Floats) -> Floats:
    """Sum over channels of mean(G) A: Selvaraju et al. 2017, arXiv 1610.02391."""
    return _weighted(gradients.mean(axis=(1, 2)), maps)


def _grad_cam_plus_plus(maps: Floats, gradients: Floats) -> Floats:
    """Sum over channels of w A with w = sum of a max(G, 0): Chattopadhay et al. 2018, 1710.11063.

    Where a = G^2 / (2 G^2 + S G^3) and S is the sum of A over the channel's places; this closed
    form of their second and third derivatives holds for the score exp(logit). A place whose
    denominator is zero has no gradient, or a pole of the formula, and gets no weight.
    """
    squares = gradients**2
    denominators = 2 * squares + maps.sum(axis=(1, 2), keepdims=True) * gradients * squares
    shares = np.divide(squares, denominators, out=np.zeros_like(squares), where=denominators != 0)
    return _weighted((shares * np.maximum(gradients, 0)).sum(axis=(1, 2)), maps)


def _layer_cam(maps: Floats, gradients: Floats) -> Floats:
    """Sum over channels of max(G, 0) A, place by place: Jiang et al. 2021, LayerCAM."""
    return np.einsum("nhwc,nhwc->nhw", np.maximum(gradients, 0), maps)


def _hires_cam(maps: Floats, gradients: Floats) -> Floats:
    """Sum over channels of G A, place by place: Draelos and Carin 2020, arXiv 2011.08891.

    Behind global average pooling and one dense layer G is the same at every place, and this is
    Grad-CAM to the number.
    """
    return np.einsum("nhwc,nhwc->nhw", gradients, maps)


_CLOSED_FORMS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "grad-cam": _grad_cam,
    "grad-cam++": _grad_cam_plus_plus,
    "layer-cam": _layer_cam,
    "hires-cam": _hires_cam,
}


def _score_cam(evidence: Evidence, pixels: Pixels, forward: Forward) -> Floats:
    """Sum over channels of c A: Wang et al. 2020, arXiv 1910.01279.

    The mask of a channel is its activations, scaled up bilinearly and stretched to [0, 1]; what it
    covers takes the image's own mean colour. c is the logit of the masked image, less the mean over
    all masks: what an image without content is called does not matter then, only which places
    raise the logit more than others do, as in the paper's softmax over the channels. That one
    saturates where the model is sure; without it the map for REAL is the map for FAKE with the
    other sign.
    """
    weights = [_scores(*pair, forward=forward) for pair in zip(evidence.maps, pixels, strict=True)]
    return _weighted(
        np.asarray(weights, np.float32).reshape(len(pixels), evidence.maps.shape[-1]), evidence.maps
    )


def _scores(maps: Floats, image: Pixels, *, forward: Forward) -> Floats:
    """Return how much each channel's mask raises the logit above the mean mask: (channels,)."""
    scores = np.zeros(maps.shape[-1], np.float32)
    # A channel that is the same everywhere uncovers nothing in particular.
    told = np.flatnonzero(np.ptp(maps, axis=(0, 1)) > 0)
    colour = image.mean(axis=(0, 1), dtype=np.float32)
    for channels in _chunks(told, MASKS_AT_ONCE):
        masks = _stretched(_upsampled(maps[..., channels], image.shape[:2]))
        uncovered = colour + masks[..., None] * (image - colour)
        scores[channels] = forward(np.rint(uncovered).astype(np.uint8))
    if len(told):
        scores[told] -= scores[told].mean()
    return scores


def _stretched(masks: Floats) -> Floats:
    """Stretch each of (n, height, width) to [0, 1]."""
    low = masks.min(axis=(1, 2), keepdims=True)
    high = masks.max(axis=(1, 2), keepdims=True)
    return (masks - low) / (high - low)


def _upsampled(maps: Floats, size: tuple[int, int]) -> Floats:
    """Scale maps (h, w, channels) up to (channels, height, width), bilinearly."""
    rows, columns = _interpolation(maps.shape[0], size[0]), _interpolation(maps.shape[1], size[1])
    return np.einsum("yh,hwc,xw->cyx", rows, maps, columns, optimize=True)


def _interpolation(short: int, long: int) -> Floats:
    """Return the matrix (long, short) that interpolates between the centres of pixels."""
    places = np.clip((np.arange(long) + 0.5) * short / long - 0.5, 0, short - 1)
    distances = np.abs(places[:, None] - np.arange(short))
    return np.maximum(1 - distances, 0).astype(np.float32)


def _weighted(weights: Floats, maps: Floats) -> Floats:
    """Sum maps (n, h, w, channels) with a weight for each image and channel (n, channels)."""
    return np.einsum("nc,nhwc->nhw", weights, maps)


def _chunks(items: npt.NDArray[np.intp], size: int) -> Iterator[npt.NDArray[np.intp]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
