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
    submissions,
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
        "explanations/<slug:public_id>/heatmap/",
        media.explanation_heatmap,
        name="explanation_heatmap",
    ),
    path("faces/<slug:public_id>/heatmap/", media.face_heatmap, name="face_heatmap"),
    path("images/<slug:public_id>/thumbnail/", media.image_thumbnail, name="image_thumbnail"),
    path("images/<slug:public_id>/preview/", media.image_preview, name="image_preview"),
    path("images/<slug:public_id>/original/", media.image_original, name="image_original"),
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
]
