"""People in the admin panel."""

from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import (
    AdminPasswordChangeForm,
    UnfoldReadOnlyPasswordHashWidget,
    UserChangeForm,
    UserCreationForm,
)
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from detection.admin.asking import who_is_it
from detection.admin.links import DeletesNamelessly
from detection.services.audit import audit_record
from portal.factors import FACTORS, factors_remove, factors_told
from portal.groups import GroupAdmin
from portal.leaving import user_purge
from portal.models import User

# Characters of a reason that says something.
LEAST_REASON = 10
SCHEDULE = [
    model
    for model in apps.get_app_config("django_celery_beat").get_models()
    if admin.site.is_registered(model)
]

# Groups have a page of ours. Addresses are shown with their user. The schedule is the
# installation's own.
# Second factors and sessions are nobody's to read; what staff can do about them, users' pages tell.
for model in (Group, EmailAddress, Authenticator, UserSession, *SCHEDULE):
    admin.site.unregister(model)
admin.site.register(Group, GroupAdmin)


class NewUserForm(UserCreationForm):
    """Makes a user from address and password."""

    class Meta:
        model = User
        fields = ["email"]


class PasswordTold(UnfoldReadOnlyPasswordHashWidget):
    """Tells that there is a password, and no part of what is kept: Django would show a few."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Say "Set" where Django lists how salt and hash begin."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        if any("value" in line for line in context["summary"]):
            context["summary"] = [{"label": "Set"}]
        return context


class ChangedUserForm(UserChangeForm):
    """Changes a user."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "password" in self.fields:
            self.fields["password"].widget = PasswordTold()


class HasFactor(admin.SimpleListFilter):
    """Who has an app or a passkey set up, and who has not."""

    title = "second factor"
    parameter_name = "factor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer both."""
        return [("yes", "Set up"), ("no", "None")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """Keep those who have one, or those who have none."""
        if self.value() not in ("yes", "no"):
            return queryset
        factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=FACTORS)
        return queryset.filter(Exists(factors) if self.value() == "yes" else ~Exists(factors))


