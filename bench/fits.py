"""Measures fits to pictures of three sites, by pictures that were held out: parts, seeds, times."""

import io
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.sample import ROOT
from ml.photo import network
from ml.photo.copies import groups_of, near_pairs
from ml.photo.features import Extractor
from ml.photo.figures import calibration_error, probability
from ml.photo.folds import folds
from ml.photo.heads import Features
from ml.photo.learning import Learnt, taken
from ml.photo.novelty import fit_novelty
from ml.photo.reading import Look, Picture, Reader
from ml.photo.validation import Sample

SITES = ("site", "site2", "site3")
SIZES = (40, 80, 160, 300, 360)
SEEDS = (0, 1, 2)
RATE = 0.05
STRANGERS = 200
ENLARGED = 8  # CIFAKE's 32 pixels are refused for their size; enlarged, the novelty has to tell
CACHE = ROOT / "var" / "bench" / "pictures"

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PhotoBench:
    """All that is measured; shares and areas under the curve in [0, 1].

    Attributes:
        auc, recall: Pictures learnt from -> of `site`; recall at 5 % false alarms.
        others: Other sites, learnt from four fifths of their pictures.
        left_out: Site, learnt from the other sites alone.
        categories: Kind of picture in `site`, learnt from the other kinds.
        ece, ece_plain: Of `site` at 300 pictures, as fits tell it and without taking chance off.
        kept, strangers: Of further pictures of `site`, and called outside, by collection.
        megapixels_seconds: One picture of 12 megapixels on one core, with its score map.
        fit_seconds: A fit of 300 pictures on two cores, nothing kept from before.
    """

    auc: dict[int, float]
    recall: dict[int, float]
    others: dict[str, float]
    left_out: dict[str, float]
    categories: dict[str, float]
    ece: float
    ece_plain: float
    kept: float
    strangers: dict[str, float]
    megapixels_seconds: float
    fit_seconds: float


def measure(*, with_times: bool) -> PhotoBench:
    """Measure everything, in some minutes where nothing is kept yet."""
    graph = network.cached_graph(CACHE)
    reader = Reader(Extractor(graph), CACHE)
    names = {site: list(archived("site", f"{site}.zip")) for site in SITES}
    samples = {site: sampled(reader, files, site) for site, files in names.items()}
    site = samples["site"]
    auc, recall, logits = {}, {}, np.zeros((len(SEEDS), len(site.labels)))
    for size in SIZES:
        auc[size], recall[size], runs = _crossed(site, size)
        logits = runs if size == 300 else logits
    together = _joined([samples[name] for name in SITES])
    kinds = [Path(name).name.split("-")[0] for name, _ in names["site"]]
    kept, called_outside = _novelty(site)
    strangers = {
        "faces": _looks(reader, _some(archived("faces", "faces.zip"))),
        f"CIFAKE, {ENLARGED} times": _looks(
            reader, (_enlarged(each) for each in _some(archived("cifake", "test.zip")))
        ),
    }
    strangers |= {name: samples[name].features for name in SITES[1:]}
    plain = [_plain_error(probability(row), site.labels) for row in logits]
    error = [calibration_error(probability(row), site.labels) for row in logits]
    return PhotoBench(
        auc=auc,
        recall=recall,
        others={name: _crossed(samples[name], None)[0] for name in SITES if name != "site"},
        left_out=_left_out(together, together.sources),
        categories=_left_out(site, kinds),
        ece=float(np.mean(error)),
        ece_plain=float(np.mean(plain)),
        kept=kept,
        strangers={name: called_outside(looks) for name, looks in strangers.items()},
        megapixels_seconds=_megapixels_seconds(names["site"]) if with_times else float("nan"),
        fit_seconds=_fit_seconds(names["site"]) if with_times else float("nan"),
    )


