"""Labelled images that lie anywhere: each brings its name, its label and how to be read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ml.contract import CLASS_ORDER, Preprocessing
from ml.datasets.images import (
    CHUNK,
    LabelledImages,
    Progress,
    Readable,
    check_readable,
    joined,
    read_chunk,
)
from ml.errors import DatasetError


@dataclass(frozen=True, slots=True)
class LabelledItem:
    """One labelled image that is read when its turn comes.

    `label` is "real" or "fake"; `read` raises FileNotFoundError where the file is gone.
    """

    name: str
    label: str
    read: Callable[[], bytes]


def load_items(
    items: Iterable[LabelledItem],
    form: Preprocessing,
    *,
    progress: Progress | None = None,
    source: str = "items",
) -> LabelledImages:
    """Read items into memory, in their order, prepared for the network.

    Unlike `load` it takes images of one class alone: who needs both has to ask.

    Args and errors are those of `stream_items`, and:

    Raises:
        DatasetError: `too_few_images` when there is nothing that can be read.
    """
    images = joined([*stream_items(items, form, progress=progress, source=source)], source)
    if not len(images):
        raise DatasetError("too_few_images", f"{source} must have readable images. Received: none.")
    return images


def stream_items(
    items: Iterable[LabelledItem],
    form: Preprocessing,
    *,
    progress: Progress | None = None,
    source: str = "items",
) -> Iterator[LabelledImages]:
    """Yield items in chunks, in their order, prepared for the network; one chunk at least.

    Args:
        items: What to read.
        form: The network's preprocessing.
        progress: Called with (done, all) when a chunk has been used and the next is wanted.
        source: What messages call the items.

    Raises:
        DatasetError: `too_many_unreadable` (more than 1 % of the items) or `unknown_label`.
    """
    known = readable_items(items)
    unreadable: list[str] = []
    for start in range(0, max(len(known), 1), CHUNK):
        chunk = read_chunk(known[start : start + CHUNK], form, source)
        unreadable.extend(chunk.unreadable)
        check_readable(len(known), unreadable, source)
        yield chunk
        if progress:
            progress(min(start + CHUNK, len(known)), len(known))


def readable_items(items: Iterable[LabelledItem]) -> list[Readable]:
    """Return items as what a folder's or an archive's files are.

    Raises:
        DatasetError: `unknown_label`.
    """
    return [(item.name, _index(item), item.read) for item in items]


def _index(item: LabelledItem) -> int:
    try:
        return CLASS_ORDER.index(item.label.upper())
    except ValueError:
        raise DatasetError(
            "unknown_label",
            f"The label of {item.name} must be real or fake. Received: {item.label!r}.",
        ) from None
