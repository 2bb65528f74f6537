"""What fits to one's own pictures reach, beside what was measured before: `python -m bench.photo`.

What is measured of each picture is kept below `var/`, so that a second run takes two minutes.
`--json` prints the figures for programs.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict

from threadpoolctl import threadpool_limits

from bench.fits import SITES, SIZES, PhotoBench, measure

# The features and the head that the issue describes, on the same pictures, five parts, three seeds.
BEFORE_AUC = {40: 0.65, 80: 0.71, 160: 0.75, 300: 0.80, 360: 0.81}
BEFORE_RECALL = {40: 0.13, 80: 0.19, 160: 0.21, 300: 0.26, 360: 0.27}
LEAST_AUC = {40: 0.70, 80: 0.76, 160: 0.80, 300: 0.85}
LEAST_SITES = {"site2": 0.60, "site3": 0.82}


def table(found: PhotoBench) -> list[str]:
    """The figures in Markdown, beside those that were measured before."""
    lines = ["### Fits to one's own pictures", "", f"| pictures | {_row(SIZES)} |"]
    lines += ["|---|" + "---|" * len(SIZES)]
    rows = {
        "area under the curve, before": BEFORE_AUC,
        "area under the curve": found.auc,
        "recall at 5 % false alarms, before": BEFORE_RECALL,
        "recall at 5 % false alarms": found.recall,
    }
    lines += [
        f"| {name} | {_row([f'{row[size]:.2f}' for size in SIZES])} |" for name, row in rows.items()
    ]
    shares = {
        "{}, learnt from four fifths of it": found.others,
        "{}, learnt from the other sites": found.left_out,
        "`{}-` of site, learnt from its other kinds": found.categories,
    }
    figures = {
        name.format(part): f"{auc:.2f}" for name, row in shares.items() for part, auc in row.items()
    }
    figures |= {
        "calibration error at 300": f"{found.ece_plain:.3f}; {found.ece:.3f} without chance",
        "further pictures of the site kept": f"{found.kept:.1%}",
        **{f"called outside: {name}": f"{share:.1%}" for name, share in found.strangers.items()},
    }
    if not _is_untimed(found):
        figures |= {
            "12 megapixels with score map, one core": f"{found.megapixels_seconds:.2f} s",
            "a fit of 300 pictures, two cores": f"{found.fit_seconds:.0f} s",
        }
    return [*lines, "", "| what | figure |", "|---|---|"] + [
        f"| {what} | {figure} |" for what, figure in figures.items()
    ]


def bars(found: PhotoBench) -> list[tuple[bool, str]]:
    """Each bar: whether it is met, and the sentence with its figure; times only if taken."""
    judged = [
        (
            found.auc[size] >= least,
            f"site at {size} pictures reaches {least:.2f}: {found.auc[size]:.3f}",
        )
        for size, least in LEAST_AUC.items()
    ]
    judged += [
        (found.others[name] >= least, f"{name} reaches {least:.2f}: {found.others[name]:.3f}")
        for name, least in LEAST_SITES.items()
    ]
    judged += [
        (share >= 0.8, f"four in five of {name} are called outside: {share:.1%}")
        for name, share in found.strangers.items()
        if name not in SITES
    ]
    judged += [
        (found.recall[300] >= 0.4, f"recall of 0.40 at 5 % false alarms: {found.recall[300]:.2f}"),
        (found.ece_plain <= 0.08, f"calibration error of 0.08 at most: {found.ece_plain:.3f}"),
        (found.kept >= 0.945, f"95 % of the site are kept: {found.kept:.1%}"),
    ]
    timed = [
        (
            found.megapixels_seconds <= 0.5,
            f"12 megapixels within 0.5 s on one core: {found.megapixels_seconds:.2f} s",
        ),
        (found.fit_seconds <= 180, f"300 pictures within 3 minutes: {found.fit_seconds:.0f} s"),
    ]
    return judged if _is_untimed(found) else judged + timed


def read(figures: str) -> PhotoBench:
    """Return what `--json` printed."""
    values = json.loads(figures)
    for name in ("auc", "recall"):
        values[name] = {int(size): value for size, value in values[name].items()}
    return PhotoBench(**values)


def _is_untimed(found: PhotoBench) -> bool:
    return math.isnan(found.fit_seconds)


def _row(cells: Sequence[object]) -> str:
    return " | ".join(str(cell) for cell in cells)


def main() -> int:
    """Measure and print; the exit status says whether every bar is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.photo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="the bare figures")
    parser.add_argument("--without-times", action="store_true", help="leave out what is timed")
    wanted = parser.parse_args()
    with threadpool_limits(1):  # as in a fit: the matrices are small
        found = measure(with_times=not wanted.without_times)
    if wanted.json:
        print(json.dumps(asdict(found)))
        return 0
    judged = bars(found)
    print("\n".join(table(found)), "", sep="\n")
    for is_met, words in judged:
        print(f"- {'met' if is_met else '**missed**'}: {words}")
    return 0 if all(is_met for is_met, _ in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
