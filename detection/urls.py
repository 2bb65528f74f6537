"""Addresses of the work; public ids in them are random."""

from django.urls import path

from detection.views import (
    analyses,
    compare,
    explanations,
    feedback,
    forensic_views,
    media,
    model_page,
    notes,
    repeats,
    reports,
    sharing,
    submissions,
    verification,
)

urlpatterns = [
    path("submit/", submissions.submission_new, name="submission_new"),
    path("submit/open/", submissions.submission_open, name="submission_open"),
    path("submissions/<slug:public_id>/", submissions.submission_detail, name="submission_detail"),
    path(
        "submissions/<slug:public_id>/progress/",
        submissions.submission_progress,
        name="submission_progress",
    ),
    path("submissions/<slug:public_id>/images/", submissions.image_add, name="image_add"),
    path("analyses/<slug:public_id>/", analyses.analysis_detail, name="analysis_detail"),
    path("analyses/<slug:public_id>/status/", analyses.analysis_status, name="analysis_status"),
    path("analyses/<slug:public_id>/faces/", analyses.analysis_faces, name="analysis_faces"),
    path("analyses/<slug:public_id>/retry/", analyses.analysis_retry, name="analysis_retry"),
    path("analyses/<slug:public_id>/again/", repeats.analysis_repeat, name="analysis_repeat"),
    path(
        "analyses/<slug:public_id>/evidence/",
        explanations.analysis_evidence,
        name="analysis_evidence",
    ),
    path(
        "analyses/<slug:public_id>/explain/", explanations.analysis_explain, name="analysis_explain"
    ),
    path(
        "analyses/<slug:public_id>/feedback/", feedback.analysis_feedback, name="analysis_feedback"
    ),
    path(
        "analyses/<slug:public_id>/feedback/withdraw/",
        feedback.analysis_feedback_withdraw,
        name="analysis_feedback_withdraw",
    ),
    path("analyses/<slug:public_id>/note/", notes.analysis_note, name="analysis_note"),
    path("analyses/<slug:public_id>/tags/", notes.analysis_tags, name="analysis_tags"),
    path("analyses/<slug:public_id>/heatmap/", media.analysis_heatmap, name="analysis_heatmap"),
    path(
        "analyses/<slug:public_id>/signed-thumbnail/",
        media.analysis_signed_thumbnail,
        name="analysis_signed_thumbnail",
    ),
    path(
        "explanations/<slug:public_id>/heatmap/",
        media.explanation_heatmap,
        name="explanation_heatmap",
    ),
    path("faces/<slug:public_id>/heatmap/", media.face_heatmap, name="face_heatmap"),
    path("images/<slug:public_id>/thumbnail/", media.image_thumbnail, name="image_thumbnail"),
    path("images/<slug:public_id>/preview/", media.image_preview, name="image_preview"),
    path("images/<slug:public_id>/original/", media.image_original, name="image_original"),
    path("images/<slug:public_id>/full/", media.image_full, name="image_full"),
    path("images/<slug:public_id>/views/", forensic_views.image_views, name="image_views"),
    path(
        "images/<slug:public_id>/views/ask/", forensic_views.image_views_ask, name="image_views_ask"
    ),
    path("images/<slug:public_id>/views/<slug:kind>/", media.image_view, name="image_view"),
    path("history/", analyses.history, name="history"),
    path("history/delete/", analyses.history_delete, name="history_delete"),
    path("history/tag/", notes.history_tag, name="history_tag"),
    path("history/compare/", compare.history_compare, name="history_compare"),
    path("compare/", compare.compare, name="compare"),
    path("models/", model_page.models, name="models"),
    path("models/<slug:name>/<int:number>/card/", model_page.model_card, name="model_card"),
    path(
        "analyses/<slug:public_id>/report.pdf",
        reports.analysis_report,
        {"form": "pdf"},
        name="analysis_report_pdf",
    ),
    path(
        "analyses/<slug:public_id>/report.json",
        reports.analysis_report,
        {"form": "json"},
        name="analysis_report_json",
    ),
    path("history/export.csv", reports.history_export, {"form": "csv"}, name="history_export_csv"),
    path(
        "history/export.json", reports.history_export, {"form": "json"}, name="history_export_json"
    ),
    path(
        "submissions/<slug:public_id>/export.csv",
        reports.submission_export,
        {"form": "csv"},
        name="submission_export_csv",
    ),
    path(
        "submissions/<slug:public_id>/export.json",
        reports.submission_export,
        {"form": "json"},
        name="submission_export_json",
    ),
    path("analyses/<slug:public_id>/share/", sharing.analysis_share, name="analysis_share"),
    path("links/<str:token>/end/", sharing.link_end, name="link_end"),
    path("shared/<str:token>/", sharing.shared, name="shared"),
    path("shared/<str:token>/image/", sharing.shared_image, name="shared_image"),
    path("shared/<str:token>/heatmap/", sharing.shared_heatmap, name="shared_heatmap"),
    path("shared/<str:token>/report.pdf", sharing.shared_report_pdf, name="shared_report_pdf"),
    path("shared/<str:token>/report.json", sharing.shared_report_json, name="shared_report_json"),
    path("verify/", verification.verify, name="verify"),
    path("verify/<str:code>/", verification.verify_code, name="verify_code"),
]
