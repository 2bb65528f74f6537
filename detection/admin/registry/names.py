"""Registered models and promotions: which version answers under each name, and how it came to."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from detection.admin.links import ReadOnlyAdmin, ReadOnlyInline, object_link
from detection.models import Evaluation, ModelVersion, Promotion, RegisteredModel
from detection.services.registry import champion_before
from detection.templatetags.registry_figures import percent, percents

# What `accuracy_text` reads, in two queries for all rows; a dataset is one object in all of them.
TESTS = Prefetch(
    "evaluations",
    queryset=Evaluation.objects.on_tests().prefetch_related("dataset"),
    to_attr="on_tests",
)


def with_tests(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """Return versions with what `accuracy_text` reads of them."""
    return versions.prefetch_related(TESTS)


def accuracy_text(version: Any) -> str:
    """Return the accuracy on the standard test images, by the spec or else by this installation.

    Without one in the spec it is the newest on a sealed test of such images as it was made for;
    of a version that was fitted to photographs the area under the curve of its fit.
    """
    fit = version.spec.get("photo")
    if fit:
        overall = fit["overall"]
        auc = f"{percent(overall['roc_auc'])} ({percents(overall['roc_auc_interval'])})"
        return f"ROC AUC {auc} by its fit"
    told = version.evaluation
    if told.get("accuracy") is not None:
        return f"{100 * told['accuracy']:.2f} % of {told['n']:,}"
    own = (one for one in version.on_tests if one.dataset.is_own_test_of(version))
    newest = next(own, None)
    if newest is None:
        return "not measured"
    record = newest.record
    return f"{100 * record['accuracy']:.2f} % of {record['n']:,} in {newest.dataset}"


class VersionInline(ReadOnlyInline):
    """The versions of a model."""

    model = ModelVersion
    fields = ["number", "accuracy", "weights_sha256", "created_at"]
    readonly_fields = ["accuracy", "created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        """Fetch what was measured with the rows."""
        return with_tests(super().get_queryset(request))

    @admin.display(description="Accuracy or ROC AUC")
    def accuracy(self, version: ModelVersion) -> str:
        """Show the accuracy on the standard test images."""
        return accuracy_text(version)


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ReadOnlyAdmin):
    """Names, and which version answers under each."""

    list_display = ["name", "track", "champion_link", "challenger_link", "version_count"]
    list_filter = ["track"]
    fields = ["name", "track", "champion_link", "challenger_link", "created_at"]
    readonly_fields = fields
    inlines = [VersionInline]
    change_form_outer_before_template = "admin/registry/_model.html"

    class Media:
        css = {"all": ["css/registry.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredModel]:
        """Fetch champions and counts with the rows."""
        rows = super().get_queryset(request)
        rows = rows.select_related("champion__model", "challenger__model")
        return rows.annotate(count_of_versions=Count("versions"))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a model with the ways to go: back, or on to its newest version."""
        model = self.get_object(request, object_id)
        context = (extra_context or {}) | (_ways(model) if model else {})
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    @admin.display(description="Champion")
    def champion_link(self, model: RegisteredModel) -> SafeString | str:
        """Link to the version that answers."""
        return object_link(model.champion)

    @admin.display(description="In the shadow")
    def challenger_link(self, model: RegisteredModel) -> SafeString | str:
        """Link to the version that answers beside it."""
        return object_link(model.challenger)

    @admin.display(description="Versions", ordering="count_of_versions")
    def version_count(self, model: Any) -> int:
        """Count the versions."""
        return int(model.count_of_versions)


def _ways(model: RegisteredModel) -> dict[str, Any]:
    """Return the version that answers in the track, the one before it, and the model's newest."""
    champion = ModelVersion.objects.champion_of(model.track)
    newest = model.versions.select_related("model").order_by("-number").first()
    return {
        "track_champion": champion,
        "before": champion_before(track=model.track),
        "newest": newest if newest != champion else None,
    }


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    """Who moved which champion, why, and through which gates."""

    list_display = ["created_at", "model", "from_version", "to_version", "user", "why", "way"]
    list_filter = ["model", "created_at"]
    list_select_related = ["model", "from_version__model", "to_version__model", "user"]
    fields = [
        *("created_at", "model", "from_version", "to_version", "user", "why", "way"),
        "gates_list",
    ]
    readonly_fields = fields

    @admin.display(description="Reason")
    def why(self, promotion: Promotion) -> str:
        """Tell why it was promoted: where gates failed, why it shall answer all the same."""
        return promotion.override_reason or promotion.reason

    @display(description="Gates", label={"passed": "success", "overridden": "warning"})
    def way(self, promotion: Promotion) -> tuple[str, str] | str:
        """Say whether the version passed."""
        if promotion.override_reason:
            return "overridden", "Overridden"
        return ("passed", "Passed") if promotion.gates else "not asked"

    @admin.display(description="How they stood")
    def gates_list(self, promotion: Promotion) -> SafeString | str:
        """Tell each gate as it stood."""
        rows = (("✓" if gate["passed"] else "✗", gate["sentence"]) for gate in promotion.gates)
        return format_html_join("", "<p>{} {}</p>", rows) or "Not asked: on the way back, or first."
