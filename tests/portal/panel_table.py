"""Who gets what behind each door of the admin panel, as a table.

Routes are written as the URL configuration says them, without `admin/` before them.
"""

from typing import NamedTuple


class Panel(NamedTuple):
    """The status that each of the six gets; Alice owns what the address shows.

    The clerk is staff without rights, the reviewer may settle labels and see the images for it.
    """

    anonymous: int
    charlie: int
    alice: int
    clerk: int
    reviewer: int
    admin: int


# Whoever is no staff is led to the sign-in, whatever the address.
STAFF = Panel(302, 302, 302, 200, 200, 200)
REVIEWERS = Panel(302, 302, 302, 403, 200, 200)
ADMIN = Panel(302, 302, 302, 403, 403, 200)
# Acts that lead on to a page.
ADMIN_ON = Panel(302, 302, 302, 403, 403, 302)
# Nobody writes history, and what comes about by services is added and deleted by no form.
NOBODY = Panel(302, 302, 302, 403, 403, 403)
NO_PAGE = Panel(302, 302, 302, 404, 404, 404)
# Django's short address of a row leads to the page that asks.
LEADS_ON = Panel(302, 302, 302, 302, 302, 302)
ONLY_POST = Panel(302, 302, 302, 405, 405, 405)
# It is looked at by rights, so whoever has none learns that before the method.
ADMIN_READS = Panel(302, 302, 302, 405, 405, 405)
ROW = "<path:object_id>/"


def _model(name: str, page: Panel, **others: Panel) -> dict[str, Panel]:
    """Django's own pages of a kind: list, history, change, add, delete, and the short address."""
    pages = {"add": NOBODY, "delete": NOBODY, "change": page} | others
    return {
        f"{name}/": page,
        f"{name}/add/": pages["add"],
        f"{name}/{ROW}": LEADS_ON,
        f"{name}/{ROW}history/": page,
        f"{name}/{ROW}delete/": pages["delete"],
        f"{name}/{ROW}change/": pages["change"],
    }


GET = {
    "": STAFF,
    "search/": STAFF,
    # People who are signed in and no staff are told so; staff are led on.
    "login/": Panel(302, 403, 403, 302, 302, 302),
    "logout/": ONLY_POST,
    "password_change/": STAFF,
    "password_change/done/": STAFF,
    # There is no field that completes itself, so it knows no kind that it would tell of.
    "autocomplete/": NOBODY,
    "jsi18n/": STAFF,
    "r/<path:content_type_id>/<path:object_id>/": NO_PAGE,
    # To staff with any right: it names workers, disks and what waits.
    "status/": REVIEWERS,
    "^(?P<app_label>detection|auth|portal)/$": Panel(302, 302, 302, 404, 200, 200),
    "(?P<url>.*)$": NO_PAGE,
    **_model("detection/dataset", REVIEWERS, add=ADMIN, delete=ADMIN),
    "detection/dataset/<int:pk>/overview/": REVIEWERS,
    "detection/dataset/<int:pk>/images/": REVIEWERS,
    "detection/dataset/<int:pk>/images/delete/": ONLY_POST,
    "detection/dataset/<int:pk>/near/": REVIEWERS,
    "detection/dataset/<int:pk>/imports/": ADMIN,
    "detection/dataset/<int:pk>/upload/": ADMIN_ON,
    "detection/dataset/<int:pk>/server/": ADMIN_ON,
    "detection/dataset/from-analyses/": ADMIN,
    **_model("detection/datasetimport", ADMIN),
    "detection/datasetimport/<int:pk>/progress/": ADMIN,
    "detection/datasetimport/<int:pk>/cancel/": ONLY_POST,
    **_model("detection/item", REVIEWERS, delete=ADMIN),
    "detection/item/<slug:public_id>/thumbnail/": Panel(302, 302, 302, 404, 200, 200),
    "detection/item/<slug:public_id>/picture/": Panel(302, 302, 302, 404, 200, 200),
    **_model("detection/snapshot", ADMIN, add=ADMIN, delete=ADMIN),
    **_model("detection/auditevent", ADMIN),
    **_model("detection/registeredmodel", ADMIN),
    **_model("detection/promotion", ADMIN),
    **_model("detection/modelversion", ADMIN),
    "detection/modelversion/compare/": ADMIN,
    "detection/modelversion/import/": ADMIN,
    "detection/modelversion/import_version/": ADMIN_ON,
    "detection/modelversion/<int:pk>/promote/": ADMIN,
    "detection/modelversion/<int:pk>/judge/": ONLY_POST,
    "detection/modelversion/<int:pk>/challenger/": ONLY_POST,
    "detection/modelversion/<int:pk>/export/": ONLY_POST,
    "detection/modelversion/<int:pk>/shadow/": ADMIN,
    **_model("detection/submission", ADMIN, delete=ADMIN),
    **_model("detection/analysis", REVIEWERS),
    f"detection/analysis/{ROW}add-to-dataset/": ADMIN_ON,
    "detection/analysis/repeat-all/": ADMIN,
    "detection/analysis/repeat_every/": ADMIN_ON,
    "detection/analysis/label_next/": ADMIN_ON,
    **_model("detection/feedback", ADMIN),
    **_model("detection/labelreview", REVIEWERS),
    "detection/labelreview/queue/": REVIEWERS,
    "detection/labelreview/queue/decide/": ONLY_POST,
    "detection/labelreview/queue/undo/": ONLY_POST,
    **_model("detection/trainingrun", ADMIN, add=ADMIN),
    "detection/trainingrun/settings/": ADMIN,
    "detection/trainingrun/estimate/": ADMIN,
    "detection/trainingrun/measure/": ONLY_POST,
    "detection/trainingrun/schedule/": ADMIN,
    "detection/trainingrun/<int:pk>/progress/": ADMIN,
    "detection/trainingrun/<int:pk>/cancel/": ONLY_POST,
    "detection/trainingrun/fit/": ADMIN,
    "detection/trainingrun/fit/material/": ADMIN,
    **_model("auth/group", ADMIN, add=ADMIN, delete=ADMIN),
    **_model("portal/user", ADMIN, add=ADMIN, delete=ADMIN),
    "portal/user/<id>/password/": ADMIN,
    "portal/user/<int:pk>/factors/": ADMIN,
}


