"""The pages that belong to the site as a whole."""

import sys

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.views import defaults

from detection.api.errors import error_page, is_api
from detection.forms import upload_limits


def home(request: HttpRequest) -> HttpResponse:
    """Welcome strangers; take people who are signed in to their work."""
    if request.user.is_authenticated:
        return redirect("submission_new")
    return render(request, "home.html")


def guide(request: HttpRequest) -> HttpResponse:
    """Explain how to read a verdict, and where its limits are."""
    return render(request, "guide.html", {"limits": upload_limits()})


def favicon(request: HttpRequest) -> HttpResponse:
    """Lead browsers that ask at the old address to the mark."""
    return redirect(static("img/favicon.svg"), permanent=False)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose token is missing or stale."""
    if _is_script(request):
        return JsonResponse({"error": {"code": "bad_token", "message": CSRF_SENTENCE}}, status=403)
    context = {"title": "This page has expired", "sentence": CSRF_SENTENCE, "debug": settings.DEBUG}
    return render(request, "403_csrf.html", context, status=403)


def _is_script(request: HttpRequest) -> bool:
    """Tell whether a page's script is asking, which reads no page."""
    return request.headers.get("Accept", "").startswith("application/json")


def server_error(request: HttpRequest) -> HttpResponse:
    """Say that something broke, and the number under which the log tells what.

    That the database is away comes here too: middleware may have met it before any view did.
    """
    is_away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    status, code = (503, "database_unavailable") if is_away else (500, "internal")
    answer: HttpResponse
    if is_api(request) or _is_script(request):
        answer = error_page(request, status, code)
    else:
        context = {"request_id": getattr(request, "request_id", ""), "is_away": is_away}
        answer = HttpResponse(render_to_string("500.html", context), status=status)
    if is_away:
        answer["Retry-After"] = str(DATABASE_RETRY_SECONDS)
    return answer


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Refuse what cannot be understood: to programs and scripts in their form, else as Django does.

    A name of a file that is longer than any file system's comes here too.
    """
    if is_api(request) or _is_script(request):
        return error_page(request, 400, "bad_request")
    return defaults.bad_request(request, exception)


DATABASE_RETRY_SECONDS = 10
CSRF_SENTENCE = "The form was too old or came from elsewhere. Reload the page and try once more."
