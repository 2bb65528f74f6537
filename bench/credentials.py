"""How long Content Credentials take, on one core: `python -m bench.credentials`."""

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from PIL import Image

from detection.provenance import credentials
from tests import images
from tests.credentials import edited, signed_ai, trust_list_pem

SIZE = (4000, 3000)
TRIES = 15


def photograph() -> bytes:
    """A JPEG of 12 megapixels and some 4.5 MB, as a camera writes it."""
    width, height = SIZE
    noise = Image.effect_noise((width // 4, height // 4), 60).resize(SIZE)
    return images.encoded(noise.convert("RGB"), "JPEG", quality=92)


def seconds(content: bytes, trust_list: Path) -> float:
    """The median of some readings."""
    taken = []
    for _ in range(TRIES):
        began = time.perf_counter()
        credentials.read(content, format="JPEG", trust_list=trust_list)
        taken.append(time.perf_counter() - began)
    return median(taken)


def main() -> int:
    """Measure and print."""
    plain = photograph()
    signed = signed_ai(plain)
    files = {
        "no manifest": plain,
        "signed as made by AI": signed,
        "edited twice after that": edited(edited(signed)),
    }
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(
        "| Content Credentials of 12 megapixels (JPEG), one core | median |", "|---|---|", sep="\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        trust_list = Path(folder) / "list.pem"
        trust_list.write_bytes(trust_list_pem())
        for name, content in files.items():
            taken = seconds(content, trust_list) * 1000
            print(f"| {name}, {len(content) / 1e6:.1f} MB | {taken:.3g} ms |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