class Posted(NamedTuple):
    """What a POST is answered with that would act: by whom it must not, and by whom it may."""

    anonymous: int
    charlie: int
    alice: int
    clerk: int
    reviewer: int


REFUSED = Posted(302, 302, 302, 403, 403)
ONLY_READ = Posted(302, 302, 302, 405, 405)
ONWARD = Posted(302, 302, 302, 302, 302)
SHOWN = Posted(302, 302, 302, 200, 200)
MISSING = Posted(302, 302, 302, 404, 404)
# Where nothing is said here, a POST is refused. The panel's own rules let the reviewer come so
# far; that nothing is changed by it is tested beside it.
POST = {
    "": SHOWN,
    "search/": SHOWN,
    "login/": Posted(302, 403, 403, 200, 200),
    # Its form asks for the old password, which the test does not send.
    "password_change/": SHOWN,
    "password_change/done/": ONLY_READ,
    "autocomplete/": ONLY_READ,
    "jsi18n/": ONLY_READ,
    "status/": ONLY_READ,
    "r/<path:content_type_id>/<path:object_id>/": MISSING,
    "(?P<url>.*)$": MISSING,
    "^(?P<app_label>detection|auth|portal)/$": Posted(302, 302, 302, 404, 200),
    "detection/item/<slug:public_id>/thumbnail/": Posted(302, 302, 302, 404, 200),
    "detection/item/<slug:public_id>/picture/": Posted(302, 302, 302, 404, 200),
    "detection/modelversion/compare/": ONLY_READ,
    "detection/modelversion/<int:pk>/shadow/": ONLY_READ,
    "detection/trainingrun/settings/": ONLY_READ,
    "detection/trainingrun/estimate/": ONLY_READ,
    "detection/trainingrun/<int:pk>/progress/": ONLY_READ,
    "detection/trainingrun/fit/material/": ONLY_READ,
    # An act that the reviewer may not do leads back to the list.
    "detection/analysis/": Posted(302, 302, 302, 403, 200),
    f"detection/analysis/{ROW}history/": Posted(302, 302, 302, 403, 200),
    **{
        route: Posted(302, 302, 302, 403, 200)
        for route in (
            *("detection/dataset/", f"detection/dataset/{ROW}history/"),
            *("detection/dataset/<int:pk>/images/", "detection/dataset/<int:pk>/near/"),
            *("detection/dataset/<int:pk>/overview/", "detection/item/"),
            f"detection/item/{ROW}history/",
        )
    },
    "detection/labelreview/": Posted(302, 302, 302, 403, 200),
    f"detection/labelreview/{ROW}history/": Posted(302, 302, 302, 403, 200),
    "detection/labelreview/queue/": ONLY_READ,
    # The one act that reviewers are there for.
    "detection/labelreview/queue/decide/": Posted(302, 302, 302, 403, 302),
    "detection/labelreview/queue/undo/": Posted(302, 302, 302, 403, 302),
    **{route: ONWARD for route in GET if route.endswith(f"/{ROW}") and not route.startswith("r/")},
}
# Where the same body of the administrator's changes something, so that the refusals above mean
# something.
ACTS = (
    *("detection/dataset/", f"detection/dataset/{ROW}delete/", f"detection/dataset/{ROW}change/"),
    *("detection/dataset/add/", "detection/dataset/<int:pk>/images/delete/"),
    *("detection/datasetimport/<int:pk>/cancel/", f"detection/item/{ROW}delete/"),
    "detection/trainingrun/<int:pk>/cancel/",
    *(f"detection/submission/{ROW}delete/", "detection/labelreview/queue/decide/"),
    *("portal/user/add/", f"portal/user/{ROW}delete/", f"portal/user/{ROW}change/"),
    "portal/user/<id>/password/",
)
