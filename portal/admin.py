"""People in the admin panel."""

from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from detection.admin.links import DeletesNamelessly
from detection.services.audit import audit_record
from portal.leaving import user_purge
from portal.models import User

SCHEDULE = [
    model
    for model in apps.get_app_config("django_celery_beat").get_models()
    if admin.site.is_registered(model)
]

# Rights are staff or not; groups would be a second way to say the same. Addresses are shown with
# their user. The schedule is the installation's own.
for model in (Group, EmailAddress, *SCHEDULE):
    admin.site.unregister(model)


class NewUserForm(UserCreationForm):
    """Makes a user from address and password."""

    class Meta:
        model = User
        fields = ["email"]


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

    form = UserChangeForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "is_active", "is_staff", "submissions_link", "date_joined"]
    list_filter = ["is_active", "is_staff", "date_joined"]
    search_fields = ["email"]
    ordering = ["-pk"]
    show_full_result_count = False
    filter_horizontal: ClassVar[list[str]] = []
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        ("Times", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "password1", "password2"]})]
    readonly_fields = ["last_login", "date_joined"]
    inlines = [EmailAddressInline]

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
            told=message,
        )
        return super().log_change(request, obj, message)

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
