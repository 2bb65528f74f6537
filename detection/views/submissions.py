"""Handing in, and the page of a submission."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from detection.forms import AddressForm, ImageForm, SubmissionForm, upload_limits
from detection.image_files import ImageRejected, uploaded_name
from detection.models import Analysis, Batch, Submission
from detection.services import intake

RECENT = 6
# Which refusals have a status of their own; all others are 422.
STATUS = {"file_too_large": 413, "too_many_files": 409, "submission_gone": 404}


@login_required
def submission_new(request: HttpRequest) -> HttpResponse:
    """Show the dropzone, and take many files at once from browsers without scripts."""
    is_sent = request.method == "POST"
    form = SubmissionForm(request.POST, request.FILES) if is_sent else SubmissionForm()
    refusals: list[Any] = []
    if form.is_valid():
        made = intake.submission_create(owner=request.user, files=form.cleaned_data["images"])
        if made.analyses:
            response = redirect("submission_detail", made.submission.public_id)
            response.status_code = 303
            return response
        refusals = made.refusals
        # Nothing was taken in: the page says why, and there is nothing to keep.
        made.submission.delete()
    context = hand_in_context(request, form=form, refusals=refusals)
    status = 422 if refusals or form.errors else 200
    return render(request, "submissions/new.html", context, status=status)


def hand_in_context(request: HttpRequest, **context: Any) -> dict[str, Any]:
    """Return what the page for handing in shows, with what was just sent to it."""
    mine = Analysis.objects.visible_to(request.user).on_images().current()
    recent = mine.newest(RECENT)
    forms = {"form": SubmissionForm(), "address_form": AddressForm()}
    if not settings.URL_FETCH:
        del forms["address_form"]
    return {**forms, "limits": upload_limits(), "recent": recent, **context}


@login_required
@require_POST
def submission_open(request: HttpRequest) -> JsonResponse:
    """Open a submission for the page's script, which then sends file by file."""
    submission = intake.submission_open(owner=request.user)
    body = {
        "id": submission.public_id,
        "url": reverse("submission_detail", args=[submission.public_id]),
        "upload_url": reverse("image_add", args=[submission.public_id]),
    }
    return JsonResponse(body, status=201)


@login_required
@require_POST
def image_add(request: HttpRequest, public_id: str) -> JsonResponse:
    """Take one file into an open submission."""
    submission = get_object_or_404(Submission.objects.visible_to(request.user), public_id=public_id)
    form = ImageForm(request.POST, request.FILES)
    if not form.is_valid():
        return _refused(ImageRejected("no_file", str(form.errors["image"][0])), "")
    file = form.cleaned_data["image"]
    try:
        image = intake.image_add(submission=submission, file=file)
    except ImageRejected as rejected:
        return _refused(rejected, uploaded_name(file.name or ""))
    url = reverse("submission_detail", args=[submission.public_id])
    return JsonResponse({"image": {"name": image.file_name, "url": url}}, status=201)


@login_required
@require_safe
def submission_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show a submission, filling in while workers finish; a batch has a page of its own."""
    mine = Batch.objects.filter(submission__owner_id=request.user.pk)
    batch = mine.filter(submission__public_id=public_id).first()
    if batch is not None:
        return redirect("batch_detail", batch.public_id)
    return _submission_page(request, public_id, "submissions/detail.html")


@login_required
@require_safe
def submission_progress(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer the page's polling with its moving part."""
    return _submission_page(request, public_id, "submissions/_progress.html")


def _submission_page(request: HttpRequest, public_id: str, template: str) -> HttpResponse:
    submission = get_object_or_404(Submission.objects.visible_to(request.user), public_id=public_id)
    analyses = Analysis.objects.filter(image__submission=submission).on_images().current()
    # Asked for first: what is fetched meanwhile is then among the analyses, and never in neither.
    fetches = list(submission.fetches.unfinished())
    counts = analyses.counted()
    context = {
        "submission": submission,
        "analyses": analyses.for_display().order_by("image_id"),
        "refusals": submission.refusals.all(),
        "counts": counts,
        "fetches": fetches,
        "unfinished": counts["unfinished"] > 0 or bool(fetches),
    }
    return render(request, template, context)


def _refused(rejected: ImageRejected, name: str) -> JsonResponse:
    error = {"code": rejected.code, "message": rejected.sentence, "file": name}
    return JsonResponse({"error": error}, status=STATUS.get(rejected.code, 422))
