"""Looks for what is left of a person: in every column, file, key and line of an installation."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import redis

from tests.installation import Installation

# What is a person's, by the models: all rows that go with the account, and what names them.
BELONGINGS = """
import json
from django.contrib.admin.utils import NestedObjects
from django.contrib.auth import get_user_model
from django.db.models import CASCADE, FileField

IDS = ("public_id", "token", "code", "digest", "session_key")
collector = NestedObjects(using="default")
collector.collect([get_user_model().objects.get(email={email!r})])
found = {{"models": {{}}, "ids": [], "files": []}}
for model, rows in collector.model_objs.items():
    found["models"][model._meta.label] = len(rows)
    for row in rows:
        named = [str(getattr(row, name, "") or "") for name in IDS]
        # Codes of refusals are words of everybody's.
        found["ids"] += [one for one in named if any(letter.isdigit() for letter in one)]
        stored = [getattr(row, one.name) for one in model._meta.fields if type(one) is FileField]
        found["files"] += [one.name for one in stored if one]
def reached(model, known):
    for relation in model._meta.related_objects:
        owned = relation.related_model
        if relation.on_delete is CASCADE and owned not in known:
            known.add(owned)
            reached(owned, known)
    return known

found["owned"] = [model._meta.label for model in reached(get_user_model(), set())]
print("FOUND" + json.dumps(found))
"""


def belongings(portal: Installation, email: str) -> dict[str, Any]:
    """The rows that go with an account, counted by model, with their ids and files.

    Beside them, as `owned`, all models whose rows go with an account, by their keys.
    """
    done = portal.manage("shell", "--no-imports", "-c", BELONGINGS.format(email=email))
    line = next(line for line in done.stdout.splitlines() if line.startswith("FOUND"))
    return dict(json.loads(line.removeprefix("FOUND")))


def in_database(portal: Installation, needles: Iterable[str]) -> list[str]:
    """Where a needle stands in any column of any table: `table.column: needle`."""
    wanted = [needle.lower() for needle in needles]
    found = set()
    for table in _tables(portal):
        columns = _columns(portal, table)
        for row in portal.rows(f"SELECT * FROM {table}"):  # noqa: S608 - its own names
            for name, value in zip(columns, row, strict=True):
                text = _text(value).lower()
                found |= {f"{table}.{name}: {one}" for one in wanted if one in text}
    return sorted(found)


def in_files(folder: Path, needles: Iterable[str], *, without: Iterable[str] = ()) -> list[str]:
    """Which files below a folder hold a needle, or have it in their name."""
    wanted = [needle.lower().encode() for needle in needles]
    left_out = {folder / name for name in without}
    found = []
    for path in folder.rglob("*"):
        if not path.is_file() or left_out.intersection([path, *path.parents]):
            continue
        content = path.read_bytes().lower() + str(path.relative_to(folder)).lower().encode()
        found += [f"{path}: {one.decode()}" for one in wanted if one in content]
    return found


def in_redis(url: str, needles: Iterable[str]) -> list[str]:
    """Which keys of a Redis database hold a needle, in their name or in what they hold."""
    wanted = [needle.lower() for needle in needles]
    client: Any
    with closing(redis.Redis.from_url(url)) as client:
        texts = {key: repr((key, *_values(client, key))).lower() for key in client.keys("*")}
    return [f"{key!r}: {one}" for key, text in texts.items() for one in wanted if one in text]


def _values(client: Any, key: bytes) -> Iterator[Any]:
    kind = client.type(key)
    readers: dict[bytes, Callable[[], Iterable[Any]]] = {
        b"string": lambda: [client.get(key)],
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"hash": lambda: client.hgetall(key).items(),
        b"zset": lambda: client.zrange(key, 0, -1),
    }
    # Gone since it was listed, or of a kind that would need a reader of its own.
    assert kind in readers or kind == b"none", kind
    if kind in readers:
        yield from readers[kind]()


def _tables(portal: Installation) -> list[str]:
    if "DATABASE_URL" in portal.environment:
        rows = portal.rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
        )
    else:
        rows = portal.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    return [str(name) for (name,) in rows]


def _columns(portal: Installation, table: str) -> list[str]:
    if "DATABASE_URL" in portal.environment:
        rows = portal.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE()"
            " AND table_name = %s ORDER BY ordinal_position",
            table,
        )
        return [str(name) for (name,) in rows]
    return [str(row[1]) for row in portal.rows(f"PRAGMA table_info({table})")]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)
