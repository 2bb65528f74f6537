"""The pictures of a report: the image, and the heatmap laid over it as the page does."""

import io

from PIL import Image

# How strongly the heatmap covers the image, as on the verdict page (static/css/components.css).
OVERLAY_STRENGTH = 0.55
# On paper a picture is at most 9 cm wide: more pixels only make the file larger.
LONGEST_SIDE = 1000
# Up to this side each pixel is shown as a square, as on the page.
CRISP_SIDE = 64
_CRISP_TARGET = 512


def opened(content: bytes) -> Image.Image:
    """Return a stored preview as RGB of a size for paper; small ones enlarged, pixel by pixel."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    longest = max(image.size)
    if longest <= CRISP_SIDE:
        factor = max(1, _CRISP_TARGET // longest)
        size = (image.width * factor, image.height * factor)
        return image.resize(size, Image.Resampling.NEAREST)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return image


def overlaid(image: Image.Image, heatmap: bytes) -> Image.Image:
    """Return the image with a heatmap over it; where that is transparent the image stays bare.

    Args:
        image: RGB, from `opened`.
        heatmap: A stored heatmap; it is stretched to the image, as the page stretches it.
    """
    heat = Image.open(io.BytesIO(heatmap)).convert("RGBA")
    heat = heat.resize(image.size, Image.Resampling.BICUBIC)
    alpha = heat.getchannel("A").point(lambda value: round(OVERLAY_STRENGTH * value))
    return Image.composite(heat.convert("RGB"), image, alpha)


def cut_out(image: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    """Return a part of an image.

    Args:
        image: Of any size.
        box: Left, top, right and bottom as shares of width and height; beyond [0, 1] is cut off.
    """
    sides = (image.width, image.height, image.width, image.height)
    left, top, right, bottom = (
        round(min(max(share, 0.0), 1.0) * side) for share, side in zip(box, sides, strict=True)
    )
    return image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def encoded(image: Image.Image) -> bytes:
    """Return it as a JPEG, which goes into a PDF as it is."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
