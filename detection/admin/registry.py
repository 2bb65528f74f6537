"""Registered models, their versions and promotions in the admin panel."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from detection.admin.links import ReadOnlyAdmin, ReadOnlyInline, object_link
from detection.models import ModelVersion, Promotion, RegisteredModel


class VersionInline(ReadOnlyInline):
    """The versions of a model."""

    model = ModelVersion
    fields = ["number", "accuracy", "weights_sha256", "created_at"]
    readonly_fields = ["accuracy", "created_at"]

    @admin.display(description="Accuracy")
    def accuracy(self, version: ModelVersion) -> str:
        """Show the accuracy on the standard test images."""
        return accuracy_text(version)


def accuracy_text(version: ModelVersion) -> str:
    """Return the accuracy on the standard test images, as far as the spec has it."""
    accuracy = version.evaluation.get("accuracy")
    if accuracy is None:
        return "not measured"
    return f"{100 * accuracy:.2f} % of {version.evaluation['n']:,}"


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ReadOnlyAdmin):
    """Names, and which version answers under each."""

    list_display = ["name", "track", "champion_link", "version_count", "created_at"]
    list_filter = ["track"]
    fields = ["name", "track", "champion_link", "created_at"]
    readonly_fields = fields
    inlines = [VersionInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredModel]:
        """Fetch champions and counts with the rows."""
        rows = super().get_queryset(request).select_related("champion__model")
        return rows.annotate(count_of_versions=Count("versions"))

    @admin.display(description="Champion")
    def champion_link(self, model: RegisteredModel) -> SafeString | str:
        """Link to the version that answers."""
        return object_link(model.champion)

    @admin.display(description="Versions", ordering="count_of_versions")
    def version_count(self, model: Any) -> int:
        """Count the versions."""
        return int(model.count_of_versions)


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """Immutable weights with their spec and figures."""

    list_display = ["label", "model_link", "number", "role", "accuracy", "created_at"]
    list_filter = ["model"]
    list_select_related = ["model"]
    fields = ["model_link", "number", "accuracy", "weights_sha256", "created_at", "spec"]
    readonly_fields = fields

    @admin.display(description="Model")
    def model_link(self, version: ModelVersion) -> SafeString | str:
        """Link to the registered model."""
        return object_link(version.model)

    @display(description="Role", label={"champion": "success"})
    def role(self, version: ModelVersion) -> tuple[str, str] | str:
        """Say whether the version answers."""
        is_champion = version.model.champion_id == version.pk
        return ("champion", "Champion") if is_champion else "—"

    @admin.display(description="Accuracy")
    def accuracy(self, version: ModelVersion) -> str:
        """Show the accuracy on the standard test images."""
        return accuracy_text(version)


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    """Who moved which champion, and why."""

    list_display = ["created_at", "model", "from_version", "to_version", "user", "reason"]
    list_filter = ["model"]
    list_select_related = ["model", "from_version__model", "to_version__model", "user"]
