"""Files that are judged by the workers instead of by the command: handed in as a batch."""

import os
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, OutputWrapper
from django.urls import reverse

from detection.image_sources import is_litter
from detection.management.keys import keys_needed
from detection.models import Analysis, Batch, BatchFile, BatchState, State
from detection.models.submissions import Source
from detection.services.batches import (
    MOST_PIECE_BYTES,
    BatchRefused,
    batch_delete,
    batch_finish,
    batch_open,
    batch_progress,
    batch_receive,
)
from detection.services.storage import StorageUnavailable

# How often it is looked how far the batch is.
LOOK_SECONDS = 1.0
Answer = dict[str, Any]


class Left(Exception):
    """Somebody pressed Ctrl-C; what was handed in by then goes on without this command."""


def queued_answers(
    *, paths: Sequence[Path], email: str, with_faces: bool, told: OutputWrapper
) -> Iterator[Answer]:
    """Hand files in as a batch of this person, wait for its end, and yield an answer for each.

    Args:
        paths: The files, in the order of the answers.
        with_faces: Whether what is found out about faces is waited for, too.
        told: Where it is said how far the batch is.

    Raises:
        CommandError: There is no such person, or the batch cannot be handed in.
        Left: Ctrl-C was pressed.
    """
    owner = get_user_model().objects.filter(email__iexact=email, is_active=True).first()
    if owner is None:
        raise CommandError(f"There is no account with the address {email!r}: say --user EMAIL.")
    paths = [path for path in paths if not is_litter(_name_within(path))]
    # A zip is a batch already; whatever else was named makes one together.
    zips = [path for path in paths if path.suffix.lower() == ".zip" and zipfile.is_zipfile(path)]
    rest = [path for path in paths if path not in zips]
    if rest:
        yield from _of_files(rest, owner, with_faces=with_faces, told=told)
    for path in zips:
        yield from _of_zip(path, owner, with_faces=with_faces, told=told)


def _of_files(
    paths: Sequence[Path], owner: Any, *, with_faces: bool, told: OutputWrapper
) -> Iterator[Answer]:
    """Hand files in as one batch, and yield an answer for each."""
    with tempfile.TemporaryFile() as zipped:
        unreadable = _pack(paths, zipped)
        packed = [path for path in paths if path not in unreadable]
        if len(packed) > settings.BATCH_MAX_FILES:
            most = f"At most {settings.BATCH_MAX_FILES:,} files make a batch"
            raise CommandError(f"{most}; these are {len(packed):,}.")
        what = f"{len(packed):,} file{'' if len(packed) == 1 else 's'}"
        name = packed[0].name if len(packed) == 1 else what
        batch = _sent(owner, name, zipped, told) if packed else None
    answers: dict[Path, Answer] = {}
    if batch is not None:
        _wait(batch, with_faces=with_faces, told=told)
        answers = {
            packed[file.number]: answer for file, answer in _answers(batch, with_faces=with_faces)
        }
    for path in paths:
        yield {"file": str(path), **(unreadable.get(path) or answers.get(path) or _unseen(batch))}


def _of_zip(path: Path, owner: Any, *, with_faces: bool, told: OutputWrapper) -> Iterator[Answer]:
    """Hand a zip in as the batch it is, and yield an answer for each of its files."""
    try:
        with path.open("rb") as zipped:
            zipped.seek(0, os.SEEK_END)
            batch = _sent(owner, path.name, zipped, told)
    except OSError as error:
        message = f"The file cannot be read: {error.strerror}."
        yield {"file": str(path), **_error("unreadable_file", message)}
        return
    _wait(batch, with_faces=with_faces, told=told)
    for file, answer in _answers(batch, with_faces=with_faces):
        yield {"file": f"{path}/{file.path}", **answer}
    if batch.state in (BatchState.FAILED, BatchState.CANCELLED):
        yield {"file": str(path), **_unseen(batch)}


def _name_within(path: Path) -> str:
    """Return a file's name within the zip: its path, as far as that does not lead out."""
    return "/".join(part for part in path.parts if part not in ("/", "..", "."))


def _pack(paths: Sequence[Path], target: IO[bytes]) -> dict[Path, Answer]:
    """Write a zip of the files, uncompressed, and return why some of them are not in it."""
    unreadable = {}
    with zipfile.ZipFile(target, "w", strict_timestamps=False) as archive:
        for path in paths:
            try:
                content = path.read_bytes()
            except OSError as error:
                message = f"The file cannot be read: {error.strerror}."
                unreadable[path] = _error("unreadable_file", message)
                continue
            archive.writestr(_name_within(path), content)
    return unreadable


