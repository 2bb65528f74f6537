"""From labelled files to features; what was measured once is kept, so that a killed fit goes on."""

import dataclasses
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ml.errors import ImageReadError, PhotoError
from ml.photo.copies import Shape, cells_of, shape_of
from ml.photo.degraded import TIERS, degrade
from ml.photo.features import MEMBERS, Extractor
from ml.photo.shortcuts import FileTraits, read_traits
from ml.preprocessing import open_upright

__all__ = ["Look", "Picture", "Reader"]

# What a damaged file of the store is answered with: it is measured anew.
DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Picture:
    """One labelled picture that is read when its turn comes.

    Attributes:
        name: For people.
        label: Class.
        read: Returns the file's bytes; FileNotFoundError or ImageReadError where it cannot.
        source: The site, camera or collection it comes from, as far as people know it.
        group: Pictures that share one are held out together.
    """

    name: str
    label: Literal["real", "fake"]
    read: Callable[[], bytes]
    source: str = ""
    group: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What was measured of one picture.

    Attributes:
        sha256: Of the file.
        size: Upright (width, height) in pixels.
        features: Member -> mean over the crops, float32 (d,).
        shape, cells: What near-copies are told by.
        traits: What the file's head says.
        tiers: Tier -> the features of the picture degraded that way, where they were asked for and
            it did not get too small.
    """

    sha256: str
    size: tuple[int, int]
    features: dict[str, Floats]
    shape: Shape
    cells: npt.NDArray[np.uint8]
    traits: FileTraits
    tiers: dict[str, dict[str, Floats]]


class Reader:
    """Measures pictures with several threads, and keeps what it found in a folder.

    Args:
        extractor: Looks at pictures.
        folder: For one small file a picture, named by the picture's content.
    """

    def __init__(self, extractor: Extractor, folder: Path) -> None:
        self._extractor = extractor
        self._folder = folder
        self._mark = extractor.fingerprint[:12]

    def look_all(
        self, pictures: Sequence[Picture], degraded: Sequence[bool], threads: int
    ) -> Iterator[Look | str]:
        """Yield, for each picture in turn, what was measured or why it is left out, in a sentence.

        Args:
            pictures: What to look at.
            degraded: (n,), of which the degraded forms are wanted as well.
            threads: How many pictures at a time.
        """
        pool = ThreadPoolExecutor(threads)
        try:
            yield from pool.map(self._look_or_say, pictures, degraded)
        finally:
            pool.shutdown(cancel_futures=True)

    def _look_or_say(self, picture: Picture, is_degraded: bool) -> Look | str:
        try:
            return self.look(picture.read(), is_degraded=is_degraded)
        except (ImageReadError, PhotoError) as error:
            return error.sentence
        except FileNotFoundError:
            return "The file is gone."

    def look(self, content: bytes, *, is_degraded: bool = False) -> Look:
        """Return what was measured of a picture's file, from the store where it is there.

        Raises:
            ImageReadError: As `ml.preprocessing.open_upright`.
            PhotoError: `too_small`.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._folder / f"{sha256}-{self._mark}{'-tiers' if is_degraded else ''}.npz"
        with suppress(*DAMAGE):
            return _stored(path, sha256)
        look = self._measured(content, sha256, is_degraded)
        with suppress(OSError):  # a full disk is no reason to stop: what is kept only saves time
            _store(path, look)
        return look

    def _measured(self, content: bytes, sha256: str, is_degraded: bool) -> Look:
        image = open_upright(content)
        seen = self._extractor.extract(image)
        tiers = {}
        for name in TIERS if is_degraded else ():
            with suppress(PhotoError):  # half of it may be too small
                tiers[name] = self._extractor.extract(degrade(image, name)).pooled()
        return Look(
            sha256,
            seen.size,
            seen.pooled(),
            shape_of(image),
            cells_of(image),
            read_traits(content),
            tiers,
        )


def _store(path: Path, look: Look) -> None:
    arrays: dict[str, Any] = {
        "size": np.array(look.size),
        "shape": look.shape,
        "cells": look.cells,
        "traits": np.array(json.dumps(dataclasses.asdict(look.traits))),
        "tiers": np.array(list(look.tiers)),
    }
    arrays |= look.features
    for tier, features in look.tiers.items():
        arrays |= {f"{tier}.{member}": values for member, values in features.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{os.getpid()}-{id(look)}-{path.name}")
    try:
        with draft.open("wb") as file:
            np.savez(file, **arrays)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _stored(path: Path, sha256: str) -> Look:
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    width, height = (int(side) for side in arrays["size"])
    return Look(
        sha256,
        (width, height),
        _features(arrays, ""),
        arrays["shape"],
        arrays["cells"],
        FileTraits(**json.loads(str(arrays["traits"]))),
        {str(tier): _features(arrays, f"{tier}.") for tier in arrays["tiers"]},
    )


def _features(arrays: dict[str, npt.NDArray[Any]], prefix: str) -> dict[str, Floats]:
    features = {member: arrays[f"{prefix}{member}"] for member in MEMBERS}
    if any(features[member].shape != (count,) for member, count in MEMBERS.items()):
        raise ValueError(prefix)
    return features
