"""What every answer carries beside its content: who may embed it, who may keep it."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpRequest
from django.http.response import HttpResponseBase

Answer = Callable[[HttpRequest], HttpResponseBase]


class Headers:
    """Adds, where a view has not said otherwise, that other sites and caches keep out.

    Whoever has a session gets pages that nothing keeps: after signing out, "back" asks again. That
    takes the browser's own cache of whole pages away from people who are signed in; the pages of
    strangers hold nothing private and may wait there.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Let the request be answered, and complete what it carries."""
        response = self.get_response(request)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not response.has_header("Cache-Control"):
            session = settings.SESSION_COOKIE_NAME
            has_session = session in request.COOKIES or session in response.cookies
            response["Cache-Control"] = "private, no-store" if has_session else "private, no-cache"
        return response


class MessageCookie(CookieStorage):
    """Messages to who has no page yet, in a cookie that is named as the others are."""

    cookie_name = settings.MESSAGES_COOKIE_NAME


class Messages(FallbackStorage):
    """Messages in a cookie, and in the session where they are too long for one."""

    storage_classes = (MessageCookie, SessionStorage)
