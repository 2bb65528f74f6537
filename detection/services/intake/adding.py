"""Takes images in: files first, then all rows of some of them in one short transaction."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, field
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from django.conf import settings
from django.core.files.base import File
from django.db import transaction

from detection import image_files, telemetry
from detection.image_files import ImageRejected
from detection.models import (
    Analysis,
    Priority,
    Refusal,
    Submission,
    SubmittedImage,
    Track,
    UrlFetch,
)
from detection.models.submissions import Source
from detection.services.intake.drafts import Added, Names, drafted
from detection.services.intake.locks import submissions_locked
from detection.services.intake.queued import analyses_of, wake
from detection.services.pending import Note
from detection.services.quotas import QuotaExceeded, quota_take
from detection.services.storage import files_note, noted_delete

# So many files share a transaction.
AT_ONCE = 32

Within: TypeAlias = Callable[[Sequence[Added]], None]
Row = TypeVar("Row", SubmittedImage, Analysis)


def submission_open(*, owner: Any, source: str = Source.PAGE) -> Submission:
    """Start an act of handing in, to which images are then added."""
    return Submission.objects.create(owner=owner, source=source)


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A new submission, and what became of its files, so that nobody has to ask the database.

    Attributes:
        submission: The submission.
        analyses: Those that give its images their verdicts; they wait.
        refusals: Why files were not taken in.
        fetches: Images that are still to be fetched by their addresses.
    """

    submission: Submission
    analyses: list[Analysis] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    fetches: list[UrlFetch] = field(default_factory=list)


def submission_create(
    *,
    owner: Any,
    files: Iterable[File],
    source: str = Source.PAGE,
    on_made: Callable[[Submission], None] | None = None,
) -> HandedIn:
    """Hand in several files at once; those that cannot be taken in are kept as refusals.

    `on_made` is called with the submission in each transaction that makes rows for it.

    Raises:
        StorageUnavailable: When the storage is away.
    """
    made = HandedIn(Submission(owner=owner, source=source))
    # Nobody else knows it yet: what it holds need not be counted, and nobody deletes it meanwhile.
    terms = _Terms(Priority.SINGLE, settings.MAX_FILES, is_new=True, on_made=on_made)
    _added(made, files, terms)
    if made.submission._state.adding:
        made.submission.save()
    return made


def image_add(*, submission: Submission, file: File) -> SubmittedImage:
    """Take one file into a submission and queue its analysis.

    Raises:
        ImageRejected: With the codes of `image_files.inspect`, `too_many_files`, `quota_exceeded`
            and `submission_gone`. The refusal is kept with the submission.
        StorageUnavailable: When the storage is away; nothing is kept then.
    """
    (added,) = images_add(submission=submission, files=[file])
    if isinstance(added, ImageRejected):
        raise added
    return added


def images_add(
    *,
    submission: Submission,
    files: Iterable[File],
    priority: int = Priority.SINGLE,
    limit: int | None = None,
    within: Within | None = None,
    before_each: Callable[[], None] | None = None,
) -> list[Added]:
    """Take files into a submission and queue their analyses.

    Some at a time: their files are stored first, all their rows then in one short transaction; if
    that fails the files go again. So no row is ever without its files.

    Args:
        submission: Where they go.
        files: Their names are what people called them.
        priority: One of `Priority`.
        limit: How many images the submission may hold; `None` is `MAX_FILES`.
        within: Called with what became of some files, in the transaction that makes their rows;
            where it raises, none of these is added.
        before_each: Called before each file, as a sign of life; where it raises, none of the files
            that are not stored yet is added.

    Returns:
        For each file its image, or why it was refused, which is kept with the submission.

    Raises:
        StorageUnavailable: When the storage is away: what was added until then stays.
    """
    limit = settings.MAX_FILES if limit is None else limit
    return _added(HandedIn(submission), files, _Terms(priority, limit, within, before_each))


@dataclass(frozen=True, slots=True)
class _Terms:
    """On what terms files go in; `is_new` when the submission's row comes with the first ones."""

    priority: int
    limit: int
    within: Within | None = None
    before_each: Callable[[], None] | None = None
    is_new: bool = False
    on_made: Callable[[Submission], None] | None = None

    def room_in(self, submission: Submission, added: int) -> int:
        """How many images go in yet, beside those that were just added."""
        return self.limit - (added if self.is_new else submission.images.count())


def _added(made: HandedIn, files: Iterable[File], terms: _Terms) -> list[Added]:
    added: list[Added] = []
    coming = iter(files)
    while group := list(islice(coming, AT_ONCE)):
        held = sum(isinstance(one, SubmittedImage) for one in added)
        added += _group_added(made, group, terms, held)
    return added


