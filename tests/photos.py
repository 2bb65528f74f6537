"""Photographs, figures and versions of the photo track for tests: a fit that costs nothing.

Its model is the one of `tests.colours`, which tells red from blue at any size; what it claims to
be worth is what a test wants it to be worth.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from detection.ml_gateway import FitStep, PhotoItem
from detection.models import Dataset, Item, ItemState, Label, ModelVersion
from detection.services.datasets import item_add
from detection.services.registry import version_register
from ml.contract import Domain
from ml.contract.photo import (
    CurvePoint,
    FitWarning,
    PhotoFigures,
    SourceFigures,
    SplitFigures,
)
from tests import colours, images

SIDE = 160
DOMAIN = Domain(SIDE, SIDE, "Photographs of our own site.", shorter_sides=(128, 600))


@cache
def content(seed: int, colour: str = "", side: int = SIDE, quality: int | None = None) -> bytes:
    """A file with a coarse pattern unlike that of any other seed; or of one colour.

    Of a `quality`: saved as a JPEG.
    """
    if colour:
        return images.plain(colour, (side, side))
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((side, side))
    if quality is not None:
        return images.encoded(picture, "JPEG", quality=quality)
    return images.encoded(picture, "PNG")


def add(
    to: Dataset,
    seed: int,
    label: Label,
    *,
    source: str = "",
    side: int = SIDE,
    file: bytes | None = None,
) -> Item:
    """One more reviewed photograph, of a file of its own where one is given."""
    return item_add(
        dataset=to,
        content=file or content(seed, side=side),
        file_name=f"{seed}.png",
        label=label,
        state=ItemState.ACCEPTED,
        source=source,
    )


def dataset(name: str = "Our site", *, real: int = 20, fake: int = 20, first: int = 0) -> Dataset:
    """A training dataset with so many reviewed photographs, all of one source."""
    made = Dataset.objects.create(name=name)
    for number in range(real + fake):
        label = Label.REAL if number < real else Label.FAKE
        add(made, first + number, label, source="site")
    return made


def split_figures(roc_auc: float = 0.87, *, spread: float = 0.04, **changes: Any) -> SplitFigures:
    """Figures of 100 + 100 pictures, their interval so far to both sides."""
    figures: dict[str, Any] = {
        "real": 100,
        "fake": 100,
        "roc_auc": roc_auc,
        "roc_auc_interval": (roc_auc - spread, min(roc_auc + spread, 1.0)),
        "recall": 0.5,
        "recall_interval": (0.4, 0.6),
        "false_alarm_rate": 0.05,
        "accuracy": 0.78,
        "ece": 0.05,
    }
    return SplitFigures(**{**figures, **changes})


def figures(roc_auc: float = 0.87, *, images: int = 200, **changes: Any) -> PhotoFigures:
    """What a fit to 200 pictures of two sources found."""
    curve = tuple(
        CurvePoint(count, auc, (auc - 0.05, auc + 0.05), auc - 0.4)
        for count, auc in ((40, roc_auc - 0.14), (80, roc_auc - 0.07), (images, roc_auc))
    )
    whole: dict[str, Any] = {
        "real": images // 2,
        "fake": images - images // 2,
        "groups": 2,
        "unreadable": 0,
        "shortest": 128,
        "longest": 600,
        "overall": split_figures(roc_auc),
        "members": {"forensics": roc_auc - 0.04, "network": roc_auc - 0.01},
        "sources": (
            SourceFigures("site", 60, 60, split_figures(0.9), split_figures(0.58, spread=0.1)),
            SourceFigures("camera", 40, 0, None, None),
        ),
        "tiers": {name: split_figures(0.7) for name in ("jpeg_q60", "half_size", "screenshot")},
        "curve": curve,
        "expected_roc_auc": roc_auc + 0.01,
        "false_alarms": 0.06,
        "false_alarms_interval": (0.03, 0.13),
        "false_alarms_allowed": 0.05,
        "misses": 0.2,
        "kept_as_known": 0.95,
        "seconds": 100.0,
        "seed": 7,
    }
    return PhotoFigures(**{**whole, **changes})


def worthless(**changes: Any) -> PhotoFigures:
    """A fit that tells no more than a coin does, as far as its pictures show."""
    warning = FitWarning("worth_nothing", "The fit is worth nothing: its interval reaches chance.")
    changes = {"overall": split_figures(0.52, spread=0.06), "warnings": (warning,), **changes}
    return figures(0.52, **changes)


def version(
    folder: Path, found: PhotoFigures | None = None, *, strength: float = 3.0, **changes: Any
) -> ModelVersion:
    """A registered version of the photo track that claims these figures."""
    store(folder, found or figures(), strength=strength, **changes)
    return version_register(directory=folder)[0]


def store(folder: Path, found: PhotoFigures, *, strength: float = 3.0, **changes: Any) -> None:
    """Store such a model in a folder."""
    options = {"name": "photo", "track": "photo", "domain": DOMAIN, "photo": found, **changes}
    colours.store(folder, strength=strength, **options)


class FakeFit:
    """Stands in for `ml_gateway.photo_fit`: reads every picture and stores what it is told to.

    `trouble` is called with the number of each picture before it is read.
    """

    def __init__(
        self, found: PhotoFigures | None = None, trouble: Callable[[int], None] | None = None
    ) -> None:
        self.found, self.trouble = found or figures(), trouble
        self.items: Sequence[PhotoItem] = ()
        self.options: dict[str, Any] = {}

    def __call__(
        self,
        items: Sequence[PhotoItem],
        folder: Path,
        out_dir: Path,
        *,
        progress: Callable[[FitStep], None],
        should_stop: Callable[[], bool],
        **options: Any,
    ) -> bool:
        self.items, self.options = items, options
        folder.mkdir(parents=True, exist_ok=True)
        for number, item in enumerate(items, start=1):
            if self.trouble:
                self.trouble(number)
            if should_stop():
                return False
            assert item.read()
            progress(FitStep("reading", number, len(items)))
        for part in (1, 2):
            progress(FitStep("validating", part, 2))
        store(out_dir, self.found, name=options["name"])
        return True
