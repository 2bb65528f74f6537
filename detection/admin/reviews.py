"""The label review in the admin panel: one image at a time, decided by keyboard."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from detection.admin.datasets.items import picture_url
from detection.admin.links import ReadOnlyAdmin, object_link, picture
from detection.models import Dataset, Decision, Item, Label, LabelReview
from detection.models.submissions import may_review
from detection.services.reviews import (
    Order,
    ReviewRefused,
    Turn,
    review_decide,
    review_turn,
    review_undo,
)

QUEUE = "admin:detection_labelreview_queue"
DECISION_COLOURS = {
    Decision.ACCEPT: "success",
    Decision.CORRECT: "warning",
    Decision.REJECT: "danger",
}
ORDERS = {Order.OLDEST: "Oldest first", Order.LEARNING: "Most to learn first"}
# The badge does not count further: nobody reads "12,345" as more work than this.
MANY = 1000


def may_decide(request: HttpRequest) -> bool:
    """Tell whether somebody may settle labels; they also have to be allowed to see the images."""
    return request.user.has_perm("detection.add_labelreview") and may_review(request.user)


def waiting_badge(request: HttpRequest) -> str:
    """Return how many labels wait for review, for the side bar."""
    count = Item.objects.waiting().order_by()[:MANY].count()
    return f"{count}+" if count == MANY else str(count)


@admin.register(LabelReview)
class LabelReviewAdmin(ReadOnlyAdmin):
    """What was decided by whom, and the queue of what is to be decided."""

    list_display = [
        "picture_cell",
        "item",
        "dataset",
        "decision_cell",
        "label",
        "reviewer_cell",
        "note",
        "created_at",
    ]
    list_display_links = ["item"]
    list_filter = ["decision", "label", "item__dataset", "created_at"]
    list_select_related = ["item__dataset", "reviewer"]
    search_fields = ["item__file_name", "item__sha256", "reviewer__email"]
    search_help_text = "File name, sha256 or reviewer"
    show_full_result_count = False
    list_per_page = 50
    fields = [
        "picture_cell",
        ("item", "dataset"),
        ("decision", "label"),
        ("reviewer_cell", "created_at"),
        "note",
    ]
    readonly_fields = ["picture_cell", "dataset", "reviewer_cell", "created_at"]

    def get_urls(self) -> list[URLPattern]:
        """Add the queue and its two acts."""
        name = "detection_labelreview_{}".format
        wrap = self.admin_site.admin_view
        own = [
            path("queue/", wrap(require_safe(self.queue)), name=name("queue")),
            path("queue/decide/", wrap(require_POST(self.decide)), name=name("decide")),
            path("queue/undo/", wrap(require_POST(self.undo)), name=name("undo")),
        ]
        return own + super().get_urls()

    def queue(self, request: HttpRequest) -> HttpResponse:
        """Show the next image that waits for this reviewer."""
        _check(request)
        dataset, order = _dataset(request.GET), _order(request.GET)
        place = _place(request.GET)
        turn = review_turn(user=request.user, dataset=dataset, order=order, **place)
        return self._show(request, turn, dataset, order)

    def decide(self, request: HttpRequest) -> HttpResponse:
        """Keep a decision, and show the next image."""
        _check(request)
        item_id, decision = _number(request.POST, "item"), request.POST.get("decision", "")
        problem = ""
        try:
            if decision not in Decision.values:
                raise ReviewRefused("no_decision", "Accept, correct or reject.")
            review_decide(
                item_id=item_id,
                user=request.user,
                decision=Decision(decision),
                note=request.POST.get("note", "").strip(),
            )
        except ReviewRefused as refused:
            problem = refused.sentence
        return self._after(request, problem, after=item_id)

    def undo(self, request: HttpRequest) -> HttpResponse:
        """Take the last decision back, and show its image again."""
        _check(request)
        try:
            item = review_undo(user=request.user)
        except ReviewRefused as refused:
            return self._after(request, refused.sentence, item=_number(request.POST, "item"))
        return self._after(request, "", item=item.pk)

    def _after(self, request: HttpRequest, problem: str, **place: int) -> HttpResponse:
        """Answer an act: the next image to a script, the page to a browser without one."""
        dataset, order = _dataset(request.POST), _order(request.POST)
        if request.htmx:  # type: ignore[attr-defined] # from its middleware
            turn = review_turn(user=request.user, dataset=dataset, order=order, **_named(place))
            return self._show(request, turn, dataset, order, problem)
        if problem:
            messages.warning(request, problem)
        query = urlencode(place | _chosen(dataset, order))
        return redirect(f"{reverse(QUEUE)}?{query}")

    def _show(
        self,
        request: HttpRequest,
        turn: Turn,
        dataset: Dataset | None,
        order: Order,
        problem: str = "",
    ) -> HttpResponse:
        context = {"turn": turn, "dataset": dataset, "problem": problem, **_shown(turn)}
        context |= {"order": order, "chosen": urlencode(_chosen(dataset, order))}
        if request.htmx:  # type: ignore[attr-defined] # from its middleware
            return render(request, "admin/reviews/_turn.html", context)
        context |= self.admin_site.each_context(request)
        context |= {"title": "Label review", "datasets": Dataset.objects.all()}
        context["orders"] = [
            (title, one == order, urlencode(_chosen(dataset, one))) for one, title in ORDERS.items()
        ]
        return render(request, "admin/reviews/queue.html", context)

    @admin.display(description="")
    def picture_cell(self, review: LabelReview) -> SafeString:
        """Show the picture, small."""
        return picture(picture_url(review.item), f"Preview of {review.item.file_name}", 48)

    @admin.display(description="Dataset", ordering="item__dataset__name")
    def dataset(self, review: LabelReview) -> SafeString | str:
        """Link to the dataset."""
        return object_link(review.item.dataset)

    @display(description="Decision", ordering="decision", label=DECISION_COLOURS)
    def decision_cell(self, review: LabelReview) -> tuple[str, str]:
        """Label the decision."""
        return review.decision, review.get_decision_display()

    @admin.display(description="Reviewer", ordering="reviewer__email")
    def reviewer_cell(self, review: LabelReview) -> str:
        """Name the reviewer; a decision outlives the account."""
        return str(review.reviewer) if review.reviewer else "account deleted"


def _check(request: HttpRequest) -> None:
    if not may_decide(request):
        raise PermissionDenied


def _shown(turn: Turn) -> dict[str, Any]:
    """Return what the page says of the item: where it comes from, and what people report."""
    if turn.item is None:
        return {}
    item, following = turn.item, turn.following
    return {
        "item": item,
        "picture": picture_url(item, "picture"),
        "following_picture": picture_url(following, "picture") if following else "",
        "other_label": Label.REAL if item.label == Label.FAKE else Label.FAKE,
        "reports": item.feedback.select_related("analysis", "user").order_by("pk"),
        "reviews": item.reviews.order_by("pk"),
        "analysis": item.analysis,
    }


def _dataset(given: Any) -> Dataset | None:
    return Dataset.objects.filter(pk=_number(given, "dataset")).first()


def _order(given: Any) -> Order:
    return Order.LEARNING if given.get("order") == Order.LEARNING else Order.OLDEST


def _chosen(dataset: Dataset | None, order: Order) -> dict[str, Any]:
    """Return what of the queue stays in the address."""
    of_dataset = {"dataset": dataset.pk} if dataset else {}
    return of_dataset | ({"order": order.value} if order != Order.OLDEST else {})


def _place(given: Any) -> dict[str, Any]:
    return _named({"after": _number(given, "after"), "item": _number(given, "item")})


def _named(place: dict[str, int]) -> dict[str, Any]:
    """Return arguments of `review_turn`: the item before, and the one that is asked for."""
    return {"after": place.get("after", 0), "wanted": place.get("item") or None}


def _number(given: Any, name: str) -> int:
    """Return a key from a form; what is none leads nowhere."""
    value = given.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 19 else 0
