"""What a stricter bound on false alarms costs a fit to photographs: `python -m bench.bounds`.

Nested: each fifth of the pictures is judged by heads, and by ends of the band, that were found on
the other four fifths alone.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from bench.fits import CACHE, SEEDS, SITES, archived, fewer, sampled
from ml import calibration
from ml.photo import network
from ml.photo.features import Extractor
from ml.photo.figures import band, probability
from ml.photo.folds import folds
from ml.photo.learning import taken
from ml.photo.reading import Reader
from ml.photo.validation import Sample

FIT = 0.05  # what the band of a fit is set for where nobody says another
BOUNDS = (0.05, 0.02, 0.01)
SIZES = (80, 160, None)  # pictures of `site`; `None` is all
HEAD = (
    "| pictures | bound | real called AI | AI found | AI called real | verdicts | of these right |"
)

Ends = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def rows(sample: Sample, name: str, size: int | None) -> Iterator[str]:
    """Yield a row of the table for each bound: the means over seeds."""
    found: dict[str, list[list[float]]] = defaultdict(list)
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        places = fewer(sample, np.arange(len(sample.labels)), size, rng)
        some = sample.take(places)
        for bound, (alarms, misses) in judged(some, seed).items():
            found[bound].append(shares(alarms, misses, some.labels == 1))
    for bound, runs in found.items():
        cells = ["-" if np.isnan(share) else f"{share:.1%}" for share in np.mean(runs, axis=0)]
        yield f"| {len(places)} of {name} | {bound} | {' | '.join(cells)} |"


def judged(sample: Sample, seed: int) -> dict[str, tuple[Bools, Bools]]:
    """Return for each bound which pictures are called FAKE, and which REAL."""
    answers = {name: np.zeros((2, len(sample.labels)), np.bool_) for name in names()}
    for learnt_from, held_out in folds(sample.labels, sample.groups, seed):
        learnt = sample.take(learnt_from).learn(seed)
        logits = learnt.logits(taken(sample.features, held_out))
        ends = ends_of(learnt.held_out, sample.labels[learnt_from])
        for name, (low, high) in ends.items():
            answers[name][:, held_out] = logits >= high, logits <= low
    return {name: (alarms, misses) for name, (alarms, misses) in answers.items()}


def names() -> list[str]:
    """Return what the table calls the bounds."""
    lifted = [f"{FIT:.0%}, upper end lifted to {bound:.0%}" for bound in BOUNDS if bound < FIT]
    return [f"{FIT:.0%}, as fitted", *lifted, f"{min(BOUNDS):.0%}, as fitted"]


def ends_of(logits: Ends, labels: npt.NDArray[np.uint8]) -> dict[str, tuple[float, float]]:
    """Return the ends of the band, as logits, for each bound."""
    low, high = band(logits, labels, FIT)
    strict = band(logits, labels, min(BOUNDS))
    table = calibration.false_alarms(probability(logits[labels == 0]))
    lifted = [
        max(high, logit_of(table.threshold(bound))) for bound in BOUNDS if table and bound < FIT
    ]
    bands = [(low, high), *((low, raised) for raised in lifted), strict]
    return dict(zip(names(), bands, strict=True))


def logit_of(p_fake: float) -> float:
    """Return the logit of a probability; infinite from 1 on."""
    return float(np.log(p_fake / (1 - p_fake))) if p_fake < 1 else float("inf")


def shares(alarms: Bools, misses: Bools, is_fake: Bools) -> list[float]:
    """Return the shares of a row."""
    decided = alarms | misses
    right = np.where(is_fake, alarms, misses)[decided]
    return [
        float(alarms[~is_fake].mean()),
        float(alarms[is_fake].mean()),
        float(misses[is_fake].mean()),
        float(decided.mean()),
        float(right.mean()) if right.size else float("nan"),
    ]


def main() -> None:
    """Measure and print the table; the first time the pictures are read, for a minute."""
    reader = Reader(Extractor(network.cached_graph(CACHE)), CACHE)
    print(HEAD, "|---|---|---|---|---|---|---|", sep="\n")
    with threadpool_limits(1):  # as in a fit: the matrices are small
        for site in SITES:
            sample = sampled(reader, list(archived("site", f"{site}.zip")), site)
            for size in SIZES if site == SITES[0] else (None,):
                print("\n".join(rows(sample, site, size)))


if __name__ == "__main__":
    main()
