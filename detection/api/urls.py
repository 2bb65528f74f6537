"""Addresses of the REST interface; public ids in them are random."""

from django.urls import include, path, re_path

from detection.api import about
from detection.api.base import Nothing

v1 = [
    path("health/", about.Health.as_view(), name="api_health"),
]
urlpatterns = [
    path("v1/", include(v1)),
    # Whatever else is asked for below /api/ is answered in its one form of errors.
    re_path("", Nothing.as_view(), name="api_nothing"),
]
