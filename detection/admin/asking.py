"""Before dangerous acts the panel asks once more who it is, as the account page does."""

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest


@reauthentication_required
def who_is_it(request: HttpRequest) -> None:
    """Return where that was told lately; else the middleware of allauth asks, and comes back."""