def _group_added(made: HandedIn, files: list[File], terms: _Terms, held: int) -> list[Added]:
    """Take in a few files; each is there or refused, whatever happens to the others."""
    room = terms.room_in(made.submission, held)
    names = [Names.new() for _ in files[: max(room, 0)]]
    # Noted before the first is written, in one row for all of them: see `services.pending`.
    note = Note(name for one in names for name in astuple(one)) if names else None
    found: list[Added] = []
    try:
        for file in files:
            if terms.before_each is not None:
                terms.before_each()
            # Known without a look at the file. Whether there is room is settled under the lock.
            drafts = sum(isinstance(one, SubmittedImage) for one in found)
            if note is None or drafts >= room:
                found.append(_too_many(terms.limit))
                continue
            note.renew()
            found.append(drafted(made.submission, file, names[drafts]))
        added = _stored(made, found, terms, held, note)
    except BaseException:
        if note is not None:
            note.drop()
        raise
    refused = [
        (image_files.uploaded_name(file.name or ""), one)
        for file, one in zip(files, added, strict=True)
        if isinstance(one, ImageRejected)
    ]
    _refusals_keep(made, refused, most=2 * terms.limit)
    return added


def _stored(
    made: HandedIn, found: Sequence[Added], terms: _Terms, held: int, note: Note | None
) -> list[Added]:
    """Make the rows of those that there is room for, and have their analyses queued."""
    if terms.within is None and not any(isinstance(one, SubmittedImage) for one in found):
        if note is not None:
            note.settle()  # Nothing was written.
        return list(found)
    with transaction.atomic():
        added = _admitted(made.submission, found, terms, held)
        if terms.on_made is not None:
            terms.on_made(made.submission)
        if note is not None:
            note.settle()
        left = files_note(_names_without_row(found, added))
        images = [one for one in added if isinstance(one, SubmittedImage)]
        _rows_create(images)
        analyses = analyses_of(made.submission, images, terms.priority)
        _rows_create(analyses)
        if terms.within is not None:
            terms.within(added)
        # Robust: once the rows are stored, no trouble with the broker may take their files away.
        transaction.on_commit(lambda: wake(analyses), robust=True)
    noted_delete(left)
    made.analyses.extend(one for one in analyses if one.track != Track.FACE)
    for image in images:
        telemetry.image_taken(image.format, image.byte_size)
    return added


def _names_without_row(found: Sequence[Added], added: Sequence[Added]) -> list[str]:
    """Return the files of those that were stored and are not taken in."""
    return [
        name
        for draft, one in zip(found, added, strict=True)
        if draft is not one and isinstance(draft, SubmittedImage)
        for name in draft.stored_names
    ]


def _admitted(
    submission: Submission, found: Sequence[Added], terms: _Terms, held: int
) -> list[Added]:
    """Return what there is room for under the submission's lock; in place of others, why not."""
    if submission._state.adding:
        submission.save()
    elif not submissions_locked([submission.pk]):
        gone = ImageRejected("submission_gone", "The submission was deleted meanwhile.")
        return [gone if isinstance(one, SubmittedImage) else one for one in found]
    room = terms.room_in(submission, held)
    added: list[Added] = []
    for one in found:
        is_full = isinstance(one, SubmittedImage) and room <= 0
        room -= isinstance(one, SubmittedImage)
        added.append(_too_many(terms.limit) if is_full else one)
    return _within_quota(submission.owner, added)


def _within_quota(owner: Any, found: Sequence[Added]) -> list[Added]:
    """Count images against their owner's quota: all together, or else one by one."""
    images = [one for one in found if isinstance(one, SubmittedImage)]
    if not images:
        return list(found)
    try:
        quota_take(owner=owner, images=len(images), bytes=sum(one.byte_size for one in images))
    except QuotaExceeded:
        return [_counted(owner, one) if isinstance(one, SubmittedImage) else one for one in found]
    return list(found)


def _counted(owner: Any, image: SubmittedImage) -> Added:
    try:
        quota_take(owner=owner, images=1, bytes=image.byte_size)
    except QuotaExceeded as rejected:
        return rejected
    return image


def _rows_create(rows: Sequence[Row]) -> None:
    """Store new rows in one statement, with their keys also where MySQL does not tell them."""
    if not rows:
        return
    manager = type(rows[0])._default_manager
    manager.bulk_create(rows)
    if rows[0].pk is None:
        names = [row.public_id for row in rows]
        keys = dict(manager.filter(public_id__in=names).values_list("public_id", "pk"))
        for row in rows:
            row.pk = keys[row.public_id]


def _too_many(limit: int) -> ImageRejected:
    return ImageRejected("too_many_files", f"At most {limit} images can be handed in at once.")


def _refusals_keep(
    made: HandedIn, refused: Sequence[tuple[str, ImageRejected]], *, most: int
) -> None:
    """Keep why files were refused; bounded, so that refusals cannot fill the database."""
    if not refused:
        return
    with transaction.atomic():
        if made.submission._state.adding:
            made.submission.save()
        elif not submissions_locked([made.submission.pk]):
            return
        for _, rejected in refused:
            telemetry.error_met("intake", rejected.code)
        room = max(0, most - made.submission.refusals.count())
        kept = [
            Refusal(
                submission=made.submission,
                file_name=name,
                code=rejected.code,
                sentence=rejected.sentence,
            )
            for name, rejected in refused[:room]
        ]
        made.refusals.extend(Refusal.objects.bulk_create(kept))