def _crossed(sample: Sample, size: int | None) -> tuple[float, float, Doubles]:
    """Return area under the curve (mean over the parts), recall, and logits (seeds, n)."""
    from sklearn.metrics import roc_auc_score

    logits = np.zeros((len(SEEDS), len(sample.labels)))
    areas, recalls = [], []
    for row, seed in zip(logits, SEEDS, strict=True):
        rng = np.random.default_rng(seed)
        for learnt_from, held_out in folds(sample.labels, sample.groups, seed):
            learnt = sample.take(fewer(sample, learnt_from, size, rng)).learn(seed)
            row[held_out] = learnt.logits(taken(sample.features, held_out))
            areas.append(roc_auc_score(sample.labels[held_out], row[held_out]))
        recalls.append(_recall(row, sample.labels))
    return float(np.mean(areas)), float(np.mean(recalls)), logits


def fewer(
    sample: Sample, places: npt.NDArray[np.intp], size: int | None, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Return so many of the places, half of each class; all where there are no more."""
    if size is None or size >= len(places):
        return places
    halves = [rng.permutation(places[sample.labels[places] == label]) for label in (0, 1)]
    return np.sort(np.concatenate([half[: size // 2] for half in halves]))


def _recall(logits: Doubles, labels: npt.NDArray[np.uint8]) -> float:
    reals = np.sort(logits[labels == 0])[::-1]
    return float((logits[labels == 1] > reals[int(RATE * len(reals))]).mean())


def _left_out(sample: Sample, parts: Sequence[str]) -> dict[str, float]:
    """Return the area under the curve of each part, learnt from all others."""
    from sklearn.metrics import roc_auc_score

    names, found = np.array(parts), {}
    for part in sorted(set(parts)):
        inside = np.flatnonzero(names == part)
        learnt: Learnt = sample.take(np.flatnonzero(names != part)).learn(0)
        scores = learnt.logits(taken(sample.features, inside))
        found[part] = float(roc_auc_score(sample.labels[inside], scores))
    return found


def _novelty(sample: Sample) -> tuple[float, Callable[[Features], float]]:
    """Return the share of further pictures that is kept, and what tells the share called outside.

    Both are means over fits to 300 pictures, one for each seed.
    """
    kept, fits = [], []
    for seed in SEEDS:
        order = np.random.default_rng(seed).permutation(len(sample.labels))
        part, rest = sample.take(order[:300]), sample.take(order[300:])
        fits.append(fit_novelty(part.features, part.labels, part.groups, seed))
        kept.append(float((fits[-1].scores(rest.features) <= 1).mean()))
    return float(np.mean(kept)), lambda looks: float(
        np.mean([(novelty.scores(looks) > 1).mean() for novelty in fits])
    )


def _plain_error(p_fake: Doubles, labels: npt.NDArray[np.uint8]) -> float:
    parts = np.array_split(np.argsort(p_fake), 10)
    gaps = [abs(p_fake[part].mean() - labels[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(labels))


def archived(*parts: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the pictures of an archive among the data sets, sorted."""
    data = Path(os.environ.get("VERIPIX_DATA") or ROOT.parent / "shared" / "data")
    path = data.joinpath(*parts)
    if not path.is_file():
        sys.exit(f"{path} is not there: set VERIPIX_DATA to the folder with the data sets.")
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.lower().endswith(".jpg"):
                yield name, archive.read(name)


def _some(files: Iterator[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return pictures evenly spread over an archive."""
    listed = list(files)
    return [listed[i] for i in np.linspace(0, len(listed) - 1, STRANGERS).astype(int)]


def _enlarged(file: tuple[str, bytes]) -> tuple[str, bytes]:
    name, content = file
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        side = image.width * ENLARGED
        image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return name, buffer.getvalue()


def _looks(
    reader: Reader, files: "Iterator[tuple[str, bytes]] | Sequence[tuple[str, bytes]]"
) -> Features:
    """Return the features (n, d) of pictures."""
    return _stacked(list(_looked(reader, list(files))))


def _looked(reader: Reader, files: Sequence[tuple[str, bytes]]) -> Iterator[Look]:
    pictures = [_picture(name, content) for name, content in files]
    threads = os.cpu_count() or 1
    for look in reader.look_all(pictures, [False] * len(pictures), threads):
        if isinstance(look, str):
            raise SystemExit(look)
        yield look


def _picture(name: str, content: bytes) -> Picture:
    label: Literal["real", "fake"] = "fake" if "FAKE" in Path(name).parts else "real"
    return Picture(name, label, lambda: content, "site")


def _stacked(looks: Sequence[Look]) -> Features:
    members = looks[0].features
    return {member: np.stack([look.features[member] for look in looks]) for member in members}


def sampled(reader: Reader, files: Sequence[tuple[str, bytes]], source: str) -> Sample:
    """Return pictures as numbers, near-copies among them grouped."""
    looks = list(_looked(reader, files))
    labels = np.array(["FAKE" in Path(name).parts for name, _ in files], np.uint8)
    pairs = near_pairs(np.stack([look.shape for look in looks]))
    groups = groups_of(len(looks), pairs)
    return Sample(_stacked(looks), labels, groups, (source,) * len(looks))


def _joined(samples: Sequence[Sample]) -> Sample:
    starts = np.cumsum([0] + [len(sample.labels) for sample in samples])
    return Sample(
        {
            member: np.concatenate([sample.features[member] for sample in samples])
            for member in samples[0].features
        },
        np.concatenate([sample.labels for sample in samples]),
        np.concatenate(
            [sample.groups + start for sample, start in zip(samples, starts, strict=False)]
        ),
        tuple(source for sample in samples for source in sample.sources),
    )


def _fit_of(files: Sequence[tuple[str, bytes]], folder: Path, count: int, threads: int) -> float:
    """Fit to so many pictures into a folder that holds nothing yet; return the seconds."""
    from ml.photo.fitting import fit, store

    halves = [[file for file in files if f"{name}/" in file[0]] for name in ("REAL", "FAKE")]
    chosen = [file for half in halves for file in half[: count // 2]]
    started = time.perf_counter()
    fitted = fit([_picture(*file) for file in chosen], cache=folder / "kept", threads=threads)
    if fitted is None:
        raise SystemExit("The fit was stopped.")
    store(fitted, folder / "model", name="bench", source="site")
    return time.perf_counter() - started


def _fit_seconds(files: Sequence[tuple[str, bytes]]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "kept").mkdir()
        for graph in CACHE.glob("*.tflite"):  # made once an installation
            (Path(folder) / "kept" / graph.name).write_bytes(graph.read_bytes())
        return _fit_of(files, Path(folder), 300, 2)


def _megapixels_seconds(files: Sequence[tuple[str, bytes]]) -> float:
    """Return the least over tries with a picture of 4000 x 3000, decoded, judged and explained."""
    from ml.inference import load

    content = _mosaic(files, 4000, 3000)
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder:
        _fit_of(files, Path(folder), 60, len(cores))
        os.sched_setaffinity(0, {min(cores)})
        try:
            detector = load(Path(folder) / "model", threads=1)
            detector.warm_up()
            seconds = []
            for _ in range(8):
                started = time.perf_counter()
                detector.predict([content], with_heatmap=True)
                seconds.append(time.perf_counter() - started)
        finally:
            os.sched_setaffinity(0, cores)
    return min(seconds)  # whatever else the machine does only adds


def _mosaic(files: Sequence[tuple[str, bytes]], width: int, height: int) -> bytes:
    """Return a JPEG of this size, laid out with pictures at their own resolution."""
    canvas = Image.new("RGB", (width, height))
    pictures = iter(files)
    for top in range(0, height, 576):
        for left in range(0, width, 576):
            with Image.open(io.BytesIO(next(pictures)[1])) as image:
                canvas.paste(image, (left, top))
    buffer = io.BytesIO()
    canvas.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
