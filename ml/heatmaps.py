"""From a signed map to a picture: what speaks for the verdict, painted so that steps look even."""

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["colourise", "towards_verdict"]

# Anchors of our own ramp, dark blue over violet and orange to pale yellow, with a lightness
# (CIELAB L*) that rises evenly, so that a step in evidence looks the same everywhere.
_ANCHORS = np.array(
    [
        (12, 16, 56),
        (58, 28, 110),
        (121, 36, 128),
        (184, 52, 108),
        (232, 92, 74),
        (250, 152, 66),
        (252, 214, 112),
        (254, 250, 206),
    ],
    np.float64,
)
# The step of the ramp that is transparent in a picture with bare places: the darkest.
_BARE = 0


def towards_verdict(
    signed_map: npt.NDArray[np.floating], *, is_fake: bool
) -> npt.NDArray[np.float32]:
    """Keep what speaks for the verdict, scaled so that the strongest place is 1.

    For an image judged FAKE that is the positive part of the map of the logit; for one judged
    REAL the positive part of the map of the negated logit.

    Args:
        signed_map: (h, w), from `ml.explanation.signed_maps`.
        is_fake: The class that the model decided on.

    Returns:
        float32 (h, w) in [0, 1]; all zero where nothing speaks for the verdict.
    """
    positive = np.maximum(signed_map if is_fake else -signed_map, 0.0)
    peak = float(positive.max(initial=0.0))
    return (positive / peak if peak > 0 else positive).astype(np.float32)


def colourise(values: npt.NDArray[np.floating], size: tuple[int, int]) -> Image.Image:
    """Paint a heatmap, scaled up smoothly, as a picture of one byte a pixel with a palette.

    Written as a PNG that takes a tenth of the time of three bytes a pixel, which was more than
    the network's own; `convert("RGB")` gives those.

    Args:
        values: (h, w) in [0, 1]; NaN, where nobody looked, becomes transparent.
        size: (width, height) of the picture in pixels.
    """
    is_bare = np.isnan(values)
    small = Image.fromarray(np.where(is_bare, 0, values).astype(np.float32), "F")
    smooth = np.clip(np.asarray(small.resize(size, Image.Resampling.BICUBIC)), 0.0, 1.0)
    levels = np.rint(smooth * 255).astype(np.uint8)
    if is_bare.any():
        mask = Image.fromarray(is_bare).resize(size, Image.Resampling.NEAREST)
        levels = np.where(np.asarray(mask), _BARE, np.maximum(levels, _BARE + 1)).astype(np.uint8)
    painted = Image.fromarray(levels, "P")
    painted.putpalette(_RAMP.tobytes())
    if is_bare.any():
        painted.info["transparency"] = _BARE
    return painted


def _ramp() -> npt.NDArray[np.uint8]:
    """Interpolate the anchors to 256 colours (256, 3)."""
    at = np.linspace(0, 1, len(_ANCHORS))
    steps = np.linspace(0, 1, 256)
    channels = [np.interp(steps, at, _ANCHORS[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


_RAMP = _ramp()
