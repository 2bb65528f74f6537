"""From a file's bytes to a stored item: examined, compared with what is there, kept."""

import errno
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from detection import image_files
from detection.decoding import Decoded, Work
from detection.models import Dataset, Item, Label, Role, SnapshotItem
from detection.models.judged import storage_name
from detection.services.decoding import decode
from detection.services.pending import Note, noted
from detection.services.storage import StorageUnavailable

# Enough for the coarse shape; a large JPEG is decoded at a fraction of its size.
HASHED_SIDE = 128
# No room on the disk, in the quota, or in what a process may write at most.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ItemRefused(Exception):
    """A sound image does not become an item; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Draft:
    """An image that was examined, with its bytes, and may become an item."""

    file_name: str
    label: str
    content: bytes
    decoded: Decoded

    @property
    def sha256(self) -> str:
        """Of the file."""
        return self.decoded.sha256

    def item(self, dataset: Dataset, stored_name: str) -> Item:
        """Return the row, to which origin and state are still to be added."""
        decoded = self.decoded
        return Item(
            dataset=dataset,
            label=self.label,
            file=stored_name,
            file_name=self.file_name,
            sha256=decoded.sha256,
            perceptual_hash=decoded.shape,
            format=decoded.format,
            width=decoded.width,
            height=decoded.height,
            byte_size=decoded.byte_size,
        )


def draft_make(*, content: bytes, file_name: str, label: str) -> Draft:
    """Examine a file.

    Raises:
        ImageRejected: With the codes of `services.decoding.decode`.
    """
    decoded = decode(io.BytesIO(content), work=Work.SHAPE, side=HASHED_SIDE)
    return Draft(image_files.display_name(file_name), label, content, decoded)


def draft_refusal(draft: Draft, *, dataset: Dataset, known: "Known") -> ItemRefused | None:
    """Return why an image may not come into the dataset, or `None`."""
    here, sealed = known.here.get(draft.sha256), known.sealed.get(draft.sha256)
    if here is not None:
        return _refused_copy(draft, here)
    if sealed is not None and not dataset.is_sealed:
        return _refused_sealed(draft, sealed)
    if draft.sha256 in known.learnt:
        return ItemRefused(
            "learnt_from",
            f"Snapshot {known.learnt[draft.sha256]} holds this very file to learn from, so no "
            "version may be judged on it.",
        )
    return None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of files, by sha256: labels in this dataset and in sealed ones.

    For a sealed dataset instead the number of a snapshot that learns from the file; its lines
    outlast the images.
    """

    here: dict[str, str]
    sealed: dict[str, str]
    learnt: dict[str, int]


def known_among(hashes: Iterable[str], *, dataset: Dataset) -> Known:
    """Look up in two queries which of these files are there already."""
    wanted = list(hashes)
    rows = Item.objects.filter(sha256__in=wanted)
    here = dict(rows.filter(dataset=dataset).values_list("sha256", "label"))
    if dataset.is_sealed:
        lines = SnapshotItem.objects.learnt_from().filter(sha256__in=wanted)
        return Known(here, {}, dict(lines.values_list("sha256", "snapshot__number")))
    sealed = rows.exclude(dataset__role=Role.TRAINING).values_list("sha256", "label")
    return Known(here, dict(sealed), {})


@contextmanager
def files_stored(drafts: Iterable[Draft]) -> Iterator[Note]:
    """Store the files under noted names; if anything goes wrong within, they go again.

    The note is to be settled in the transaction that makes their rows.

    Raises:
        ItemRefused: `disk_full` or `storage_failed`.
        StorageUnavailable: When an object storage is away; trying again later helps.
    """
    drafts = list(drafts)
    with noted(storage_name("items", ".bin") for _ in drafts) as note:
        for draft, name in zip(drafts, note.names, strict=True):
            note.renew()
            _store(name, draft.content)
        yield note


def _store(name: str, content: bytes) -> None:
    try:
        default_storage.save(name, ContentFile(content))
    except StorageUnavailable:
        raise
    except OSError as error:
        if error.errno in NO_ROOM:
            raise ItemRefused("disk_full", "The disk is full: make room, then try again.") from None
        raise ItemRefused(
            "storage_failed", f"The image cannot be stored: {error.strerror}."
        ) from None


def _refused_copy(draft: Draft, label: str) -> ItemRefused:
    if label == draft.label:
        return ItemRefused("copy_in_dataset", "This very file is in the dataset already.")
    return ItemRefused(
        "contradicts_copy",
        f"This very file is in the dataset already, as {name_of(label)} and not as "
        f"{name_of(draft.label)}.",
    )


def _refused_sealed(draft: Draft, label: str) -> ItemRefused:
    if label == draft.label:
        return ItemRefused(
            "sealed_copy", "This very file is in a sealed dataset, which nothing may learn from."
        )
    return ItemRefused(
        "contradicts_sealed",
        f"This very file is in a sealed dataset as {name_of(label)}, and here it is called "
        f"{name_of(draft.label)}.",
    )


def name_of(label: str) -> str:
    """Return a label as people read it."""
    return str(Label(label).label)
