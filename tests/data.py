"""Images for tests: the real data beside the project where it is there, and generated ones."""

import io
import os
import zipfile
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
DATA_ROOT = Path(os.environ.get("VERIPIX_DATA") or ROOT.parent / "shared" / "data")


def data_file(*parts: str) -> Path:
    """A file of the data sets; the test is skipped, naming the file, where it is absent."""
    path = DATA_ROOT.joinpath(*parts)
    if not path.is_file():
        pytest.skip(f"{path} is not there: set VERIPIX_DATA to the folder with the data sets")
    return path


def cifake_images(label: str, count: int, *, first: int = 0) -> dict[str, bytes]:
    """File name -> content of `count` CIFAKE test images of the class "REAL" or "FAKE"."""
    with zipfile.ZipFile(data_file("cifake", "test.zip")) as archive:
        files = [name for name in archive.namelist() if not name.endswith("/")]
        names = sorted(name for name in files if f"/{label}/" in f"/{name}")
        chosen = names[first : first + count]
        return {f"{label.lower()}-{Path(name).name}": archive.read(name) for name in chosen}


def drawn_image(size: tuple[int, int], *, seed: int = 0, format: str = "JPEG") -> bytes:  # noqa: A002
    """An image file of this size with a few coloured shapes; another seed, another picture."""
    image = Image.new("RGB", size, (40 + seed * 37 % 200, 120, 200 - seed * 53 % 160))
    draw = ImageDraw.Draw(image)
    width, height = size
    draw.ellipse((width // 5, height // 5, width // 2, height // 2), fill=(230, 180, seed % 256))
    draw.line((0, height, width, seed % height), fill=(10, 10, 10), width=max(1, width // 40))
    buffer = io.BytesIO()
    image.save(buffer, format)
    return buffer.getvalue()
