"""Versions in the admin panel: each with its figures, its gates, and what can be done with it."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from detection.admin.links import ReadOnlyAdmin, object_link
from detection.admin.registry import acts, comparing, shadowing
from detection.admin.registry.fitted import fitted
from detection.admin.registry.names import accuracy_text, with_tests
from detection.ml_gateway import GatewayError
from detection.models import LabelReview, ModelVersion, Snapshot
from detection.services import comparisons, evaluations
from detection.services.gates import gates_are_needed, gates_check
from detection.services.served_figures import record_of_today
from detection.services.signatures import version_verify


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """Immutable weights with their spec and figures."""

    list_display = ["label", "model_link", "number", "role", "accuracy", "origin", "created_at"]
    list_filter = ["model"]
    list_select_related = ["model"]
    fields = ["model_link", "number", "accuracy", "weights_hash", "created_at"]
    readonly_fields = fields
    actions_list = ["import_version"]
    change_form_outer_before_template = "admin/registry/_version.html"

    class Media:
        css = {"all": ["css/registry.css", "css/charts.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        """Fetch names and what was measured with the rows."""
        rows: QuerySet[ModelVersion] = super().get_queryset(request)
        return with_tests(rows.select_related("model"))

    def get_urls(self) -> list[URLPattern]:
        """Add the pages and acts of a version."""

        def page(route: str, view: Any, name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(view), name=f"registry_{name}")

        pages = [
            page("compare/", comparing.compare, "compare"),
            page("import/", acts.import_version, "import"),
            page("<int:pk>/promote/", acts.promote, "promote"),
            page("<int:pk>/judge/", acts.judge, "judge"),
            page("<int:pk>/challenger/", acts.challenger, "challenger"),
            page("<int:pk>/export/", acts.export, "export"),
            page("<int:pk>/shadow/", shadowing.shadow, "shadow"),
        ]
        return pages + super().get_urls()

    def has_import_version_permission(self, request: HttpRequest) -> bool:
        """Tell whether a version of another installation may be brought in."""
        return acts.may_import(request)

    @action(description="Import a version", permissions=["import_version"], icon="upload")
    def import_version(self, request: HttpRequest) -> HttpResponse:
        """Lead to the form."""
        return redirect("admin:registry_import")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a version with its standing, gates, evaluations and lineage."""
        version = self.get_object(request, object_id)
        context = (extra_context or {}) | (_page(request, version) if version else {})
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    @admin.display(description="sha256 of the weights")
    def weights_hash(self, version: ModelVersion) -> SafeString:
        """Show the hash so that it may break on a narrow screen."""
        return format_html('<span class="reg-hash">{}</span>', version.weights_sha256)

    @admin.display(description="Model")
    def model_link(self, version: ModelVersion) -> SafeString | str:
        """Link to the registered model."""
        return object_link(version.model)

    @display(description="Role", label={"champion": "success", "challenger": "info"})
    def role(self, version: ModelVersion) -> tuple[str, str] | str:
        """Say whether the version answers, or answers in the shadow."""
        if version.model.champion_id == version.pk:
            return "champion", "Champion"
        is_challenger = version.model.challenger_id == version.pk
        return ("challenger", "In the shadow") if is_challenger else "—"

    @admin.display(description="Accuracy or ROC AUC")
    def accuracy(self, version: ModelVersion) -> str:
        """Show the accuracy on the standard test images."""
        return accuracy_text(version)


def _page(request: HttpRequest, version: ModelVersion) -> dict[str, Any]:
    """Return what the page of a version shows above its fields."""
    champion = ModelVersion.objects.champion_of(version.model.track)
    is_champion = champion == version
    asked = version.model.promotions.filter(to_version=version).exclude(gates=[])
    let_past = asked.order_by("-pk").first()
    # What answers shows its gates as far as it was ever asked for them.
    gates = gates_check(version=version) if let_past or not is_champion else []
    return {
        "version": version,
        "track_champion": champion,
        "is_champion": is_champion,
        "is_challenger": version.model.challenger_id == version.pk,
        "was_champion": version.was_champion,
        "gates_are_needed": gates_are_needed(version=version),
        "gates": gates,
        "fitted": fitted(version),
        "passed_over": let_past.override_reason if let_past and is_champion else "",
        "failed_count": sum(not gate.passed for gate in gates),
        "damage": _damage(version),
        "evaluations": _evaluation_rows(version),
        "has_sealed_sets": any(evaluations.sealed_sets(version)),
        "judging": evaluations.evaluations_state(version),
        "lineage": _lineage(version),
        "spec_text": json.dumps(version.spec, indent=2, ensure_ascii=False),
        "compare_url": _compare_url(champion, version),
        "may_promote": acts.may_promote(request),
        "may_judge": acts.may_judge(request),
    }


def _damage(version: ModelVersion) -> str:
    """Return why a version cannot answer, or nothing."""
    try:
        version_verify(version=version)
    except GatewayError as error:
        return error.sentence
    return ""


def _evaluation_rows(version: ModelVersion) -> list[dict[str, Any]]:
    """Return the newest evaluation on each set, with the figures that people ask for."""
    rows = version.evaluations.select_related("version", "dataset", "snapshot").order_by("pk")
    newest = {(row.dataset_id, row.snapshot_id): row for row in rows}
    return [
        {
            "name": str(row.dataset or f"{row.snapshot}, held out"),
            "role": row.dataset.get_role_display() if row.dataset else "Held out",
            "record": record,
            "recall": comparisons.figure_of(record, "recall"),
            "false_alarms": comparisons.false_alarms(record),
            "tiers": [
                (comparisons.TIERS.get(name, name), figures["accuracy"])
                for name, figures in record["tiers"].items()
            ],
            "created_at": row.created_at,
        }
        for row in newest.values()
        for record in [record_of_today(row)]
    ]


def _lineage(version: ModelVersion) -> dict[str, Any]:
    """Return where a version comes from: run, snapshot, datasets with their counts, reviewers."""
    run = getattr(version, "run", None)
    if run is None:
        return {}
    snapshot = run.snapshot
    return {
        "run": run,
        "snapshot": snapshot,
        "counts": snapshot.counts,
        "origins": snapshot.origins_among(snapshot.datasets.with_counts()),
        "requested_by": run.requested_by,
        "reviewers": _reviewers(snapshot),
    }


def _reviewers(snapshot: Snapshot) -> list[tuple[str, int]]:
    """Return who settled how many of a snapshot's labels, the busiest first."""
    reviews = LabelReview.objects.filter(item__lines__snapshot=snapshot)
    people = reviews.order_by().values_list("reviewer__email").annotate(count=Count("pk"))
    return [(email or "somebody who left", count) for email, count in people.order_by("-count")]


def _compare_url(champion: ModelVersion | None, version: ModelVersion) -> str:
    """Return the address of the comparison with the champion, or with the version before it."""
    other = champion
    if other is None or other == version:
        promotion = version.model.promotions.filter(to_version=version).last()
        other = promotion.from_version if promotion else None
    if other is None:
        return ""
    return f"{reverse('admin:registry_compare')}?first={other.pk}&second={version.pk}"
