"""The map of the site."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from portal import accounts, health, metrics, ops, tokens, views

# The panel's own sign-in would pass by allauth's throttle and e-mail verification.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

handler400 = views.bad_request
handler500 = views.server_error
urlpatterns = [
    path("", views.home, name="home"),
    path("guide/", views.guide, name="guide"),
    path("api/", include("detection.api.urls")),
    path("", include("detection.urls")),
    path("account/", accounts.account, name="account"),
    path("account/delete/", accounts.account_delete, name="account_delete"),
    path("account/tokens/new/", tokens.token_new, name="token_new"),
    path("account/tokens/<slug:public_id>/end/", tokens.token_end, name="token_end"),
    path("accounts/", include("allauth.account.urls")),
    path("admin/status/", include("detection.admin.status")),
    path("admin/", admin.site.urls),
    path("favicon.ico", views.favicon),
    path("metrics", metrics.metrics, name="metrics"),
    path("health/", health.Health.as_view(), name="health"),
    path("health/live/", ops.live, name="health_live"),
    path("health/ready/", ops.ready, name="health_ready"),
]
