"""The pages of one's webhooks: made, tried out, looked after."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from detection.forms import WebhookForm
from detection.models import DeliveryState, Webhook, WebhookDelivery
from detection.services import webhooks
from detection.services.webhooks import MOST_WEBHOOKS, WebhookRefused

# So many of the newest messages a page shows.
SHOWN = 50


@login_required
def webhook_list(request: HttpRequest) -> HttpResponse:
    """Show one's webhooks, and make one."""
    form = WebhookForm(request.POST) if request.method == "POST" else WebhookForm()
    if form.is_valid():
        try:
            made = webhooks.webhook_create(owner=request.user, **form.cleaned_data)
        except WebhookRefused as refused:
            form.add_error(refused.field or None, refused.sentence)
        else:
            return _to_page(made)
    context = {
        "form": form,
        "webhooks": Webhook.objects.visible_to(request.user),
        "most": MOST_WEBHOOKS,
    }
    status = 422 if form.errors else 200
    return render(request, "webhooks/list.html", context, status=status)


@login_required
def webhook_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show a webhook with its secret and its log, and change it."""
    webhook = _mine(request, public_id)
    is_sent = request.method == "POST"
    form = WebhookForm(request.POST) if is_sent else WebhookForm.of(webhook)
    if is_sent and form.is_valid():
        try:
            webhooks.webhook_change(webhook=webhook, **form.cleaned_data)
        except WebhookRefused as refused:
            form.add_error(refused.field or None, refused.sentence)
            webhook.refresh_from_db()
        else:
            messages.success(request, "The webhook was changed.")
            return _to_page(webhook)
    context = {"form": form, **_log(webhook)}
    status = 422 if form.errors else 200
    return render(request, "webhooks/detail.html", context, status=status)


@login_required
@require_safe
def webhook_log(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer the page's polling with the log."""
    return render(request, "webhooks/_log.html", _log(_mine(request, public_id)))


@login_required
@require_POST
def webhook_test(request: HttpRequest, public_id: str) -> HttpResponse:
    """Send a test."""
    webhook = _mine(request, public_id)
    try:
        webhooks.webhook_test(webhook=webhook)
    except WebhookRefused as refused:
        messages.warning(request, refused.sentence)
    return _to_page(webhook, "#log")


@login_required
@require_POST
def webhook_switch(request: HttpRequest, public_id: str) -> HttpResponse:
    """Switch a webhook on or off."""
    webhook = _mine(request, public_id)
    webhooks.webhook_change(webhook=webhook, is_active=request.POST.get("to") == "on")
    return _to_page(webhook)


@login_required
@require_POST
def webhook_delete(request: HttpRequest, public_id: str) -> HttpResponse:
    """Delete a webhook with its log."""
    webhooks.webhook_delete(webhook=_mine(request, public_id))
    messages.success(request, "The webhook was deleted.")
    response = redirect("webhook_list")
    response.status_code = 303
    return response


@login_required
@require_POST
def delivery_again(request: HttpRequest, public_id: str) -> HttpResponse:
    """Send a message once more."""
    mine = WebhookDelivery.objects.visible_to(request.user).select_related("webhook")
    delivery = get_object_or_404(mine, public_id=public_id)
    try:
        webhooks.delivery_repeat(delivery=delivery)
    except WebhookRefused as refused:
        messages.warning(request, refused.sentence)
    return _to_page(delivery.webhook, "#log")


def _mine(request: HttpRequest, public_id: str) -> Webhook:
    return get_object_or_404(Webhook.objects.visible_to(request.user), public_id=public_id)


def _log(webhook: Webhook) -> dict[str, object]:
    """Return what the log shows: what is held back until a submission has ended stays out."""
    sent = webhook.deliveries.exclude(next_attempt_at=None)
    deliveries = list(sent.order_by("-created_at", "-pk")[: SHOWN + 1])
    return {
        "webhook": webhook,
        "deliveries": deliveries[:SHOWN],
        "has_more": len(deliveries) > SHOWN,
        "shown": SHOWN,
        # What was never tried is about to be; what failed may wait for hours.
        "is_sending": webhook.is_active
        and any(one.state == DeliveryState.WAITING and not one.attempts for one in deliveries),
    }


def _to_page(webhook: Webhook, anchor: str = "") -> HttpResponse:
    response = redirect(webhook)
    response["Location"] += anchor
    response.status_code = 303
    return response
