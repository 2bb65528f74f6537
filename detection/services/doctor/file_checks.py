"""Checks of rows against files, and what may be mended of these."""

import datetime as dt
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from detection.decoding import Work
from detection.image_files import ImageRejected
from detection.models import (
    Analysis,
    Explanation,
    Face,
    ForensicViews,
    Leftover,
    SubmittedImage,
    TrainingRun,
)
from detection.services.decoding import decode
from detection.services.doctor.contract import Check, Damage, Look
from detection.services.doctor.stored import Named, is_still_named, still_named
from detection.services.intake.drafts import PREVIEW_SIDE
from detection.services.storage import files_delete, leftovers_delete, storage_errors

# As `tempfile` is asked for them, and Django names an upload.
DRAFTS = ("veripix-*", "*.upload*")
DAY = dt.timedelta(days=1)


def _missing(look: Look) -> Iterator[Damage]:
    for named in look.files.missing():
        yield Damage(named.subject, f"{named.name} is gone", named)


def _missing_mend(look: Look, found: list[Damage]) -> Iterator[str]:
    for damage in found:
        named: Named = damage.what
        mend = MENDS.get(named.column.model)
        if mend is not None and is_still_named(named):
            done = mend(named)
            if done:
                yield f"{named.subject}: {done}"


def _image_mend(named: Named) -> str:
    """Draw previews anew; say of an original that it is lost."""
    if named.column.field == "original":
        row = SubmittedImage.objects.filter(pk=named.pk, original=named.name)
        return "marked as lost; its verdicts stand" if row.update(original="") else ""
    image = SubmittedImage.objects.get(pk=named.pk)
    try:
        with storage_errors(), image.original.open("rb") as file:
            decoded = decode(file, work=Work.PREVIEWS, side=PREVIEW_SIDE)
    except (FileNotFoundError, ValueError, ImageRejected):
        return ""
    large, *smaller = decoded.pictures
    content = large if named.column.field == "preview" else next(iter(smaller), None)
    if content is None:
        return ""
    with storage_errors():
        default_storage.save(named.name, ContentFile(content))
    if not is_still_named(named):
        files_delete([named.name])
        return ""
    return "drawn anew from the original"


def _heatmap_mend(named: Named) -> str:
    """Let a verdict stand without its picture."""
    row = named.column.rows.filter(pk=named.pk, **{named.column.field: named.name})
    return "the verdict stands without it" if row.update(**{named.column.field: ""}) else ""


def _drawn_mend(named: Named) -> str:
    """Delete what can be asked for again, with the files that are left of it."""
    with transaction.atomic():
        row = named.column.rows.select_for_update().filter(pk=named.pk).first()
        if row is None:
            return ""
        names = [
            getattr(row, field.name).name
            for field in row._meta.concrete_fields
            if field.get_internal_type() == "FileField"
        ]
        row.delete()
        transaction.on_commit(lambda: files_delete(filter(None, names)))
    return "deleted; it is drawn anew when somebody asks for it"


MENDS: dict[Any, Any] = {
    SubmittedImage: _image_mend,
    Analysis: _heatmap_mend,
    Face: _heatmap_mend,
    Explanation: _drawn_mend,
    ForensicViews: _drawn_mend,
}


def _unnamed(look: Look) -> Iterator[Damage]:
    for stored in look.files.unnamed():
        told = f"{stored.byte_size:,} bytes of {stored.modified_at:%Y-%m-%d %H:%M}"
        yield Damage(stored.name, f"no row names it; {told}", stored)


def _unnamed_mend(look: Look, found: list[Damage]) -> Iterator[str]:
    """Delete them, asked for once more right before: a row may have come."""
    old = [damage.what.name for damage in found if damage.what.modified_at <= look.now - look.grace]
    named = still_named(old)
    gone = [name for name in old if name not in named]
    files_delete(gone)
    _folders_delete(gone)
    if gone:
        yield f"{len(gone):,} files deleted, such as {gone[0]}"


def _folders_delete(names: list[str]) -> None:
    """Delete folders that nothing is left in; a bucket has none.

    Whoever saves a file into one just then makes it once more (`portal.folder_storage`).
    """
    if settings.IS_STORAGE_REMOTE:
        return
    root = Path(default_storage.path(""))
    for folder in {root / Path(name).parent for name in names}:
        for above in (folder, *folder.parents):
            if above == root or not above.is_relative_to(root):
                break
            try:
                above.rmdir()
            except OSError:
                break


