"""Staff act as staff only where a second factor was used; see decision 21."""

from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.middleware import get_user
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from portal.factors import factor_was_used, has_factor

# Where somebody wanted to go who first has to set a factor up.
BACK_TO = "after_second_factor"


class StaffGate:
    """Marks staff who have used no second factor in this session, and keeps them off the panel.

    A marked user has no rights (`User.has_perm`), so whatever asks for one, such as the pictures
    of somebody else, is closed as well. Who it is is looked up only once somebody asks.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.panel = reverse("admin:index")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let the request pass with a user who is marked."""
        if settings.STAFF_SECOND_FACTOR:
            request.user = SimpleLazyObject(lambda: _marked(request))  # type: ignore[assignment]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Lead staff without a factor to where they set one up, or use the one they have."""
        if not request.path.startswith(self.panel):
            return None
        if not getattr(request.user, "awaits_second_factor", False):
            request.session.pop(BACK_TO, None)
            return None
        back = request.get_full_path() if request.method == "GET" else self.panel
        target = _set_up(request, back) if not has_factor(request.user) else _use(request, back)
        if getattr(request, "htmx", False):
            # A fragment would be filled with a page.
            return HttpResponseClientRedirect(target)
        return redirect(target)


def _marked(request: HttpRequest) -> Any:
    user: Any = get_user(request)
    if user.is_staff:
        user.awaits_second_factor = not factor_was_used(request, user)
    return user


def _set_up(request: HttpRequest, back: str) -> str:
    request.session[BACK_TO] = back
    return reverse("mfa_index")


def _use(request: HttpRequest, back: str) -> str:
    messages.info(request, "The administration asks for your second factor.")
    ways = get_adapter(request).get_reauthentication_methods(request.user)
    return f"{ways[0]['url']}?{urlencode({'next': back})}"
