"""An installation full of plausible rows, to measure how it behaves once it has grown.

A part is made row by row, with everything in it that a real one has; the database then copies that
part onto itself, over and over, until there is enough. That takes a million analyses some minutes.
"""

import io
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import QuerySet
from PIL import Image

from detection.models import Analysis, Refusal, Submission, SubmittedImage, Tag
from detection.services.intake import submissions_delete
from detection.services.notes import tags_prune
from detection.services.seeding.copies import Part, part_copy
from detection.services.seeding.rows import HEATMAP, ORIGINAL, PREVIEW, Rows, rows_made

# Nobody can have such an address: it is kept for names that do not exist (RFC 2606).
DOMAIN = "seed.invalid"
# So many are made row by row; beyond, what there is is doubled.
MOST_MADE = 10_000
STORED_AT_ONCE = 1000
DELETED_AT_ONCE = 200

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was made: how many analyses, for how many people, in how many seconds."""

    analyses: int
    users: int
    seconds: float


def seeded_users() -> QuerySet[Any]:
    """Return the people whom `load_seed` has made, the one with the most images first."""
    return get_user_model().objects.filter(email__endswith=f"@{DOMAIN}").order_by("email")


def real_users() -> QuerySet[Any]:
    """Return everybody else."""
    return get_user_model().objects.exclude(email__endswith=f"@{DOMAIN}")


def load_seed(*, analyses: int, users: int, seed: int = 1, tell: Tell = print) -> Seeded:
    """Make at least so many analyses, with all that belongs to them, for so many new people.

    Args:
        analyses: Up to 10,000 exactly as many; beyond, a few more, as parts are doubled.
        users: Of whom the first has a tenth of the images and more, and the others less and less.
        seed: The same numbers make the same rows, but for their keys and times.
        tell: Is told how far it is.
    """
    begun = time.perf_counter()
    doublings = 0
    while analyses > MOST_MADE << doublings:
        doublings += 1
    made = -(-analyses // (1 << doublings))
    _files_store()
    people = _people(users)
    before = Part.now()
    rows = rows_made(random.Random(seed), owners=people, analyses=made, doublings=doublings)  # noqa: S311
    _store(rows)
    part = before.until_now()
    tell(f"{made:,} analyses made")
    for number in range(1, doublings + 1):
        part_copy(part, days=rows.days * (1 << (number - 1)))
        part = before.until_now()
        tell(f"{made << number:,} analyses after {time.perf_counter() - begun:.0f} s")
    tags_prune(owners=[person.pk for person in people])
    _rows_count()
    return Seeded(made << doublings, len(people), time.perf_counter() - begun)


def _rows_count() -> None:
    """Let the database look at what it holds now; by itself MySQL does so some time later.

    Until then it takes some tables for nearly empty, and reads all of them.
    """
    if connection.vendor != "mysql":
        return
    models = apps.get_app_config("detection").get_models(include_auto_created=True)
    tables = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in models)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE TABLE {tables}")
        cursor.fetchall()


def seed_clear(*, tell: Tell = print) -> int:
    """Delete everybody whom `load_seed` has made with all that is theirs; return how many."""
    people = list(seeded_users())
    for person in people:
        keys = list(Submission.objects.visible_to(person).values_list("pk", flat=True))
        for start in range(0, len(keys), DELETED_AT_ONCE):
            chosen = Submission.objects.filter(pk__in=keys[start : start + DELETED_AT_ONCE])
            submissions_delete(submissions=chosen)
        person.delete()
        tell(f"{person.email}: {len(keys):,} submissions deleted")
    return len(people)


def _files_store() -> None:
    """Store the one small file of each kind that all images share."""
    picture = Image.new("RGB", (32, 32), (96, 128, 160))
    for name, form in ((ORIGINAL, "PNG"), (PREVIEW, "WEBP"), (HEATMAP, "PNG")):
        if not default_storage.exists(name):
            buffer = io.BytesIO()
            picture.save(buffer, form)
            default_storage.save(name, ContentFile(buffer.getvalue()))


def _people(count: int) -> list[Any]:
    """Make people without a password, so nobody can sign in as one of them."""
    model: Any = get_user_model()
    first = seeded_users().count() + 1
    made = [
        model(email=f"person-{number:06d}@{DOMAIN}", password=make_password(None))
        for number in range(first, first + count)
    ]
    model.objects.bulk_create(made, batch_size=STORED_AT_ONCE)
    emails = [person.email for person in made]
    return list(model.objects.filter(email__in=emails).order_by("pk"))


def _store(rows: Rows) -> None:
    with transaction.atomic():
        tags = Tag.objects.bulk_create(rows.tags)
        given = Tag.images.through
        for batch in _batches(rows.submissions):
            Submission.objects.bulk_create(batch)
        for batch in _batches(rows.images):
            SubmittedImage.objects.bulk_create(batch)
        for batch in _batches(rows.analyses):
            Analysis.objects.bulk_create(batch)
        Refusal.objects.bulk_create(rows.refusals, batch_size=STORED_AT_ONCE)
        keys = {(tag.owner_id, tag.name): tag.pk for tag in tags}
        if None in keys.values():
            # Not every database tells the keys of rows that are stored together.
            kept = Tag.objects.filter(owner__in={tag.owner_id for tag in tags})
            keys = {(tag.owner_id, tag.name): tag.pk for tag in kept}
        links = [given(submittedimage_id=image, tag_id=keys[tag]) for image, tag in rows.tagged]
        given.objects.bulk_create(links, batch_size=STORED_AT_ONCE)


def _batches(rows: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(rows), STORED_AT_ONCE):
        yield rows[start : start + STORED_AT_ONCE]
