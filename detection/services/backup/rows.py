"""Rows out of a database at one moment, and into another one, of whichever engine.

They are written as JSON with the values that Django gives them, so that what SQLite held goes into
MySQL. No program of the database's own is needed for it, and none of its formats.
"""

import base64
import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.apps import apps as current_apps
from django.db import connection, models

ROWS_AT_ONCE = 2000
# Whoever has a backup must not be signed in by it as anybody.
LEFT_OUT = {
    "django_session": "sessions: everybody signs in once more",
    "usersessions_usersession": "sessions: everybody signs in once more",
}
# What an installation has by itself before anybody has used it.
OWN_TABLES = frozenset(
    (
        *("django_migrations", "django_content_type", "auth_permission", "detection_auditevent"),
        *("detection_registeredmodel", "detection_modelversion", "detection_promotion"),
        # The group of reviewers comes with a migration.
        *("auth_group", "auth_group_permissions"),
    )
)
OWN_PREFIXES = ("django_celery_beat_",)


def tables(apps: Any = current_apps) -> dict[str, type[models.Model]]:
    """Return the model behind each table whose rows are kept."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        if meta.managed and not meta.proxy and meta.db_table not in LEFT_OUT:
            found[meta.db_table] = model
    return found


def columns(model: type[models.Model]) -> list[str]:
    """Return the names of a table's columns as attributes of its model, such as `owner_id`."""
    return [field.attname for field in model._meta.concrete_fields]


@contextmanager
def one_moment() -> Iterator[None]:
    """Let every read within this see the rows as they are now, and hold nobody up.

    The portal's own transactions would not do: on MySQL they see what others commit meanwhile, and
    on SQLite they keep others from writing.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("BEGIN DEFERRED")
            # It begins with the first read.
            cursor.execute("SELECT COUNT(*) FROM django_migrations")
            cursor.fetchone()
        else:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")


def rows_read(model: type[models.Model]) -> Iterator[list[tuple[Any, ...]]]:
    """Yield all rows of a table, some at a time, in the order of their keys."""
    names = columns(model)
    rows = model._base_manager.order_by("pk")
    place = names.index(str(model._meta.pk.attname))
    after: dict[str, Any] = {}
    while batch := list(rows.filter(**after).values_list(*names)[:ROWS_AT_ONCE]):
        yield batch
        after = {"pk__gt": batch[-1][place]}


def rows_packed(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """Return rows as lines of JSON."""
    return b"".join(
        json.dumps(row, default=_plain, separators=(",", ":")).encode() + b"\n" for row in rows
    )


def _plain(value: Any) -> Any:
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (bytes, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    return str(value)


def rows_store(model: type[models.Model], names: Sequence[str], lines: Iterator[bytes]) -> int:
    """Store rows in a table as they were read, keys and times too; return how many."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    converters = [_converter(fields[name]) for name in names]
    quote = connection.ops.quote_name
    into = ", ".join(quote(str(fields[name].column)) for name in names)
    statement = (
        f"INSERT INTO {quote(model._meta.db_table)} ({into})"  # noqa: S608 - names of our models
        f" VALUES ({', '.join(['%s'] * len(names))})"
    )
    count, batch = 0, []
    with connection.cursor() as cursor:
        for line in lines:
            values = json.loads(line)
            batch.append(
                [
                    value if convert is None else convert(value)
                    for value, convert in zip(values, converters, strict=True)
                ]
            )
            if len(batch) == ROWS_AT_ONCE:
                cursor.executemany(statement, batch)
                count, batch = count + len(batch), []
        if batch:
            cursor.executemany(statement, batch)
    return count + len(batch)


def _converter(field: Any) -> Callable[[Any], Any] | None:
    """Return what makes a stored value of one of JSON; `None` where it is one already."""
    target = field
    while target.remote_field is not None:
        target = target.target_field
    if isinstance(target, models.JSONField):
        return lambda value: None if value is None and target.null else json.dumps(value)
    if isinstance(target, models.BinaryField):
        return lambda value: None if value is None else base64.b64decode(value)
    if isinstance(target, models.DateTimeField):
        adapt = connection.ops.adapt_datetimefield_value
        return lambda value: None if value is None else adapt(dt.datetime.fromisoformat(value))
    special = (
        *(models.DateField, models.TimeField, models.DecimalField, models.DurationField),
        *(models.UUIDField, models.GenericIPAddressField),
    )
    if isinstance(target, special):
        return lambda value: target.get_db_prep_save(target.to_python(value), connection)
    return None


def rows_clear(model: type[models.Model]) -> None:
    """Delete all rows of a table, within a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608


def tables_in_use() -> dict[str, int]:
    """Return tables that hold rows which somebody has made, with how many."""
    found = {}
    for table, model in tables().items():
        if table in OWN_TABLES or table.startswith(OWN_PREFIXES):
            continue
        if table not in connection.introspection.table_names():
            continue
        count = model._base_manager.count()
        if count:
            found[table] = count
    return found
