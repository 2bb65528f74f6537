"""Analysing again with the champion of today: the chosen images, or all that it has not judged."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods
from unfold.admin import ModelAdmin
from unfold.decorators import action

from detection.admin.registry.acts import page_of
from detection.models import Analysis
from detection.services.repeats import (
    RepeatRefused,
    analyses_repeat,
    champions,
    names,
    outdated,
    repeat_all_ask,
)

ANALYSES = "admin:detection_analysis_changelist"


def may_repeat(request: HttpRequest) -> bool:
    """Tell whether somebody may have images of everybody analysed again."""
    return request.user.has_perm("detection.change_analysis")


class RepeatsAnalyses(ModelAdmin):
    """Adds both ways to the list of analyses."""

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks for all."""
        view = self.admin_site.admin_view(repeat_all)
        own = path("repeat-all/", view, name="registry_repeat_all")
        return [own, *super().get_urls()]

    def has_repeat_permission(self, request: HttpRequest) -> bool:
        """Tell whether the ways are offered."""
        return may_repeat(request)

    @action(description="Analyse again with the current champion", permissions=["repeat"])
    def repeat_chosen(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> None:
        """Have the chosen images looked at again."""
        chosen = Analysis.objects.filter(pk__in=queryset.values("pk"))
        try:
            count = analyses_repeat(analyses=chosen, user=request.user)
        except RepeatRefused as refused:
            messages.error(request, refused.sentence)
            return
        if count:
            images = "1 image is" if count == 1 else f"{count:,} images are"
            messages.success(request, f"{images} analysed again when nobody else waits.")
        else:
            messages.info(request, "The champion has judged all of these images already.")

    @action(description="Analyse all again", permissions=["repeat"], icon="restart_alt")
    def repeat_every(self, request: HttpRequest) -> HttpResponse:
        """Lead to the page that asks for all."""
        return redirect("admin:registry_repeat_all")


@require_http_methods(["GET", "HEAD", "POST"])
def repeat_all(request: HttpRequest) -> HttpResponse:
    """Say how many images another version has judged, and have all of them looked at again."""
    if not may_repeat(request):
        raise PermissionDenied
    if request.method == "POST":
        try:
            repeat_all_ask(user=request.user)
        except RepeatRefused as refused:
            messages.error(request, refused.sentence)
        else:
            messages.success(request, "All of them are analysed again when nobody else waits.")
        return redirect(ANALYSES)
    by = champions()
    count = outdated(Analysis.objects.all(), by).count()
    context = page_of(request, "Analyse all again", champions=names(by), count=count)
    return render(request, "admin/registry/repeat_all.html", context)
