"""The map of the site."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from portal import (
    accounts,
    data_exports,
    factor_views,
    health,
    metrics,
    ops,
    privacy,
    sessions,
    tokens,
    views,
)

# The panel's own sign-in would pass by allauth's throttle and e-mail verification.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

handler400 = views.bad_request
handler500 = views.server_error
urlpatterns = [
    path("", views.home, name="home"),
    path("guide/", views.guide, name="guide"),
    path("privacy/", privacy.privacy, name="privacy"),
    path("api/", include("detection.api.urls")),
    path("", include("detection.urls")),
    path("account/", accounts.account, name="account"),
    path("account/delete/", accounts.account_delete, name="account_delete"),
    path("account/data/", data_exports.data_export, name="data_export"),
    path("account/data/ask/", data_exports.data_export_ask, name="data_export_ask"),
    path("account/data/<slug:public_id>/", data_exports.data_export_file, name="data_export_file"),
    path(
        "account/data/<slug:public_id>/delete/",
        data_exports.data_export_delete,
        name="data_export_delete",
    ),
    path("account/tokens/new/", tokens.token_new, name="token_new"),
    path("account/tokens/<slug:public_id>/end/", tokens.token_end, name="token_end"),
    # Before allauth's own under the same names: these lock, and lead back.
    path("accounts/2fa/", factor_views.Overview.as_view(), name="mfa_index"),
    path("accounts/2fa/totp/activate/", factor_views.AppAdd.as_view(), name="mfa_activate_totp"),
    path("accounts/2fa/webauthn/add/", factor_views.PasskeyAdd.as_view(), name="mfa_add_webauthn"),
    path("accounts/2fa/recovery-codes/", include(factor_views.CODES)),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", sessions.Sessions.as_view(), name="usersessions_list"),
    path("accounts/", include("allauth.account.urls")),
    path("admin/status/", include("detection.admin.status")),
    path("admin/", admin.site.urls),
    path("favicon.ico", views.favicon),
    path("metrics", metrics.metrics, name="metrics"),
    path("health/", health.Health.as_view(), name="health"),
    path("health/live/", ops.live, name="health_live"),
    path("health/ready/", ops.ready, name="health_ready"),
]
