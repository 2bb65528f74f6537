"""Where somebody is signed in: seen, listed, ended one by one or all but this one."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.usersessions.internal.flows.sessions import end_sessions
from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import salted_hmac
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from portal.browsers import browser_told

# Noted with each request, "last seen" would be a write a second while a page waits for verdicts.
SEEN_EVERY_SECONDS = 300
MOST_REMEMBERED = 10_000


class SessionsSeen:
    """Middleware that notes now and then that a session is used, and from where."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._noted: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Note it before the answer, so that a list of sessions shows this one."""
        key = request.session.session_key
        if key and self._is_due(key) and request.user.is_authenticated:
            UserSession.objects.create_from_request(request)
        return self.get_response(request)

    def _is_due(self, key: str) -> bool:
        """Tell whether it was not noted lately by this process; no cache is asked for that."""
        now = time.monotonic()
        with self._lock:
            if now - self._noted.get(key, -SEEN_EVERY_SECONDS) < SEEN_EVERY_SECONDS:
                return False
            self._noted[key] = now
            self._noted.move_to_end(key)
            if len(self._noted) > MOST_REMEMBERED:
                self._noted.popitem(last=False)
        return True


def handle_of(session: UserSession) -> str:
    """Return what a page calls a session by: its key would open it."""
    return salted_hmac("veripix.sessions", session.session_key).hexdigest()[:24]


@method_decorator(never_cache, name="dispatch")
@method_decorator(reauthentication_required(allow_get=True), name="post")
class Sessions(ListUserSessionsView):
    """Lists them, with what ends them."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the sessions, this one first, then the one that was used last."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        rows = sorted(
            context["sessions"], key=lambda row: (row.is_current(), row.last_seen_at), reverse=True
        )
        context["rows"] = [
            {"session": row, "handle": handle_of(row), "browser": browser_told(row.user_agent)}
            for row in rows
        ]
        return context

    def form_valid(self, form: Any) -> HttpResponse:
        """End the one that was chosen, or all others."""
        handle = self.request.POST.get("session")
        if not handle:
            response: HttpResponse = super().form_valid(form)
            return response
        own = UserSession.objects.filter(user_id=self.request.user.pk)
        ended = [row for row in own if handle_of(row) == handle and not row.is_current()]
        end_sessions(self.request, ended)
        if ended:
            told = browser_told(ended[0].user_agent)
            messages.success(self.request, f"The session of {told} is ended.")
        return redirect("usersessions_list")
