"""Portraits for tests, from the faces data where it is there; nothing of it is kept here."""

import io
import zipfile

from PIL import Image

from tests.data import data_file


def portraits(count: int, label: str = "REAL") -> list[Image.Image]:
    """Portraits of 320x320 pixels of the test part; the test is skipped where they are absent."""
    with zipfile.ZipFile(data_file("faces", "faces.zip")) as archive:
        names = sorted(n for n in archive.namelist() if n.startswith(f"test/{label}/"))[:count]
        return [Image.open(io.BytesIO(archive.read(name))).convert("RGB") for name in names]


def beside_each_other(images: list[Image.Image], columns: int) -> Image.Image:
    """Images of one size in rows of so many, as one picture."""
    width, height = images[0].size
    rows = -(-len(images) // columns)
    picture = Image.new("RGB", (columns * width, rows * height), "grey")
    for index, image in enumerate(images):
        picture.paste(image, (index % columns * width, index // columns * height))
    return picture


def as_file(image: Image.Image) -> bytes:
    """The picture as a JPEG file, much as a camera writes one."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