class EmailAddressInline(TabularInline):
    """The addresses of a user, and which of them have been verified."""

    model = EmailAddress
    extra = 0
    can_delete = False
    fields = ["email", "verified", "primary"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: people change their addresses themselves."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: people change their addresses themselves."""
        return False


@admin.register(User)
class UserAdmin(DeletesNamelessly, DjangoUserAdmin, ModelAdmin):
    """Who may sign in, and who may enter this panel."""

    form = ChangedUserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "is_active", "is_staff", "factor", "submissions_link", "date_joined"]
    list_filter: ClassVar[list[Any]] = [
        *("is_active", "is_staff", HasFactor),
        *("groups", "date_joined"),
    ]
    search_fields = ["email"]
    ordering = ["-pk"]
    show_full_result_count = False
    filter_horizontal: ClassVar[list[str]] = []
    fieldsets = [
        (None, {"fields": ["email", "password", "second_factor"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "groups", "is_superuser"]}),
        ("Times", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "password1", "password2"]})]
    readonly_fields = ["last_login", "date_joined", "second_factor"]
    inlines = [EmailAddressInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Tell of each in the list whether there is a second factor."""
        factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=FACTORS)
        rows: QuerySet[User] = super().get_queryset(request)
        return rows.annotate(factor_is_set_up=Exists(factors))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Leave rights to superusers: others could give themselves any."""
        given = [] if request.user.is_superuser else ["is_staff", "groups", "is_superuser"]
        return [*self.readonly_fields, *given]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leave superusers to superusers: a new password for one would be their rights."""
        return _is_in_reach(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leave superusers to superusers."""
        return _is_in_reach(request, obj) and super().has_delete_permission(request, obj)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Let groups be ticked."""
        if db_field.name == "groups":
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Leave Django's window for new groups beside the ticks out: groups have a page."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "groups":
            field.widget = field.widget.widget
            field.help_text = "What a group may stands on its page."
        return field

    def get_urls(self) -> list[Any]:
        """Add the page that takes second factors away."""
        view = self.admin_site.admin_view(self.factors_view)
        return [path("<int:pk>/factors/", view, name="portal_user_factors"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show a user; whoever changes one says who it is."""
        if request.method == "POST" and self.has_change_permission(request):
            who_is_it(request)
        answer: HttpResponse = super().change_view(
            # Told to the form: it may be shown at the address of the page that asked who it is.
            request,
            object_id,
            form_url or request.path,
            extra_context,
        )
        return answer

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 - Django's name
        form_url: str = "",
    ) -> HttpResponse:
        """Set somebody's password, by somebody who said lately who it is."""
        try:
            who_is_it(request)
        except ReauthenticationRequired:
            if request.method == "POST":
                # Else the new password would wait in the session until it was told who it is.
                return redirect(request.path)
            raise
        answer: HttpResponse = super().user_change_password(request, id, form_url or request.path)
        return answer

    def factors_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take the second factors of somebody else away."""
        if not request.user.is_superuser:
            raise PermissionDenied
        person = get_object_or_404(User, pk=pk)
        back = redirect("admin:portal_user_change", pk)
        if person.pk == request.user.pk:
            messages.error(request, "Your own second factors are on your account page.")
            return back
        who_is_it(request)
        reason = request.POST.get("reason", "").strip()
        if request.method == "POST" and len(reason) >= LEAST_REASON:
            told = factors_remove(user=person, by=request.user, reason=reason)
            messages.success(request, f"Taken away from {person.email}: {told}.")
            return back
        context = {
            **self.admin_site.each_context(request),
            "title": "Take second factors away",
            "opts": self.model._meta,
            "person": person,
            "factors": factors_told(person),
        }
        return render(request, "admin/people/factors.html", context)

    @admin.display(description="Second factor", boolean=True)
    def factor(self, user: Any) -> bool:
        """Tell whether the user has one set up."""
        return bool(user.factor_is_set_up)

    @admin.display(description="Second factor")
    def second_factor(self, user: User) -> SafeString | str:
        """Tell what the user has set up, with the way to take it away."""
        url = reverse("admin:portal_user_factors", args=[user.pk])
        told = factors_told(user)
        if told == "none":
            return "Not set up"
        return format_html('{} · <a class="text-link" href="{}">Take away…</a>', told, url)

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """Record who made the account."""
        audit_record(user=request.user, action="user_create", subject=f"user {obj.pk}")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """Record what was changed, and which rights the person has since."""
        rights = {name: getattr(obj, name) for name in ("is_active", "is_staff", "is_superuser")}
        audit_record(
            user=request.user,
            action="user_change",
            subject=f"user {obj.pk}",
            **rights,
            groups=sorted(group.name for group in obj.groups.all()),
            told=message,
        )
        return super().log_change(request, obj, message)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Refuse superusers chosen in the list by somebody who is none."""
        objects, counts, lacking, protected = super().get_deleted_objects(objs, request)
        if not all(_is_in_reach(request, user) for user in objs):
            lacking = {"superuser"}
        return objects, counts, lacking, protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Delete the user with images and files, and record that."""
        audit_record(user=request.user, action="user_delete", subject=f"user {obj.pk}")
        user_purge(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Delete the chosen users with images and files."""
        for user in queryset:
            self.delete_model(request, user)

    @admin.display(description="Submissions")
    def submissions_link(self, user: User) -> SafeString:
        """Link to what the user handed in; nobody counts it, as that may be a million."""
        url = reverse("admin:detection_submission_changelist")
        return format_html('<a href="{}?{}">Show</a>', url, urlencode({"q": user.email}))


def _is_in_reach(request: HttpRequest, obj: Any) -> bool:
    is_above = obj is not None and obj.is_superuser and not request.user.is_superuser
    return not is_above
