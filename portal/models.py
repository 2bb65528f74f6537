"""People: a user is an e-mail address with a password."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.utils import timezone
from knox.models import AbstractAuthToken

from detection.models.judged import new_public_id


class UserManager(BaseUserManager["User"]):
    """Makes users; addresses are kept in lower case, so that one person is one row."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user.

        Raises:
            ValueError: When the address is empty.
        """
        if not email:
            raise ValueError("A user needs an e-mail address. Received: ''.")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an administrator."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a user by address, however it is capitalised."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):  # type: ignore[django-manager-missing] # knox
    """Somebody who signs in with an e-mail address.

    The address is unique in this table on every database: allauth's own rule for it is a
    conditional constraint, which MySQL leaves out.
    """

    email = models.EmailField("e-mail address", max_length=254, unique=True)
    is_active = models.BooleanField("active", default=True)
    is_staff = models.BooleanField("may enter the admin panel", default=False)
    date_joined = models.DateTimeField("joined", default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    # Set by `portal.staff_gate` for the time of a request, and never stored.
    awaits_second_factor = False

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]
        verbose_name = "user"

    def __str__(self) -> str:
        return self.email

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Tell whether this user has a right; staff who owe a second factor have none."""
        return not self.awaits_second_factor and super().has_perm(perm, obj)

    def has_module_perms(self, app_label: str) -> bool:
        """Tell whether this user has any right in an app."""
        return not self.awaits_second_factor and super().has_module_perms(app_label)

    def clean(self) -> None:
        """Bring the address to lower case; forms call this before they look for a twin."""
        super().clean()
        self.email = self.email.strip().lower()


class Scope(models.TextChoices):
    """What a token is good for."""

    READ = "read", "Read submissions, verdicts and reports"
    SUBMIT = "submit", "Hand in, change and delete"


class ApiToken(AbstractAuthToken):
    """A named key for programs; only its hash is kept."""

    # As in the abstract one, which types alone cannot look into.
    user = models.ForeignKey(User, models.CASCADE, related_name="auth_token_set")
    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    name = models.CharField(max_length=100)
    scopes = models.JSONField(default=list)
    last_used_at = models.DateTimeField("last used", null=True, blank=True)

    class Meta:
        ordering = ["-created"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return self.name

    @property
    def has_expired(self) -> bool:
        """Tell whether it is good for nothing any more."""
        return self.expiry is not None and self.expiry <= timezone.now()

    @property
    def told_scopes(self) -> str:
        """What it is good for, in a few words."""
        return " and ".join(str(scope) for scope in Scope.values if scope in self.scopes)

    def has_scope(self, scope: str) -> bool:
        """Tell whether it is good for this."""
        return scope in self.scopes
