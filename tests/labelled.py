"""Labelled images for tests: small pictures that differ, zips of them, datasets by the services."""

import io
import resource
import signal
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from detection.models import Dataset, DatasetImport, Item, ItemState, Role
from detection.services.datasets import dataset_create, item_add
from detection.services.import_requests import import_request
from detection.services.imports import import_run


@cache
def picture(seed: int) -> Image.Image:
    """A coarse pattern in 32x32, unlike that of any other seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((32, 32), Image.Resampling.BICUBIC)


@cache
def file(seed: int, format: str = "PNG") -> bytes:  # noqa: A002
    """That pattern as a file; saved otherwise it is a near-copy."""
    buffer = io.BytesIO()
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 98, "subsampling": 0},
        "WEBP": {"lossless": True},
    }
    picture(seed).save(buffer, format, **options.get(format, {}))
    return buffer.getvalue()


def class_folders(count: int, start: int = 0) -> dict[str, bytes]:
    """Path -> content of so many real and as many fake images."""
    real = {f"REAL/{n}.png": file(start + n) for n in range(count)}
    return real | {f"fake/{n}.png": file(start + count + n) for n in range(count)}


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a zip archive of these files."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_folder(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write these files below a folder."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def dataset(name: str = "Mine", role: str = Role.TRAINING) -> Dataset:
    """An empty dataset."""
    return dataset_create(user=None, name=name, role=role)


def item(
    into: Dataset, seed: int, label: str = "real", state: str = ItemState.ACCEPTED, **rest: bytes
) -> Item:
    """One image in a dataset."""
    content = rest.get("content", file(seed))
    return item_add(
        dataset=into, content=content, file_name=f"{seed}.png", label=label, state=state
    )


def imported(into: Dataset, path: Path, **options: object) -> DatasetImport:
    """An import of what lies there, run to its end."""
    job = requested(into, path, **options)
    import_run(import_id=job.pk, worker="tester")
    job.refresh_from_db()
    return job


def requested(into: Dataset, path: Path, **options: object) -> DatasetImport:
    """An import that waits."""
    return import_request(
        dataset=into,
        user=None,
        path=str(path),
        **{"is_reviewed": True, "is_run_here": True, **options},  # type: ignore[arg-type]
    )


def filled(count: int = 30, name: str = "Mine", *, start: int = 0) -> Dataset:
    """A training dataset with so many real and as many fake images."""
    made = dataset(name)
    for n in range(count):
        item(made, start + n, "real")
        item(made, start + count + n, "fake")
    return made


@contextmanager
def no_room(most_bytes: int = 100) -> Iterator[None]:
    """Let no file grow beyond so many bytes, as on a disk that is full."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
