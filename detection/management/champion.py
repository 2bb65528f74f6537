"""Finds the model version that a command shall use, on a fresh machine too."""

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from detection.ml_gateway import GatewayError
from detection.models import ModelVersion, RegisteredModel, Track
from detection.services.shipped import shipped_register


def version_for_command(label: str = "") -> ModelVersion:
    """Return the version named `NAME[:VERSION]`, or the champion of the thumbnail track.

    An embedded installation that was never started is set up first: its database is a file.

    Raises:
        CommandError: When there is no such version.
    """
    _ensure_ready()
    if not label:
        champion = ModelVersion.objects.champion_of(Track.THUMBNAIL)
        if champion is None:
            raise CommandError("No model answers here yet: run `manage.py register_models` first.")
        return champion
    try:
        return ModelVersion.objects.named(label)
    except ModelVersion.DoesNotExist:
        known = ", ".join(f"{v.model.name}:{v.number}" for v in _all_versions()) or "none"
        raise CommandError(f"There is no model version {label!r}. Registered: {known}.") from None


def _all_versions() -> list[ModelVersion]:
    return list(ModelVersion.objects.select_related("model"))


def _ensure_ready() -> None:
    if not settings.EMBEDDED:
        return
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)
    if not RegisteredModel.objects.exists():
        try:
            shipped_register()
        except GatewayError as error:
            raise CommandError(error.sentence) from error
