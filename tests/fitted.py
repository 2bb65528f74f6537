"""A real model of the photo track for tests, fitted to pictures of a site: once, in a minute."""

import zipfile
from functools import partial
from pathlib import Path
from typing import Literal

from ml.photo.fitting import Picture, fit, store
from tests.data import data_file

EACH = 40
NAME = "photo"
Label = Literal["real", "fake"]


def site_pictures(label: Label, count: int) -> dict[str, bytes]:
    """File name -> content of pictures of a class that the model has not learnt from."""
    others = _names(label)[1]
    return _read(others[:: len(others) // count][:count])


def portrait_files(count: int) -> dict[str, bytes]:
    """Portraits as they came, from a collection that has nothing to do with the site."""
    with zipfile.ZipFile(data_file("faces", "faces.zip")) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        chosen = names[:: len(names) // count][:count]
        return {f"portrait-{n}.jpg": archive.read(name) for n, name in enumerate(chosen)}


def store_fitted(folder: Path) -> None:
    """Fit a model to 40 real and 40 AI-generated pictures of the site, and store it in a folder."""
    labels: tuple[Label, Label] = ("real", "fake")
    pictures = [
        Picture(name, label, partial(bytes, content), source="the site")
        for label in labels
        for name, content in _read(_names(label)[0]).items()
    ]
    fitted = fit(pictures, cache=folder.parent / "features", threads=2)
    assert fitted is not None
    store(fitted, folder, name=NAME, source="site.zip")


def _names(label: Label) -> tuple[list[str], list[str]]:
    """Return the files of a class that are learnt from, from all over the site, and the others."""
    with zipfile.ZipFile(data_file("site", "site.zip")) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith(f"{label.upper()}/"))
    learnt = names[:: len(names) // EACH][:EACH]
    return learnt, [name for name in names if name not in learnt]


def _read(names: list[str]) -> dict[str, bytes]:
    with zipfile.ZipFile(data_file("site", "site.zip")) as archive:
        return {Path(name).name: archive.read(name) for name in names}
