"""What is made of a file once it is safe: previews without metadata, and its coarse shape."""

import io
from typing import BinaryIO

from PIL import Image

from detection import image_files, ml_gateway
from detection.decoding.wire import Decoded, Task, Work
from detection.image_files import ImageRejected, InspectedImage
from detection.perceptual import perceptual_hash

THUMBNAIL_SIDE = 256
# Up to this side every pixel is looked at, so none may be lost.
EXACT_SIDE = 128
# Modes that scale as they are; the others are brought to RGB first, at full size.
SCALABLE_MODES = ("RGB", "L", "LA", "RGBA", "CMYK")


def decoded(stream: BinaryIO, task: Task) -> Decoded:
    """Decode a file and make of it what the task says.

    Raises:
        ImageRejected: With the codes of `image_files.inspect`.
    """
    inspected = image_files.inspect(stream, task.limits, preview_side=task.side)
    try:
        rgb = _upright(inspected, task.side)
        shape = perceptual_hash(rgb)
        pictures = _pictures(rgb, task)
    except MemoryError:
        raise image_files.out_of_memory() from None
    except image_files.DAMAGE as error:
        raise ImageRejected("damaged_image", "The image is damaged.") from error
    return Decoded(
        inspected.format,
        inspected.width,
        inspected.height,
        inspected.byte_size,
        inspected.sha256,
        shape,
        pictures,
    )


def _upright(inspected: InspectedImage, side: int) -> Image.Image:
    """Return what people see, no larger than this side."""
    image = inspected.pixels
    if image.mode == "P":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode in SCALABLE_MODES:
        image.thumbnail((side, side))
    rgb = ml_gateway.upright_rgb(image)
    rgb.thumbnail((side, side))
    return rgb


def _pictures(rgb: Image.Image, task: Task) -> tuple[bytes, ...]:
    if task.work == Work.SHAPE:
        return ()
    if task.work == Work.PICTURE:
        return (_webp(rgb, method=1),)
    large = _webp(rgb, method=3)
    if max(rgb.size) <= THUMBNAIL_SIDE:
        return (large,)
    rgb.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return large, _webp(rgb, method=3)


def _webp(image: Image.Image, *, method: int) -> bytes:
    """Encode without loss where every pixel is looked at, small elsewhere."""
    buffer = io.BytesIO()
    is_tiny = max(image.size) <= EXACT_SIDE
    image.save(buffer, "WEBP", lossless=is_tiny, quality=85, method=1 if is_tiny else method)
    return buffer.getvalue()
