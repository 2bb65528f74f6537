"""A migration holds nobody up: MySQL does it while others write, and older code goes on meanwhile.

What is tested by running all of them back and forth is in tests/services/test_migrations.py.
"""

from collections.abc import Iterator

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

OURS = ("detection", "portal")
# What came before there was this rule; whoever updates from there has stopped the portal.
BEFORE = {"detection": "0013_standing_answers", "portal": "0002_api_tokens"}
# Operations that are not among those below, each with the reason why it holds nobody up.
DECLARED: dict[tuple[str, str], str] = {
    ("0016_consent", "Raw Python operation"): "one statement over reports with consent: few rows",
    ("0003_reviewers", "Raw Python operation"): "one group and five rights",
}

# Tables are made, dropped or renamed at once; what Django alone knows never reaches the database.
AT_ONCE = (
    migrations.CreateModel,
    migrations.DeleteModel,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    # MariaDB from 10.4, MySQL from 8.0.29: the column is marked as gone.
    migrations.RemoveField,
    # Built beside the table, while others write.
    migrations.AddIndex,
    migrations.RemoveIndex,
    migrations.RenameIndex,
)


def later() -> Iterator[tuple[str, str, migrations.Migration]]:
    """Migrations of ours since the rule."""
    loader = MigrationLoader(None)
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if app in OURS and name > BEFORE[app]:
            yield app, name, migration


def trouble(operation: Operation, made: set[str]) -> str:
    """Why an operation would hold people up; empty where it does not."""
    if isinstance(operation, AT_ONCE):
        return ""
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        return next(filter(None, (trouble(one, made) for one in operation.database_operations)), "")
    table = str(getattr(operation, "model_name", "")).lower()
    if table in made:
        return ""  # nobody has rows in it yet
    if isinstance(operation, migrations.AddField):
        return trouble_of_column(operation.field)
    if isinstance(operation, migrations.AlterField):
        return "it may copy the table: say why it does not"
    return f"{type(operation).__name__} may copy or lock the table: say why it does not"


def trouble_of_column(field: models.Field) -> str:
    """Why a new column would: it has to be left out by older code, and be there at once."""
    if field.remote_field is not None and getattr(field, "db_constraint", True):
        return "a foreign key is checked for every row, and the table copied for it"
    if not field.null and not field.has_db_default():
        return "older code that still runs leaves it out: null=True or db_default"
    return ""


def test_every_migration_is_one_that_holds_nobody_up() -> None:
    found = {}
    for app, name, migration in later():
        made: set[str] = set()
        for operation in migration.operations:
            if isinstance(operation, migrations.CreateModel):
                made.add(operation.name_lower)
            why = trouble(operation, made)
            if why and (name, operation.describe()) not in DECLARED:
                found[f"{app} {name}: {operation.describe()}"] = why
            assert operation.reversible, f"{app} {name}: {operation.describe()}"
    assert found == {}


def test_what_is_declared_is_there() -> None:
    there = {
        (name, operation.describe())
        for _, name, migration in later()
        for operation in migration.operations
    }
    assert set(DECLARED) - there == set()


def test_every_migration_can_be_taken_back() -> None:
    loader = MigrationLoader(None)
    for (app, name), migration in loader.disk_migrations.items():
        if app in OURS:
            for operation in migration.operations:
                assert operation.reversible, f"{app} {name}: {operation.describe()}"


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        (migrations.AddField("face", "x", models.IntegerField(null=True)), ""),
        (migrations.AddField("face", "x", models.CharField(max_length=9, db_default="")), ""),
        (
            migrations.AddField("face", "x", models.CharField(max_length=9, default="")),
            "older code",
        ),
        (
            migrations.AddField("face", "x", models.ForeignKey("Face", models.CASCADE, null=True)),
            "a foreign key",
        ),
        (migrations.AlterField("face", "x", models.TextField()), "it may copy"),
        (migrations.RunPython(migrations.RunPython.noop), "RunPython may"),
        (migrations.RunSQL("SELECT 1"), "RunSQL may"),
        (migrations.AddField("new", "x", models.TextField()), ""),
    ],
)
def test_the_rule_tells_them_apart(operation: Operation, says: str) -> None:
    why = trouble(operation, {"new"})
    assert bool(why) == bool(says)
    assert says in why
