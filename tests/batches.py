"""Batches for tests, made by the services that the portal itself uses: sent, unpacked, judged."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from detection.models import Batch
from detection.services.analysis import analysis_run
from detection.services.batches import batch_open, batch_receive, batch_unpack
from portal.models import User
from tests import labelled

HERE = "background@here"
PIECE = 300_000


def packed(files: Mapping[str, bytes], **options: Any) -> bytes:
    """These files as a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def pictures(count: int, *, start: int = 0, folder: str = "") -> dict[str, bytes]:
    """Path -> content of so many small images that differ."""
    return {f"{folder}{n:04d}.png": labelled.file(start + n) for n in range(count)}


def sent(owner: User, content: bytes, **options: Any) -> Batch:
    """A batch whose zip has come in whole, in pieces."""
    batch = batch_open(owner=owner, name="holiday.zip", upload_bytes=len(content), **options)
    for offset in range(0, len(content), PIECE):
        batch = batch_receive(batch=batch, offset=offset, chunk=content[offset : offset + PIECE])
    return batch


def unpacked(owner: User, files: Mapping[str, bytes] | bytes, **options: Any) -> Batch:
    """A batch that was sent and unpacked; none of its images is judged yet."""
    batch = sent(owner, files if isinstance(files, bytes) else packed(files), **options)
    batch_unpack(batch_id=batch.pk, worker=HERE)
    batch.refresh_from_db()
    return batch


def judge(batch: Batch, count: int | None = None) -> None:
    """Let the champion look at the images of a batch that wait, or at so many of them."""
    waiting = batch.answers.unfinished().order_by("pk").values_list("pk", flat=True)
    for pk in list(waiting[:count]):
        analysis_run(analysis_id=pk, worker="tester")
