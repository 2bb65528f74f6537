"""Was a JPEG compressed before, with coarser steps? Its cosine coefficients may still tell.

A JPEG keeps each coefficient as a multiple of a step. One that was opened and saved again on the
same grid has been rounded twice: first to multiples of the earlier step, then of the step that the
file has now. Where the earlier one is coarser, some multiples of the present step are hardly ever
met and others the more often, in a pattern that repeats: A. C. Popescu and H. Farid, "Statistical
Tools for Digital Forensics", Information Hiding 2004.

How often each multiple would be met without an earlier compression is learnt from the same picture
on a grid that lies half a block beside, on which nothing was rounded; J. Fridrich, M. Goljan and
D. Hogea, "Attacking the OutGuess", 2002, restore what was before a change in the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["WAVES", "Recompression", "look_for_recompression"]

BLOCK = 8
# (down, across) of the waves that are looked at: slow ones, of which every picture has many.
WAVES = ((0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2), (2, 1), (3, 0))
# More blocks make it no surer.
MOST_BLOCKS = 20_000
# Values beyond are rare. Earlier steps beyond leave too few multiples within.
REACH = 128.0
COARSEST = 48
BIN = 0.5
VALUES = np.arange(0, REACH + BIN / 2, BIN)
# Rare values are taken together with so large a part of their neighbours to both sides.
SMOOTHED = 0.2
# Between the two compressions pixels were rounded, which blurs values by this deviation. A few
# points of the bell curve stand for it, with their weights.
BLUR = 0.4
POINTS, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
# What was pasted since, or was too bright or dark, does not follow the pattern.
STRANGE = 0.1
# Fewer multiples other than 0 tell nothing.
LEAST_MET = 200
# Chosen on pictures compressed once: docs/benchmarks.md.
LEAST_EVIDENCE = 0.04
LEAST_OF_THIRD = 0.06

Floats = npt.NDArray[np.float64]
Luma = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Recompression:
    """What the coefficients say.

    Attributes:
        evidence: Of each of `WAVES`, by how much an earlier compression makes its multiples more
            likely: the mean of the logarithm; 0 where it does not, or there are too few.
        steps: The earlier step of each of them that fits best; 0 where none does.
    """

    evidence: tuple[float, ...]
    steps: tuple[int, ...]

    @property
    def is_likely(self) -> bool:
        """Tell whether it is likely; no single wave is believed."""
        third = sorted(self.evidence, reverse=True)[2]
        return sum(self.evidence) >= LEAST_EVIDENCE * len(WAVES) and third >= LEAST_OF_THIRD


def look_for_recompression(luma: Luma, table: Sequence[int]) -> Recompression:
    """Compare the coefficients of a decoded JPEG with those of a picture compressed once.

    An earlier compression with the same or finer steps, or on another grid, as when the picture
    was cropped or resized in between, is not found.

    Args:
        luma: As the decoder gives it, on the file's own grid, uint8 (h, w).
        table: The 64 steps by which it was compressed, row by row.
    """
    half = BLOCK // 2
    if min(luma.shape) < BLOCK + half:
        return Recompression((0.0,) * len(WAVES), (0,) * len(WAVES))
    on_grid, beside = _coefficients(luma), _coefficients(luma[half:, half:])
    found = [
        _best_fit(on_grid[:, number], beside[:, number], table[BLOCK * down + across])
        for number, (down, across) in enumerate(WAVES)
    ]
    return Recompression(tuple(gain for gain, _ in found), tuple(step for _, step in found))


def _coefficients(luma: Luma) -> npt.NDArray[np.float32]:
    """Return the cosine coefficients (blocks, waves) of blocks all over the picture."""
    rows, columns = (length // BLOCK for length in luma.shape)
    whole = luma[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    chosen = np.linspace(0, rows * columns - 1, min(rows * columns, MOST_BLOCKS)).astype(np.intp)
    blocks = whole.swapaxes(1, 2)[chosen // columns, chosen % columns]
    return blocks.reshape(-1, BLOCK * BLOCK).astype(np.float32) @ _cosines()


@cache
def _cosines() -> npt.NDArray[np.float32]:
    """Return JPEG's cosines (64, waves)."""
    place = np.arange(BLOCK)
    rows = np.cos(place[:, None] * (2 * place + 1) * np.pi / (2 * BLOCK)) / 2
    rows[0] /= np.sqrt(2)
    return np.stack(
        [np.outer(rows[down], rows[across]).ravel() for down, across in WAVES], 1
    ).astype(np.float32)


def _best_fit(
    on_grid: npt.NDArray[np.float32], beside: npt.NDArray[np.float32], step: int
) -> tuple[float, int]:
    """Return the mean gain in likelihood by the best earlier step, and that step."""
    most = int(REACH // step)
    multiples = np.rint(np.abs(on_grid) / step).astype(np.intp)
    met = np.bincount(multiples[multiples <= most], minlength=most + 1).astype(np.float64)
    met[0] = 0  # of how smooth a picture is, it tells more than of its history
    density = _density(beside)
    if met.sum() < LEAST_MET or not density.any():
        return 0.0, 0
    met /= met.sum()
    once = _shares(density, _once(step, most), most)
    best = 0.0, 0
    for earlier in range(step + 1, COARSEST + 1):
        twice = _shares(density, _twice(step, earlier, most), most)
        gain = float(met @ np.log((1 - STRANGE) * twice / once + STRANGE))
        best = max(best, (gain, earlier))
    return best


def _density(coefficients: npt.NDArray[np.float32]) -> Floats:
    """Return how often each of `VALUES` is met, smoothed the more the rarer they are."""
    edges = np.append(VALUES, REACH + BIN) - BIN / 2
    counts = np.histogram(np.abs(coefficients), edges)[0]
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    places = np.arange(len(VALUES))
    reach = (places * SMOOTHED).astype(np.intp)
    first, last = places - reach, np.minimum(places + reach, len(VALUES) - 1)
    means: Floats = (sums[last + 1] - sums[first]) / (last + 1 - first)
    return means


def _shares(density: Floats, places: npt.NDArray[np.intp], most: int) -> Floats:
    """Return the share of each multiple but 0, of values so dense that come to these places."""
    weights = WEIGHTS[:, None] if len(places) > 1 else 1.0
    counts = np.bincount(places.ravel(), (weights * density).ravel(), most + 2)[:-1]
    counts += density.sum() / 1000 / len(counts)  # nothing is impossible
    counts[0] = 0
    shares = counts / counts.sum()
    shares[0] = 1  # none are met
    return shares


@cache
def _once(step: int, most: int) -> npt.NDArray[np.intp]:
    """Return the multiple to which each value is rounded, (1, values); `most` + 1 beyond that."""
    return _clipped(VALUES[None] / step, most)


@lru_cache(maxsize=1024)
def _twice(step: int, earlier: int, most: int) -> npt.NDArray[np.intp]:
    """Return the same after an earlier rounding, for each point of the blur: (points, values)."""
    before = np.rint(VALUES / earlier) * earlier
    return _clipped((before + BLUR * POINTS[:, None]) / step, most)


def _clipped(multiples: Floats, most: int) -> npt.NDArray[np.intp]:
    return np.minimum(np.abs(np.rint(multiples)), most + 1).astype(np.intp)