def _sent(owner: Any, name: str, zipped: IO[bytes], told: OutputWrapper) -> Batch:
    """Hand a zip in that was read or written to its end; nothing stays of one that is refused."""
    keys_needed()
    size = zipped.tell()
    zipped.seek(0)
    batch = None
    try:
        batch = batch_open(owner=owner, name=name, upload_bytes=size, source=Source.COMMAND)
        while chunk := zipped.read(MOST_PIECE_BYTES):
            batch = batch_receive(batch=batch, offset=batch.received_bytes, chunk=chunk)
    except (BatchRefused, StorageUnavailable) as refused:
        _forget(batch)
        raise CommandError(f"{refused.sentence} [{refused.code}]") from refused
    except KeyboardInterrupt:
        _forget(batch)
        told.write("Stopped before all was handed in: nothing was kept.")
        raise Left from None
    told.write(f"{batch.name} handed in: {_place(batch)}")
    return batch


def _forget(batch: Batch | None) -> None:
    if batch is not None:
        batch_delete(batch=batch)


def _wait(batch: Batch, *, with_faces: bool, told: OutputWrapper) -> None:
    said = ""
    try:
        while True:
            batch.refresh_from_db()
            progress = batch_progress(batch=batch)
            if batch.state == BatchState.ANALYSING and not progress.unfinished:
                # Noted here, and not by the next sweep.
                batch_finish(batch=batch)
                batch.refresh_from_db()
            faces = _on_faces(batch).unfinished().count() if with_faces else 0
            text = (
                f"{batch.get_state_display()}: {progress.ended:,} of {progress.to_judge:,} images "
                f"judged, {progress.refused:,} not accepted"
            )
            text += f", faces in {faces:,} to be looked for" if faces else ""
            if text != said:
                told.write(text)
                said = text
            if not batch.is_active and not progress.unfinished and not faces:
                return
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        told.write(f"The batch goes on without this command: {_place(batch)}")
        raise Left from None


def _answers(batch: Batch, *, with_faces: bool) -> Iterator[tuple[BatchFile, Answer]]:
    """Yield each file of which anything is known, in the order of the zip, and its answer."""
    analyses = {
        analysis.image_id: analysis
        for analysis in batch.answers.for_display().defer("would_change")
    }
    faces: dict[int, Analysis] = {}
    if with_faces:
        looks = _on_faces(batch).filter(state=State.FINISHED).for_display()
        faces = {look.image_id: look for look in looks.prefetch_related("faces")}
    for file in batch.files.all():
        if file.image_id is None or file.image_id in analyses:
            yield file, _answer(file, analyses, faces)


def _answer(file: BatchFile, analyses: dict[int, Analysis], faces: dict[int, Analysis]) -> Answer:
    if file.image_id is None:
        return _error(file.error_code, file.error_sentence)
    analysis = analyses[file.image_id]
    if analysis.state != State.FINISHED:
        return _error(
            analysis.error_code or analysis.state, analysis.error_sentence or "It has no verdict."
        )
    version = analysis.model_version
    shown = analysis.p_fake if analysis.shows_number else None
    answer = {
        "verdict": analysis.verdict,
        "certainty": analysis.certainty,
        "reason": analysis.code,
        "sentence": analysis.summary,
        "p_fake": None if shown is None else round(shown, 6),
        "in_domain": analysis.in_domain,
        "model": version.model.name if version else None,
        "version": version.number if version else None,
        "findings": analysis.findings,
    }
    if file.image_id in faces:
        answer |= _told_of_faces(faces[file.image_id])
    return answer | {"milliseconds": analysis.milliseconds}


def _told_of_faces(look: Analysis) -> Answer:
    version = look.model_version
    faces = [
        {
            **{name: getattr(face, name) for name in ("left", "top", "width", "height")},
            "confidence": round(face.confidence, 4),
            "verdict": face.verdict,
            "p_fake": round(face.p_fake or 0.0, 6),
            "in_domain": face.in_domain,
        }
        for face in look.faces.all()
    ]
    return {
        "faces": faces,
        "face_model": version.model.name if version else None,
        "face_version": version.number if version else None,
    }


def _on_faces(batch: Batch) -> Any:
    return Analysis.objects.filter(image__submission_id=batch.submission_id).on_faces()


def _unseen(batch: Batch | None) -> Answer:
    """Return why nothing is known of a file: the batch has ended before it."""
    if batch is not None and batch.error_code:
        return _error(batch.error_code, batch.error_sentence)
    return _error("cancelled", "The batch was cancelled before this file was looked at.")


def _error(code: str, message: str) -> Answer:
    return {"error": {"code": code, "message": message}}


def _place(batch: Batch) -> str:
    """Return its address; whole, where the settings know under which name people come here."""
    origin = next(iter(settings.CSRF_TRUSTED_ORIGINS), "")
    return f"{origin}{reverse('batch_detail', args=[batch.public_id])} ({batch.name})"