def _damaged(look: Look) -> Iterator[Damage]:
    for named, why in look.files.damaged(deep=look.deep):
        yield Damage(named.subject, f"{named.name}: {why}", named)


def _is_drawn(damage: Damage) -> bool:
    """Tell pictures that were made by the portal from what people handed in."""
    named: Named = damage.what
    return named.column.model in MENDS and named.column.field != "original"


def _has_mend(damage: Damage) -> bool:
    return damage.what.column.model in MENDS


def _damaged_mend(look: Look, found: list[Damage]) -> Iterator[str]:
    """Do with pictures what is done where they are gone; never touch what people handed in."""
    for damage in found:
        named: Named = damage.what
        if not _is_drawn(damage) or not is_still_named(named):
            continue
        if named.column.model is SubmittedImage:
            with storage_errors():
                default_storage.delete(named.name)
        done = MENDS[named.column.model](named)
        if done:
            files_delete({named.name} - still_named([named.name]))
            yield f"{named.subject}: {done}"


def _nameless(look: Look) -> Iterator[Damage]:
    lost = SubmittedImage.objects.filter(preview="", forgotten_at=None)
    for pk in lost.values_list("pk", flat=True).iterator():
        yield Damage(f"SubmittedImage.preview of row {pk}", "it names no file, and must")


def _leftovers(look: Look) -> Iterator[Damage]:
    old = Leftover.objects.filter(created_at__lt=look.now - look.grace)
    for pk, name in old.values_list("pk", "name").iterator():
        yield Damage(name, "noted to be deleted, and still here", pk)


def _leftovers_mend(look: Look, found: list[Damage]) -> Iterator[str]:
    named = still_named([damage.subject for damage in found])
    if named:
        Leftover.objects.filter(name__in=named).delete()
        yield f"{len(named):,} notes taken back: rows name these files"
    count = leftovers_delete()
    if count:
        yield f"{count:,} files deleted that were noted"


def _drafts(look: Look) -> Iterator[Damage]:
    """What processes that were killed left in the temporary folder, and runs that have ended."""
    folder = Path(tempfile.gettempdir())
    # What a process that still runs has made may be as old as that process.
    oldest = (look.now - max(look.grace, DAY)).timestamp()
    for path in (path for pattern in DRAFTS for path in folder.glob(pattern)):
        try:
            stat = path.lstat()
        except FileNotFoundError:
            continue
        if stat.st_uid == os.getuid() and stat.st_mtime < oldest:
            yield Damage(str(path), "left behind by a process that was killed")
    yield from _runs(look)


def _runs(look: Look) -> Iterator[Damage]:
    root = Path(settings.RUNS_ROOT)
    if not root.is_dir():
        return
    active = set(TrainingRun.objects.active().values_list("public_id", flat=True))
    oldest = (look.now - look.grace).timestamp()
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and folder.name not in active and folder.stat().st_mtime < oldest:
            yield Damage(str(folder), "checkpoints of a run that has ended", folder.name)


def _runs_mend(look: Look, found: list[Damage]) -> Iterator[str]:
    for damage in found:
        if damage.what is None:
            continue  # of another program, for all we know
        if not TrainingRun.objects.active().filter(public_id=damage.what).exists():
            _tree_delete(Path(damage.subject))
            yield f"{damage.subject} deleted"


def _tree_delete(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
    folder.rmdir()


CHECKS = (
    Check(
        "file_missing",
        "A row names a file that is not there: its picture is missing on pages.",
        _missing,
        _missing_mend,
        "Restore the file from a backup, or delete its row in the administration.",
        _has_mend,
    ),
    Check(
        "file_unnamed",
        "A file that no row names: it takes room, and nobody can see or delete it.",
        _unnamed,
        _unnamed_mend,
    ),
    Check(
        "file_damaged",
        "A file is empty, of another size or, with --deep, of another content than was stored.",
        _damaged,
        _damaged_mend,
        "Restore the file from a backup, or have its owner delete it and hand it in once more.",
        _is_drawn,
    ),
    Check(
        "file_unsaid",
        "A row names no file where it has to.",
        _nameless,
        left="Delete the image in the administration, or have its owner do so.",
    ),
    Check(
        "leftover",
        "Files of deleted images that could not be deleted then, and not since.",
        _leftovers,
        _leftovers_mend,
    ),
    Check(
        "draft",
        "Temporary files and checkpoints that nobody needs any more; those of runs are deleted.",
        _drafts,
        _runs_mend,
        "Delete temporary files by hand, once you know that no program here uses them.",
        lambda damage: damage.what is not None,
    ),
)
