"""The people of the tests: Alice owns, Charlie must see nothing of hers, the admin sees all."""

from allauth.account.models import EmailAddress

from portal.models import User

PASSWORD = "correct-horse-battery-7"


def person(name: str, *, is_verified: bool = True, password: str = PASSWORD) -> User:
    """Somebody who has signed up."""
    user = User.objects.create_user(f"{name}@example.org", password)
    EmailAddress.objects.create(user=user, email=user.email, verified=is_verified, primary=True)
    return user


def administrator(name: str = "admin") -> User:
    """Somebody who may do everything in the admin panel."""
    user = User.objects.create_superuser(f"{name}@example.org", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user
