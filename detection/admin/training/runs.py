"""The pages of training runs: the list, a new one, and one that is watched."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from detection.admin.links import ReadOnlyAdmin, object_link
from detection.admin.training import fitting, watching
from detection.admin.training.forms import RunForm, ScheduleForm, Start
from detection.models import (
    RetrainingSchedule,
    RunNotice,
    Snapshot,
    StepMeasurement,
    TrainingRun,
    Work,
)
from detection.services import notices, training
from detection.services.training import RunRefused

STATE_COLOURS = {
    Work.FINISHED: "success",
    Work.FAILED: "danger",
    Work.RUNNING: "info",
    Work.CANCELLED: "warning",
}
ADD, CHANGE, SCHEDULE = (
    "detection.add_trainingrun",
    "detection.change_trainingrun",
    "detection.change_retrainingschedule",
)


def unseen_badge(request: HttpRequest) -> str:
    """Return how many runs have ended that this person has not opened, for the side bar."""
    count = RunNotice.objects.unseen_by(request.user).count()
    return str(count)


def may_see_runs(request: HttpRequest) -> bool:
    """Tell whether somebody sees runs at all."""
    return request.user.has_perm("detection.view_trainingrun")


def may_ask(request: HttpRequest) -> bool:
    """Tell whether somebody may ask for a run."""
    return request.user.has_perm(ADD)


def may_schedule(request: HttpRequest) -> bool:
    """Tell whether somebody may say when the installation retrains by itself."""
    return request.user.has_perm(SCHEDULE)


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    """What was asked for, how it goes, and what came of it."""

    list_display = [
        "name_cell",
        "state_cell",
        "architecture",
        "snapshot",
        "version_cell",
        "asked_by",
        "created_at",
    ]
    list_filter = ["state", "architecture", "is_scheduled", "created_at"]
    list_select_related = ["snapshot", "version__model", "base_version__model", "requested_by"]
    search_fields = ["public_id", "model_name", "requested_by__email"]
    search_help_text = "Model or person"
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow it, through the service that checks and sends the run."""
        return request.user.has_perm(ADD)

    def get_urls(self) -> list[URLPattern]:
        """Add what the pages ask for and the acts on them."""
        name = "detection_trainingrun_{}".format
        wrap = self.admin_site.admin_view
        own = [
            path("settings/", wrap(require_safe(self.settings)), name=name("settings")),
            path("estimate/", wrap(require_safe(self.estimate)), name=name("estimate")),
            path("measure/", wrap(require_POST(self.measure)), name=name("measure")),
            path("schedule/", wrap(self.schedule), name=name("schedule")),
            path("<int:pk>/progress/", wrap(require_safe(self.progress)), name=name("progress")),
            path("<int:pk>/cancel/", wrap(require_POST(self.cancel)), name=name("cancel")),
        ]
        fits = [
            path("fit/", wrap(fitting.fit), name="detection_photo_fit"),
            path("fit/material/", wrap(fitting.material), name="detection_photo_fit_material"),
        ]
        return own + fits + super().get_urls()

    # -- a new run -----------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the form of a new run, or ask for the run."""
        _require(request, ADD)
        form = RunForm(request.POST) if request.method == "POST" else self._fresh_form(request)
        if form.is_bound and form.is_valid():
            run = self._requested(request, form)
            if run is not None:
                return redirect("admin:detection_trainingrun_change", run.pk)
        context = self._context(request, "New training run")
        context |= {"form": form, "active": TrainingRun.objects.active().first()}
        context |= self._estimate(request, form)
        return render(request, "admin/training/new.html", context)

    def settings(self, request: HttpRequest) -> HttpResponse:
        """Show the settings that fit another start."""
        _require(request, ADD)
        form = self._fresh_form(request)
        context = {"form": form, **self._estimate(request, form)}
        return render(request, "admin/training/_settings.html", context)

    def estimate(self, request: HttpRequest) -> HttpResponse:
        """Say how long the run would take; while steps are measured, ask again."""
        _require(request, ADD)
        number = request.GET.get("measurement", "")
        measurement = None
        if number.isdecimal():
            measurement = StepMeasurement.objects.filter(pk=int(number)).first()
        context = self._estimate(request, RunForm(request.GET), measurement)
        return render(request, "admin/training/_estimate.html", context)

    def measure(self, request: HttpRequest) -> HttpResponse:
        """Have a few steps timed by the training worker."""
        _require(request, ADD)
        start = Start(request.POST.get("start", ""))
        size = request.POST.get("batch_size", "")
        measurement = None
        is_busy = TrainingRun.objects.active().exists()
        if start.is_known and not is_busy and size.isdecimal() and 0 < int(size) <= 4096:
            measurement = training.measurement_request(
                architecture=start.architecture, base_version=start.base, batch_size=int(size)
            )
        context = self._estimate(request, RunForm(request.POST), measurement)
        return render(request, "admin/training/_estimate.html", context)

    def _fresh_form(self, request: HttpRequest) -> RunForm:
        """Return the form with the settings that fit the start, without complaints."""
        form = RunForm()
        groups = form.fields["start"].choices  # type: ignore[attr-defined]
        values = [value for _, group in groups for value, _ in group]
        chosen = request.GET.get("start", "")
        chosen = chosen if chosen in values else values[0]
        number = request.GET.get("snapshot", "")
        divided = Snapshot.objects.divided()
        snapshots = divided.filter(pk=int(number)) if number.isdecimal() else None
        snapshot = (snapshots and snapshots.first()) or divided.first()
        form.initial = {"start": chosen, "snapshot": snapshot, **Start(chosen).defaults()}
        return form

    def _requested(self, request: HttpRequest, form: RunForm) -> TrainingRun | None:
        """Ask for the run; where it is refused, say so in the form."""
        start = form.cleaned_data["start"]
        try:
            return training.run_request(
                snapshot=form.cleaned_data["snapshot"],
                user=request.user,
                architecture=start.architecture,
                base_version=start.base,
                config=form.config(),
            )
        except RunRefused as refused:
            form.add_error(None, refused.sentence)
            return None

    def _estimate(
        self, request: HttpRequest, form: RunForm, measurement: StepMeasurement | None = None
    ) -> dict[str, Any]:
        """Return what is known of the time that the form's run would take."""
        values = {name: _value(form[name]) for name in ("start", "snapshot", "epochs")}
        start = Start(str(values["start"] or ""))
        number, epochs = str(values["snapshot"] or ""), str(values["epochs"] or "")
        snapshot = None
        if number.isdecimal():
            snapshot = Snapshot.objects.filter(pk=int(number)).first()
        seconds = None
        if snapshot and start.is_known and epochs.isdecimal():
            seconds = training.seconds_estimated(
                architecture=start.architecture, snapshot=snapshot, epochs=int(epochs)
            )
        return {
            "seconds": seconds,
            "measurement": measurement,
            "has_snapshot": bool(snapshot),
            # The one worker that could measure is at a run.
            "is_busy": TrainingRun.objects.active().exists(),
        }

    # -- one run -------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show a run as it goes; nothing is changed here."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        run = self._run(request, object_id)
        notices.notices_seen(run=run, user=request.user)
        context = self._context(request, str(run)) | watching.context(run)
        context["may_cancel"] = request.user.has_perm(CHANGE)
        return render(request, "admin/training/run.html", context)

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what changes while a run goes."""
        run = self._run(request, str(pk))
        if not run.is_active:
            notices.notices_seen(run=run, user=request.user)
        context = watching.context(run) | {"is_fragment": True}
        return render(request, "admin/training/_progress.html", context)

    def cancel(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask a run to stop."""
        _require(request, CHANGE)
        run = self._run(request, str(pk))
        try:
            training.run_cancel(run=run, user=request.user)
        except RunRefused as refused:
            messages.error(request, refused.sentence)
        else:
            messages.success(request, f"{run} stops after the step that it is at.")
        return redirect("admin:detection_trainingrun_change", pk)

    def _run(self, request: HttpRequest, pk: str) -> TrainingRun:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = TrainingRun.objects.select_related(*self.list_select_related)
        return get_object_or_404(rows, pk=int(pk) if pk.isdecimal() else 0)

    # -- the schedule --------------------------------------------------------------------------

    def schedule(self, request: HttpRequest) -> HttpResponse:
        """Show and change when the installation retrains by itself."""
        _require(request, SCHEDULE)
        schedule = RetrainingSchedule.current()
        initial = {
            "is_on": schedule.is_on,
            "hour": schedule.hour,
            "least_new": schedule.least_new,
            "datasets": schedule.datasets.all(),
        }
        form = ScheduleForm(request.POST or None, initial=initial)
        if request.method == "POST" and form.is_valid():
            training.schedule_change(user=request.user, **form.cleaned_data)
            messages.success(request, "The schedule is saved.")
            return redirect("admin:detection_trainingrun_schedule")
        context = self._context(request, "Retraining schedule")
        context |= {
            "form": form,
            "schedule": schedule,
            "has_datasets": schedule.datasets.for_training().exists(),
            "new_count": training.new_items(schedule).count(),
            "now": timezone.localtime(),
        }
        return render(request, "admin/training/schedule.html", context)

    # -- cells ---------------------------------------------------------------------------------

    def _context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        own = {"title": title, "opts": self.opts, "has_view_permission": True}
        return {**self.admin_site.each_context(request), **own}

    @admin.display(description="Run", ordering="pk")
    def name_cell(self, run: TrainingRun) -> str:
        """Name the run, and what it goes on from."""
        if run.is_fit:
            return f"{run}: fit of {run.model_name}"
        return f"{run}: from {run.base_version or 'scratch'}"

    @display(description="State", ordering="state", label=STATE_COLOURS)
    def state_cell(self, run: TrainingRun) -> tuple[str, str]:
        """Label the state."""
        return run.state, run.get_state_display()

    @admin.display(description="Made")
    def version_cell(self, run: TrainingRun) -> SafeString | str:
        """Link to the version that came of it."""
        return object_link(run.version)

    @admin.display(description="Asked by")
    def asked_by(self, run: TrainingRun) -> str:
        """Name who asked."""
        return "the schedule" if run.is_scheduled else str(run.requested_by or "—")


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _value(field: BoundField) -> Any:
    """Return what a field holds, be it sent or its default."""
    value = field.value()
    return value.pk if isinstance(value, Snapshot) else value
