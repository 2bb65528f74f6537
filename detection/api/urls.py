"""Addresses of the REST interface; public ids in them are random."""

from django.urls import include, path, re_path

from detection.api import about, analyses, batches, description, media, submissions, webhooks
from detection.api.base import Nothing

one = "<slug:public_id>/"
v1 = [
    path("submissions/", submissions.Submissions.as_view(), name="api_submissions"),
    path(f"submissions/{one}", submissions.SubmissionDetail.as_view(), name="api_submission"),
    path("analyses/", analyses.Analyses.as_view(), name="api_analyses"),
    path(f"analyses/{one}", analyses.AnalysisDetail.as_view(), name="api_analysis"),
    path(f"analyses/{one}retry/", analyses.AnalysisRetry.as_view(), name="api_analysis_retry"),
    path(
        f"analyses/{one}feedback/",
        analyses.AnalysisFeedback.as_view(),
        name="api_analysis_feedback",
    ),
    path(f"analyses/{one}image/", media.AnalysisImage.as_view(), name="api_analysis_image"),
    path(f"analyses/{one}heatmap/", media.AnalysisHeatmap.as_view(), name="api_analysis_heatmap"),
    path(f"analyses/{one}report.pdf", media.ReportPdf.as_view(), name="api_analysis_report_pdf"),
    path(f"analyses/{one}report.json", media.ReportJson.as_view(), name="api_analysis_report_json"),
    path(f"faces/{one}heatmap/", media.FaceHeatmap.as_view(), name="api_face_heatmap"),
    path("webhooks/", webhooks.Webhooks.as_view(), name="api_webhooks"),
    path(f"webhooks/{one}", webhooks.WebhookDetail.as_view(), name="api_webhook"),
    path(f"webhooks/{one}test/", webhooks.WebhookTest.as_view(), name="api_webhook_test"),
    path(
        f"webhooks/{one}deliveries/",
        webhooks.WebhookDeliveries.as_view(),
        name="api_webhook_deliveries",
    ),
    path(
        f"deliveries/{one}repeat/",
        webhooks.DeliveryRepeat.as_view(),
        name="api_delivery_repeat",
    ),
    path("batches/", batches.Batches.as_view(), name="api_batches"),
    path(f"batches/{one}", batches.BatchDetail.as_view(), name="api_batch"),
    path(f"batches/{one}pieces/", batches.BatchPieces.as_view(), name="api_batch_pieces"),
    path(f"batches/{one}results/", batches.BatchResults.as_view(), name="api_batch_results"),
    path(f"batches/{one}cancel/", batches.BatchCancel.as_view(), name="api_batch_cancel"),
    path(f"batches/{one}repeat/", batches.BatchRepeat.as_view(), name="api_batch_repeat"),
    path("usage/", about.Usage.as_view(), name="api_usage"),
    path("models/", about.Models.as_view(), name="api_models"),
    path("schema/", description.Schema.as_view(), name="api_schema"),
    path("docs/", description.docs, name="api_docs"),
    path("health/", about.Health.as_view(), name="api_health"),
]
urlpatterns = [
    path("v1/", include(v1)),
    # Whatever else is asked for below /api/ is answered in its one form of errors.
    re_path("", Nothing.as_view(), name="api_nothing"),
]
