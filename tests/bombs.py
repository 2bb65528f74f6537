"""Small files that take a decoder's time or memory, within the limits on bytes and pixels."""

import struct
import zlib

from tests.images import png_chunk

SIDE = 7000


def scan_bomb(scans: int = 20_000) -> bytes:
    """A progressive JPEG of 49 megapixels with so many scans, each of which says nothing.

    A scan is 100 bytes, and takes the decoder a look at each of its 765,625 blocks.
    """
    blocks = ((SIDE + 7) // 8) ** 2

    def segment(marker: int, content: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content

    def table(kind: int, symbol: int) -> bytes:
        """A table with one code of one bit, 0."""
        return segment(0xC4, bytes([kind, 1, *[0] * 15, symbol]))

    def scan(first: int, last: int, bits: int) -> bytes:
        return segment(0xDA, bytes([1, 1, 0, first, last, 0])) + bytes(bits // 8 + 1)

    # "The next 16,384 blocks end here": the code, and 14 bits.
    end_of_blocks = 0xE0
    silent = scan(1, 63, 15 * (blocks // 16_384 + 1))
    return b"".join(
        (
            b"\xff\xd8",
            segment(0xDB, bytes([0, *[1] * 64])),
            segment(0xC2, struct.pack(">BHHB", 8, SIDE, SIDE, 1) + bytes([1, 0x11, 0])),
            table(0x00, 0),
            table(0x10, end_of_blocks),
            scan(0, 0, blocks),
            silent * scans,
            b"\xff\xd9",
        )
    )


def large_png(side: int = SIDE) -> bytes:
    """A sound PNG with four bytes to each of its pixels, all of them nothing."""
    packer = zlib.compressobj(1)
    row = bytes(1 + 4 * side)
    body = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (png_chunk(b"IHDR", head), png_chunk(b"IDAT", body), png_chunk(b"IEND", b""))
    )
