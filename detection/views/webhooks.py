"""The pages of one's webhooks: made, tried out, looked after."""

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from detection.forms import WebhookForm
from detection.models import DeliveryState, Webhook, WebhookDelivery
from detection.services import webhooks
from detection.services.history import Place
from detection.services.webhooks import MOST_WEBHOOKS, WebhookRefused

# So many messages a page shows.
SHOWN = 50


@never_cache
@login_required
def webhook_list(request: HttpRequest) -> HttpResponse:
    """Show one's webhooks, and make one, whose secret is shown at once."""
    form = WebhookForm(request.POST) if request.method == "POST" else WebhookForm()
    if form.is_valid():
        try:
            made = webhooks.webhook_create(owner=request.user, **form.cleaned_data)
        except WebhookRefused as refused:
            form.add_error(refused.field or None, refused.sentence)
        else:
            context = {"webhook": made, "is_new": True}
            return render(request, "webhooks/secret.html", context, status=201)
    context = {
        "form": form,
        "is_public_only": not settings.OUTBOUND_ALLOW_NETWORKS,
        "webhooks": Webhook.objects.visible_to(request.user),
        "most": MOST_WEBHOOKS,
    }
    status = 422 if form.errors else 200
    return render(request, "webhooks/list.html", context, status=status)


@login_required
def webhook_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show a webhook with its log, and change it."""
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
    context = {"form": form, **_log(request, webhook)}
    status = 422 if form.errors else 200
    return render(request, "webhooks/detail.html", context, status=status)


@never_cache
@login_required
@reauthentication_required
@require_safe
def webhook_secret(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show the secret to who has just given the password."""
    return render(request, "webhooks/secret.html", {"webhook": _mine(request, public_id)})


@login_required
@require_safe
def webhook_log(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer the page's polling with its state and its log."""
    context = {**_log(request, _mine(request, public_id)), "is_fragment": True}
    return render(request, "webhooks/_log.html", context)


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
    place = Place.read(request.POST.get("older", ""))
    return _to_page(delivery.webhook, f"?older={place}#log" if place else "#log")


def _mine(request: HttpRequest, public_id: str) -> Webhook:
    return get_object_or_404(Webhook.objects.visible_to(request.user), public_id=public_id)


def _log(request: HttpRequest, webhook: Webhook) -> dict[str, object]:
    """Return what the log shows, from a place on as an address names it."""
    sent = webhook.deliveries.for_log()
    older, newer = (Place.read(request.GET.get(name, "")) for name in ("older", "newer"))
    if newer:
        above = list(sent.newer_than(newer.created_at, newer.pk)[: SHOWN + 1])
        # Where no more than a page is newer, that is the first page, and is shown whole.
        older = _place(above[SHOWN]) if len(above) > SHOWN else None
    below = sent.older_than(older.created_at, older.pk) if older else sent
    found = list(below.order_by("-created_at", "-pk")[: SHOWN + 1])
    deliveries = found[:SHOWN]
    waiting = [one for one in deliveries if one.state == DeliveryState.WAITING]
    return {
        "webhook": webhook,
        "deliveries": deliveries,
        "from": older,
        "newer": _place(deliveries[0]) if older and deliveries else None,
        "older": _place(deliveries[-1]) if len(found) > SHOWN else None,
        # What was never tried is about to be; what failed may wait for hours.
        "is_sending": webhook.is_active and any(not one.attempts for one in waiting),
        "is_waiting": webhook.is_active and bool(waiting),
    }


def _place(delivery: WebhookDelivery) -> Place:
    return Place(delivery.created_at, delivery.pk)


def _to_page(webhook: Webhook, anchor: str = "") -> HttpResponse:
    response = redirect(webhook)
    response["Location"] += anchor
    response.status_code = 303
    return response
