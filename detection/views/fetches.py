"""Handing in by address."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from detection.forms import AddressForm
from detection.services.fetches import FetchRefused, fetch_request
from detection.views.submissions import hand_in_context


@login_required
@require_POST
def submission_by_address(request: HttpRequest) -> HttpResponse:
    """Have what is at these addresses fetched, where that is switched on."""
    if not settings.URL_FETCH:
        raise Http404
    form = AddressForm(request.POST)
    if form.is_valid():
        try:
            submission = fetch_request(owner=request.user, urls=form.cleaned_data["addresses"])
        except FetchRefused as refused:
            where = f"{refused.url}: " if refused.url else ""
            form.add_error("addresses", f"{where}{refused.sentence}")
        else:
            response = redirect("submission_detail", submission.public_id)
            response.status_code = 303
            return response
    context = hand_in_context(request, address_form=form)
    return render(request, "submissions/new.html", context, status=422)
