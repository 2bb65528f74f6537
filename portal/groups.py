"""Groups in the admin panel: rights that several people have, and quotas may be given by."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from detection.admin.asking import who_is_it
from detection.admin.links import DeletesByService
from detection.services.audit import audit_record

# What the panel asks for, in the words of who ticks it. Others would change nothing.
RIGHTS = {
    "detection.view_analysis": "See everybody's analyses and images",
    "detection.change_analysis": "Have images analysed again",
    "detection.view_submission": "See submissions",
    "detection.delete_submission": "Delete submissions",
    "detection.view_dataset": "See datasets",
    "detection.add_dataset": "Make datasets",
    "detection.change_dataset": "Change datasets",
    "detection.delete_dataset": "Delete datasets",
    "detection.view_item": "See the images of datasets",
    "detection.add_item": "Take analysed images into datasets",
    "detection.delete_item": "Delete images from datasets",
    "detection.view_datasetimport": "See imports",
    "detection.add_datasetimport": "Import, and cancel imports",
    "detection.view_snapshot": "See snapshots",
    "detection.add_snapshot": "Freeze snapshots",
    "detection.delete_snapshot": "Delete snapshots",
    "detection.view_labelreview": "See decisions on labels",
    "detection.add_labelreview": "Settle labels and close reports",
    "detection.view_feedback": "See reports",
    "detection.view_trainingrun": "See training runs",
    "detection.add_trainingrun": "Ask for training runs and fits",
    "detection.change_trainingrun": "Cancel training runs",
    "detection.change_retrainingschedule": "Set the schedule",
    "detection.view_registeredmodel": "See registered models",
    "detection.view_modelversion": "See and compare versions",
    "detection.add_modelversion": "Import versions",
    "detection.change_modelversion": "Judge versions and name challengers",
    "detection.view_promotion": "See promotions",
    "detection.add_promotion": "Promote versions",
    "detection.view_auditevent": "Read the audit",
    "portal.view_user": "See users",
    "portal.add_user": "Make users",
    "portal.change_user": "Change users, not their rights",
    "portal.delete_user": "Delete users",
    "auth.view_group": "See groups",
}


def _rights(group: Group) -> QuerySet[Permission]:
    """Return what can be ticked; what a command has given beside it is not lost by saving."""
    known = Q(group=group) if group.pk else Q()
    for right in RIGHTS:
        app, _, codename = right.partition(".")
        known |= Q(content_type__app_label=app, codename=codename)
    kinds = ("content_type__app_label", "content_type__model", "codename")
    rights = Permission.objects.filter(known).distinct()
    return rights.select_related("content_type").order_by(*kinds)


class RightsField(forms.ModelMultipleChoiceField):
    """Rights to tick, told in words."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def label_from_instance(self, obj: Permission) -> str:
        """Return the words for a right of ours, Django's for others."""
        return RIGHTS.get(f"{obj.content_type.app_label}.{obj.codename}", obj.name)


class GroupForm(forms.ModelForm):
    """The name of a group and what its people may."""

    permissions = RightsField(Permission.objects.none(), label="May", required=False)

    class Meta:
        model = Group
        fields = ["name", "permissions"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["permissions"]
        field.queryset = _rights(self.instance)


class GroupAdmin(DeletesByService, ModelAdmin):
    """Who shares which rights; superusers alone give rights."""

    form = GroupForm
    list_display = ["name", "people", "rights"]
    search_fields = ["name"]
    ordering = ["name"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow it to superusers: whoever makes groups could give themselves any right."""
        return _may_give_rights(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow it to superusers."""
        return _may_give_rights(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow it to superusers."""
        return _may_give_rights(request)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Show a group; whoever makes or changes one says who it is."""
        if request.method == "POST" and self.has_change_permission(request):
            who_is_it(request)
        answer: HttpResponse = super().changeform_view(
            request, object_id, form_url or request.path, extra_context
        )
        return answer

    def get_queryset(self, request: HttpRequest) -> Any:
        """Count people and rights for the list."""
        counted = {
            "people_count": Count("user", distinct=True),
            "rights_count": Count("permissions", distinct=True),
        }
        return super().get_queryset(request).annotate(**counted)

    @admin.display(description="People")
    def people(self, group: Any) -> int:
        """Tell how many are in it."""
        return int(group.people_count)

    @admin.display(description="Rights")
    def rights(self, group: Any) -> int:
        """Tell how many rights it gives."""
        return int(group.rights_count)

    def log_addition(self, request: HttpRequest, obj: Group, message: Any) -> Any:
        """Record who made it, with which rights."""
        _record(request, obj, "group_create")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Group, message: Any) -> Any:
        """Record which rights it gives since."""
        _record(request, obj, "group_change")
        return super().log_change(request, obj, message)

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        """Delete it, and record what it gave."""
        _record(request, obj, "group_delete")
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Delete the chosen ones."""
        for group in queryset:
            self.delete_model(request, group)


def _may_give_rights(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.is_superuser and user.has_perm("auth.change_group"))


def _record(request: HttpRequest, group: Group, action: str) -> None:
    given = group.permissions.order_by("content_type__app_label", "codename")
    rights = [f"{one.content_type.app_label}.{one.codename}" for one in given]
    audit_record(
        user=request.user,
        action=action,
        subject=f"group {group.pk}",
        name=group.name,
        rights=rights,
    )
