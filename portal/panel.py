"""How the admin panel looks and what its side bar leads to: the settings of django-unfold."""

from django.templatetags.static import static
from django.urls import reverse_lazy

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
    # The site's own green, from light to dark.
    "COLORS": {
        "primary": {
            "50": "#effaf6",
            "100": "#d6f1e7",
            "200": "#b0e2d1",
            "300": "#7ccbb4",
            "400": "#48ad93",
            "500": "#28917a",
            "600": "#197563",
            "700": "#0f5c4f",
            "800": "#124b41",
            "900": "#123e37",
            "950": "#062420",
        },
    },
    "SHOW_HISTORY": True,
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
                    },
                    {
                        "title": "Submissions",
                        "icon": "inbox",
                        "link": reverse_lazy("admin:detection_submission_changelist"),
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
                    },
                    {
                        "title": "Versions",
                        "icon": "deployed_code",
                        "link": reverse_lazy("admin:detection_modelversion_changelist"),
                    },
                    {
                        "title": "Promotions",
                        "icon": "published_with_changes",
                        "link": reverse_lazy("admin:detection_promotion_changelist"),
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
                    },
                ],
            },
        ],
    },
}
