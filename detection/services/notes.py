"""Notes and tags of one's own on one's own images; nobody else sees them."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.db.models.functions import Coalesce

from detection.models import Submission, SubmittedImage, Tag
from detection.models.tags import TAG_LENGTH, TagQuerySet, tag_name

NOTE_LENGTH = 5000
TAGS_EACH = 20


class NotesRefused(Exception):
    """A note or tag that cannot be kept; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def note_write(*, image: SubmittedImage, user: Any, text: str) -> None:
    """Keep a note in place of the one before; an empty one takes it away.

    Raises:
        NotesRefused: `note_too_long`, or `gone` where this user has no such image.
    """
    text = text.replace("\r\n", "\n").replace("\0", "").strip()
    if len(text) > NOTE_LENGTH:
        raise NotesRefused("note_too_long", f"A note has at most {NOTE_LENGTH:,} characters.")
    mine = SubmittedImage.objects.visible_to(user).filter(pk=image.pk)
    if not mine.update(note=text):
        raise _gone()


def tags_set(*, image: SubmittedImage, user: Any, names: Iterable[str]) -> None:
    """Give an image these tags and no others.

    Args:
        image: One of the user's own.
        user: Whose tags they are.
        names: As they were typed; see `tag_name` for how they are kept. Empty ones do not count.

    Raises:
        NotesRefused: `tag_too_long`, `too_many_tags`, or `gone`.
    """
    wanted = _kept_names(names)
    with transaction.atomic():
        mine = _locked([image.pk], user)
        if not mine:
            raise _gone()
        _replace(mine[0], user, wanted)
        _prune(user)


def tags_change(
    *,
    images: Iterable[SubmittedImage],
    user: Any,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
) -> int:
    """Add tags to images that keep their others, and take some away.

    Returns:
        How many of the images are this user's and still there; these were changed.

    Raises:
        NotesRefused: `tag_too_long`, or `too_many_tags` when one image would have too many; then
            none is changed.
    """
    added, removed = _kept_names(add), set(_kept_names(remove))
    with transaction.atomic():
        mine = _locked([image.pk for image in images], user)
        for image in mine:
            before = image.tags.values_list("name", flat=True)
            _replace(image, user, [name for name in [*before, *added] if name not in removed])
        _prune(user)
    return len(mine)


def tags_prune(*, owners: Iterable[int]) -> None:
    """Delete the tags of these users that no image has any more, once images were deleted."""
    with transaction.atomic():
        users = get_user_model().objects.select_for_update()
        for owner in users.filter(pk__in=owners).order_by("pk"):
            _recount(Tag.objects.visible_to(owner))
            _prune(owner)


def _locked(images: list[int], user: Any) -> list[SubmittedImage]:
    """Lock a user and the submissions of images, and return those of the images that are theirs.

    All changes of one person's tags come one after another, and none while images are deleted.
    Whoever deletes an account locks in this order too; nothing is read before both are locked.
    """
    list(get_user_model().objects.select_for_update().filter(pk=user.pk))
    mine = SubmittedImage.objects.visible_to(user).filter(pk__in=images)
    submissions = list(mine.values_list("submission_id", flat=True))
    list(Submission.objects.select_for_update().filter(pk__in=submissions).order_by("pk"))
    return list(mine.order_by("pk"))


def _replace(image: SubmittedImage, user: Any, names: Iterable[str]) -> None:
    names = list(dict.fromkeys(names))
    if len(names) > TAGS_EACH:
        raise NotesRefused("too_many_tags", f"An image has at most {TAGS_EACH} tags.")
    # One by one: whether "café" is "cafe" is for the database to say, and MySQL says that it is.
    kept = [Tag.objects.get_or_create(owner=user, name=name)[0] for name in names]
    before, after = {tag.pk for tag in image.tags.all()}, {tag.pk for tag in kept}
    image.tags.set(kept)
    mine = Tag.objects.visible_to(user)
    mine.filter(pk__in=after - before).update(image_count=models.F("image_count") + 1)
    mine.filter(pk__in=before - after).update(image_count=models.F("image_count") - 1)


def _recount(tags: TagQuerySet) -> None:
    """Count once more on how many images each of these is, as some of these were deleted."""
    given = Tag.images.through.objects.filter(tag=models.OuterRef("pk")).order_by()
    counted = given.values("tag").annotate(images=models.Count("pk")).values("images")  # type: ignore[misc]
    tags.update(image_count=Coalesce(models.Subquery(counted), 0))


def _prune(user: Any) -> None:
    Tag.objects.visible_to(user).unused().delete()


def _kept_names(names: Iterable[str]) -> list[str]:
    kept = [name for name in map(tag_name, names) if name]
    if any(len(name) > TAG_LENGTH for name in kept):
        raise NotesRefused("tag_too_long", f"A tag has at most {TAG_LENGTH} characters.")
    return kept


def _gone() -> NotesRefused:
    return NotesRefused("gone", "The image was deleted meanwhile.")
