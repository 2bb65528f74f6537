""" "This is wrong" on the verdict page: a form in place, and afterwards what became of it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from detection.forms import FeedbackForm
from detection.models import Analysis, Feedback, Label
from detection.services.feedback import FeedbackRefused, feedback_give, feedback_withdraw

FRAGMENT = "submissions/_feedback.html"


def feedback_context(analysis: Analysis, form: FeedbackForm | None = None) -> dict[str, Any]:
    """Return what the part on feedback shows: the report on this verdict, and its form."""
    if not analysis.verdict:
        return {}
    reports = Feedback.objects.filter(analysis=analysis).select_related("item__dataset")
    feedback = reports.first()
    form = form or FeedbackForm.for_report(feedback, analysis.verdict)
    return {"feedback": feedback, "feedback_form": form}


@login_required
@require_POST
def analysis_feedback(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take what the person says of this verdict, or a change of it."""
    analysis = _own(request, public_id)
    form = FeedbackForm(request.POST)
    if not form.is_valid():
        (errors, *_) = form.errors.values()
        return _answer(request, analysis, form=form, problem=str(errors[0]))
    given = form.cleaned_data
    try:
        feedback_give(
            analysis=analysis,
            user=request.user,
            label=Label(given["label"]),
            note=given["note"],
            has_consent=given["has_consent"],
        )
    except FeedbackRefused as refused:
        return _answer(request, analysis, form=form, problem=refused.sentence)
    return _answer(request, analysis)


@login_required
@require_POST
def analysis_feedback_withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take the report back, or only the consent where reviewers have settled it."""
    analysis = _own(request, public_id)
    feedback = Feedback.objects.filter(analysis=analysis).first()
    if feedback is not None:
        feedback_withdraw(feedback=feedback, user=request.user)
    return _answer(request, analysis)


def _answer(
    request: HttpRequest, analysis: Analysis, *, form: FeedbackForm | None = None, problem: str = ""
) -> HttpResponse:
    """Show the part anew to a script, and the whole page to a browser without one."""
    if not request.htmx:  # type: ignore[attr-defined] # from its middleware
        if problem:
            messages.warning(request, problem)
        return redirect(f"{reverse('analysis_detail', args=[analysis.public_id])}#feedback")
    context = {"analysis": analysis, "problem": problem, "is_answer": True}
    return render(request, FRAGMENT, context | feedback_context(analysis, form))


def _own(request: HttpRequest, public_id: str) -> Analysis:
    mine = Analysis.objects.visible_to(request.user).on_images().for_display()
    return get_object_or_404(mine, public_id=public_id)
