"""Copies a part of the tables onto its end, within the database: no row leaves it."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Self

from django.db import connection, transaction
from django.db.models import CharField, DateTimeField, ExpressionWrapper, F, Max, Model, Value
from django.db.models.functions import MD5, SHA256, Cast, Concat, Left, LPad, Replace

from detection.models import Analysis, Refusal, Submission, SubmittedImage, Tag

# So many rows go into one statement.
AT_ONCE = 20_000
DIGITS = 9
BAND = 1 << 16
# Coprime to the number of bands: each copy has other ones than its source.
STEPS = (7919, 104_729, 611_953, 27_644_437)
GIVEN: Any = Tag.images.through


@dataclass(frozen=True, slots=True)
class Part:
    """Which keys of each table belong to it: those above the first number, up to the second."""

    submissions: tuple[int, int]
    images: tuple[int, int]
    analyses: tuple[int, int]
    given: tuple[int, int]
    refusals: tuple[int, int]

    @classmethod
    def now(cls) -> Self:
        """Return the empty part at the end of the tables."""
        ends = (_last(model) for model in (Submission, SubmittedImage, Analysis, GIVEN, Refusal))
        return cls(*((end, end) for end in ends))

    def until_now(self) -> Self:
        """Return all that has come since."""
        end = self.now()
        names = ("submissions", "images", "analyses", "given", "refusals")
        return replace(
            self, **{name: (getattr(self, name)[0], getattr(end, name)[1]) for name in names}
        )


def part_copy(part: Part, *, days: float) -> None:
    """Add a copy of a part to the tables, so many days later, with ids and hashes of its own."""
    later = timedelta(days=days)
    submission, image = _width(part.submissions), _width(part.images)
    analysis = _width(part.analyses)
    _copy(
        Submission,
        part.submissions,
        pk=F("pk") + submission,
        public_id=_fresh_id("submission", submission),
        created_at=_shifted("created_at", later),
    )
    bands = {f"band_{n}": (F(f"band_{n}") + step * image) % BAND for n, step in enumerate(STEPS)}
    # The last band keeps its sign: a hash is a signed number.
    bands["band_3"] = (F("band_3") + STEPS[3] * image) % (BAND // 2)
    _copy(
        SubmittedImage,
        part.images,
        pk=F("pk") + image,
        public_id=_fresh_id("image", image),
        submission_id=F("submission_id") + submission,
        file_name=Replace(F("file_name"), _digits(F("pk")), _digits(F("pk") + image)),
        sha256=SHA256(_text("sha256", image)),
        perceptual_hash=_hash_of(bands),
        created_at=_shifted("created_at", later),
        **bands,
    )
    times = ("created_at", "enqueued_at", "started_at", "finished_at")
    _copy(
        Analysis,
        part.analyses,
        pk=F("pk") + analysis,
        public_id=_fresh_id("analysis", analysis),
        image_id=F("image_id") + image,
        **{name: _shifted(name, later) for name in times},
    )
    _copy(GIVEN, part.given, pk=None, submittedimage_id=F("submittedimage_id") + image)
    _copy(Refusal, part.refusals, pk=None, submission_id=F("submission_id") + submission)


def _copy(model: type[Model], keys: tuple[int, int], *, pk: Any, **changed: Any) -> None:
    """Insert what the rows with these keys are, but for the columns that are given.

    `pk` is the new key; `None` leaves it to the database.
    """
    if pk is not None:
        changed[model._meta.pk.attname] = pk
    columns = {
        field.column: changed.get(field.attname, F(field.attname))
        for field in model._meta.concrete_fields
        if not field.primary_key or pk is not None
    }
    quoted = ", ".join(map(connection.ops.quote_name, map(str, columns)))
    table = connection.ops.quote_name(model._meta.db_table)
    for start in range(*keys, AT_ONCE):
        end = min(start + AT_ONCE, keys[1])
        rows = model._default_manager.filter(pk__gt=start, pk__lte=end).order_by("pk")
        named = {f"column_{n}": value for n, value in enumerate(columns.values())}
        select, values = rows.annotate(**named).values_list(*named).query.sql_with_params()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {table} ({quoted}) {select}", values)


def _width(keys: tuple[int, int]) -> int:
    return keys[1] - keys[0]


def _last(model: Any) -> int:
    return model.objects.aggregate(last=Max("pk"))["last"] or 0


def _hash_of(bands: dict[str, Any]) -> Any:
    """Return the hash that is cut into these bands: see `perceptual.bands`."""
    return sum((bands[f"band_{n}"] * (BAND**n) for n in range(1, 4)), bands["band_0"])


def _text(table: str, offset: int) -> Any:
    """Return what is different for each new row of a table."""
    return Concat(Value(f"{table} "), Cast(F("pk") + offset, CharField()))


def _fresh_id(table: str, offset: int) -> Any:
    return Left(MD5(_text(table, offset)), 24)


def _digits(number: Any) -> Any:
    return LPad(Cast(number, CharField()), DIGITS, Value("0"))


def _shifted(column: str, by: timedelta) -> Any:
    return ExpressionWrapper(F(column) + by, output_field=DateTimeField())
