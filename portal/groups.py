"""Groups in the admin panel: rights that several people have, and quotas may be given by."""

from typing import Any

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from detection.admin.asking import who_is_it
from detection.admin.links import DeletesByService
from detection.services.audit import audit_record


def _panel_rights() -> Q:
    """Return which rights mean something: those on what the panel shows."""
    shown = [model._meta for model in admin.site._registry if model is not EmailAddress]
    named = Q()
    for meta in shown:
        named |= Q(content_type__app_label=meta.app_label, content_type__model=meta.model_name)
    return named


class RightsField(forms.ModelMultipleChoiceField):
    """Rights to tick, told in words."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def label_from_instance(self, obj: Permission) -> str:
        """Return the words without "Can", as all would begin with it."""
        return obj.name.removeprefix("Can ").capitalize()


class GroupForm(forms.ModelForm):
    """The name of a group and what its people may."""

    permissions = RightsField(Permission.objects.none(), label="May", required=False)

    class Meta:
        model = Group
        fields = ["name", "permissions"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rights = Permission.objects.filter(_panel_rights()).select_related("content_type")
        self.fields["permissions"].queryset = rights.order_by(  # type: ignore[attr-defined]
            "content_type__app_label", "content_type__model", "codename"
        )


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
