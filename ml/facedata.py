"""Faces for training are cut out of labelled portraits just as faces are cut out in serving."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from ml.contract import Preprocessing
from ml.datasets import labelled_names
from ml.errors import DatasetError, ImageReadError
from ml.faces import cut, find_faces
from ml.preprocessing import open_upright, prepare_upright
from ml.sources import Source, opened

__all__ = ["FORM", "FaceReport", "cut_faces"]

# No JPEG comes after the resize: whatever compression a photograph had was at its own size.
FORM = Preprocessing(160, 160, jpeg_quality=None)
SUFFIX = ".png"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FaceReport:
    """How many portraits gave a face, and the names of those without one and of the unreadable."""

    faces: int
    without_face: tuple[str, ...]
    unreadable: tuple[str, ...]


def cut_faces(
    data: Path, out: Path, *, form: Preprocessing = FORM, progress: Progress | None = None
) -> FaceReport:
    """Cut the largest face out of each labelled image and store it as the network's input.

    Args:
        data: A folder or zip archive with REAL and FAKE folders at any depth.
        out: Folder for the same tree of names, as PNG files; those already there are kept, so
            that an interrupted cut goes on.
        form: The network's preprocessing.
        progress: Called with (done, all) after each image.

    Raises:
        DatasetError: As `ml.datasets.load`, and `no_faces` when not one was found.
    """
    without: list[str] = []
    unreadable: list[str] = []
    with closing(opened(data)) as source:
        names = labelled_names(source, data.name)
        for done, name in enumerate(names, start=1):
            target = _target(out, name)
            try:
                if not target.exists() and not _cut_one(source, name, target, form):
                    without.append(name)
            except ImageReadError as error:
                unreadable.append(f"{name}: {error.sentence}")
            if progress:
                progress(done, len(names))
    count = len(names) - len(without) - len(unreadable)
    if not count:
        raise DatasetError("no_faces", f"Not one face was found in {data.name}.")
    return FaceReport(count, tuple(without), tuple(unreadable))


def _target(out: Path, name: str) -> Path:
    """Return where a face goes; an archive may hold names that would lead out of the folder."""
    path = PurePosixPath(name)
    inside = [part for part in path.parts if part not in ("/", "..")]
    return out.joinpath(*inside).with_suffix(SUFFIX)


def _cut_one(source: Source, name: str, target: Path, form: Preprocessing) -> bool:
    """Store the largest face of one image; tell whether there is one."""
    image = open_upright(source.read(name))
    boxes = find_faces(image)
    if not boxes:
        return False
    largest = max(boxes, key=lambda box: box.width)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".draft")
    Image.fromarray(prepare_upright(cut(image, largest), form)).save(draft, "PNG")
    draft.replace(target)
    return True
