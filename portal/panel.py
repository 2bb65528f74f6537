"""How the admin panel looks and what its side bar leads to: the settings of django-unfold."""

from collections.abc import Callable

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def may_view(right: str) -> Callable[[HttpRequest], bool]:
    """Return what tells whether somebody has a right: the side bar offers what opens."""
    return lambda request: request.user.has_perm(right)


UNFOLD = {
    "SITE_TITLE": "Veripix administration",
    "SITE_HEADER": "Veripix",
    "SITE_SUBHEADER": "Administration",
    "SITE_URL": "/",
    "SITE_ICON": lambda request: static("img/favicon.svg"),
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("img/favicon.svg"),
        }
    ],
    # They stand in css/panel.css: in the pages they would be inline style.
    "COLORS": lambda request: {},
    "STYLES": [lambda request: static("css/panel.css")],
    # Who did what stands in the audit; Django's own history would be empty.
    "SHOW_HISTORY": False,
    "SCRIPTS": [
        lambda request: static("js/panel-alpine.js"),
        lambda request: static("js/panel-files.js"),
    ],
    "SHOW_VIEW_ON_SITE": True,
    "SIDEBAR": {
        "show_search": False,
        "navigation": [
            {
                "title": "Images",
                "items": [
                    {
                        "title": "Analyses",
                        "icon": "fact_check",
                        "link": reverse_lazy("admin:detection_analysis_changelist"),
                        "permission": may_view("detection.view_analysis"),
                    },
                    {
                        "title": "Submissions",
                        "icon": "inbox",
                        "link": reverse_lazy("admin:detection_submission_changelist"),
                        "permission": may_view("detection.view_submission"),
                    },
                ],
            },
            {
                "title": "Data",
                "items": [
                    {
                        "title": "Datasets",
                        "icon": "photo_library",
                        "link": reverse_lazy("admin:detection_dataset_changelist"),
                        "permission": may_view("detection.view_dataset"),
                    },
                    {
                        "title": "Imports",
                        "icon": "upload",
                        "link": reverse_lazy("admin:detection_datasetimport_changelist"),
                        "permission": may_view("detection.view_datasetimport"),
                    },
                    {
                        "title": "Snapshots",
                        "icon": "ac_unit",
                        "link": reverse_lazy("admin:detection_snapshot_changelist"),
                        "permission": may_view("detection.view_snapshot"),
                    },
                ],
            },
            {
                "title": "Labels",
                "items": [
                    {
                        "title": "Label review",
                        "icon": "rule",
                        "link": reverse_lazy("admin:detection_labelreview_queue"),
                        "badge": "detection.admin.reviews.waiting_badge",
                        "badge_variant": "primary",
                        "permission": "detection.admin.reviews.may_decide",
                    },
                    {
                        "title": "Reports",
                        "icon": "flag",
                        "link": reverse_lazy("admin:detection_feedback_changelist"),
                        "badge": "detection.admin.feedback.open_badge",
                        "badge_variant": "primary",
                        "permission": "detection.admin.feedback.may_see_reports",
                    },
                    {
                        "title": "Decisions",
                        "icon": "history",
                        "link": reverse_lazy("admin:detection_labelreview_changelist"),
                        "permission": may_view("detection.view_labelreview"),
                        # The queue lies below it, and has an entry of its own.
                        "active": lambda request: (
                            "labelreview/queue" not in request.path
                            and "/detection/labelreview/" in request.path
                        ),
                    },
                ],
            },
            {
                "title": "Training",
                "items": [
                    {
                        "title": "Training runs",
                        "icon": "exercise",
                        "link": reverse_lazy("admin:detection_trainingrun_changelist"),
                        "badge": "detection.admin.training.unseen_badge",
                        "badge_variant": "primary",
                        "permission": "detection.admin.training.may_see_runs",
                        # The form of a fit lies below it, and has an entry of its own.
                        "active": lambda request: (
                            "/detection/trainingrun/" in request.path
                            and "trainingrun/fit" not in request.path
                            and "trainingrun/schedule" not in request.path
                        ),
                    },
                    {
                        "title": "Fit a photo model",
                        "icon": "photo_camera",
                        "link": reverse_lazy("admin:detection_photo_fit"),
                        "permission": "detection.admin.training.may_ask",
                    },
                    {
                        "title": "Schedule",
                        "icon": "schedule",
                        "link": reverse_lazy("admin:detection_trainingrun_schedule"),
                        "permission": "detection.admin.training.may_schedule",
                    },
                ],
            },
            {
                "title": "Models",
                "items": [
                    {
                        "title": "Registered models",
                        "icon": "model_training",
                        "link": reverse_lazy("admin:detection_registeredmodel_changelist"),
                        "permission": may_view("detection.view_registeredmodel"),
                    },
                    {
                        "title": "Versions",
                        "icon": "deployed_code",
                        "link": reverse_lazy("admin:detection_modelversion_changelist"),
                        "permission": may_view("detection.view_modelversion"),
                        # The comparison lies below it, and has an entry of its own.
                        "active": lambda request: (
                            "/detection/modelversion/" in request.path
                            and "modelversion/compare" not in request.path
                        ),
                    },
                    {
                        "title": "Compare",
                        "icon": "compare_arrows",
                        "link": reverse_lazy("admin:registry_compare"),
                        "permission": may_view("detection.view_modelversion"),
                    },
                    {
                        "title": "Promotions",
                        "icon": "published_with_changes",
                        "link": reverse_lazy("admin:detection_promotion_changelist"),
                        "permission": may_view("detection.view_promotion"),
                    },
                    {
                        "title": "Audit",
                        "icon": "receipt_long",
                        "link": reverse_lazy("admin:detection_auditevent_changelist"),
                        "permission": may_view("detection.view_auditevent"),
                    },
                ],
            },
            {
                "title": "People",
                "items": [
                    {
                        "title": "Users",
                        "icon": "group",
                        "link": reverse_lazy("admin:portal_user_changelist"),
                        "permission": may_view("portal.view_user"),
                    },
                    {
                        "title": "Groups",
                        "icon": "groups",
                        "link": reverse_lazy("admin:auth_group_changelist"),
                        "permission": may_view("auth.view_group"),
                    },
                ],
            },
            {
                "title": "Installation",
                "items": [
                    {
                        "title": "Status",
                        "icon": "monitor_heart",
                        "link": reverse_lazy("status"),
                        "permission": lambda request: request.user.has_module_perms("detection"),
                    },
                ],
            },
        ],
    },
}
