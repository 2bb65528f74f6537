"""What does it cost to keep files encrypted? Prints the table of docs/benchmarks.md."""

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from time import thread_time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.core.files.storage import Storage

TIMES = {20_000: 50, 5_000_000: 20}


def main() -> int:
    """Store and read files of two sizes, plain and encrypted, in a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="veripix-bench-") as folder:
        os.environ |= {"VERIPIX_VAR": folder, "DJANGO_SETTINGS_MODULE": "portal.settings"}
        import django

        django.setup()
        _measure()
    return 0


def _measure() -> None:
    from django.conf import settings
    from django.core.files.base import ContentFile

    from portal.encrypted_storage import EncryptedStorage
    from portal.encryption import media_keys, new_key
    from portal.environment import Environment

    options = {**settings.STORAGES["default"]["OPTIONS"], "keys": None}
    keys = media_keys(Environment({"KEYS": new_key()}), "KEYS")
    kinds: list[Any] = [EncryptedStorage(**options | {"keys": one}) for one in (None, keys)]
    for size, times in TIMES.items():
        content = os.urandom(size)

        def store(storage: Any, content: bytes = content) -> str:
            return str(storage.save("a.bin", ContentFile(content)))

        names = [[store(storage) for _ in range(times)] for storage in kinds]
        cells = [_median([partial(store, storage)] * times) for storage in kinds]
        for storage, stored in zip(kinds, names, strict=True):
            cells.append(_median([partial(_read, storage, name) for name in stored]))
        more = kinds[1].inner.size(names[1][0]) - size
        row = " | ".join(f"{1000 * cell:.2f} ms" for cell in cells)
        sys.stdout.write(f"| {size / 1000:,.0f} kB | {row} | {more:,} bytes |\n")


def _read(storage: "Storage", name: str) -> None:
    with storage.open(name) as file:
        file.read()


def _median(acts: list[Callable[[], object]]) -> float:
    """Return the middle of what they took of a core: others may keep the machine busy."""
    taken = []
    for act in acts:
        began = thread_time()
        act()
        taken.append(thread_time() - began)
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main())
