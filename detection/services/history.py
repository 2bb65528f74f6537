"""Pages of somebody's history: each reads a bounded stretch of an index, however long it has grown.

A page begins after a *place*, the last row of the page before, and not after a number of rows: so
nothing is counted or skipped, and no row comes twice or is lost while others come and go.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from detection.models import Analysis, SubmittedImage, Tag
from detection.models.analyses import AnalysisQuerySet

# How many of somebody's analyses a search for a text looks through at once, newest first.
SEARCH_WINDOW = 1000
# Of a tag together with other filters, how many of its images.
TAG_WINDOW = 200
# A page tells how many there are up to this many, and beyond it that there are more.
COUNTED = 1000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACE = re.compile(r"([0-9]{1,17})-([0-9]{1,18})", re.ASCII)

Filter = Callable[[AnalysisQuerySet], AnalysisQuerySet]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins or ends: at a row, be it still there or not.

    `pk` is the analysis' key; of a tag's images, which come by their own order, the image's.
    """

    created_at: datetime
    pk: int

    def __str__(self) -> str:
        """Return it as it stands in an address."""
        return f"{(self.created_at - EPOCH) // timedelta(microseconds=1)}-{self.pk}"

    def after(self) -> "Place":
        """Return the place just behind this row."""
        return Place(self.created_at, self.pk - 1)

    @classmethod
    def read(cls, text: str) -> "Place | None":
        """Return the place of an address; `None` for what is none."""
        if match := PLACE.fullmatch(text):
            return cls(EPOCH + timedelta(microseconds=int(match[1])), int(match[2]))
        return None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of a history.

    Attributes:
        rows: Analyses, newest first, with what a list shows of them.
        newer: Where the page before this one ends; `None` on the first one.
        older: Where the next one begins; `None` on the last one.
        looked_back_to: Until when a search has looked, where it stopped before it had filled the
            page and before the end; else `None`.
        looked_through: How many it looked through until there; else `None`.
        count: How many there are, `COUNTED` + 1 for more than these; `None` where to tell it would
            take looking through all.
    """

    rows: list[Analysis]
    newer: Place | None
    older: Place | None
    looked_back_to: datetime | None
    looked_through: int | None
    count: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a history is asked for.

    Attributes:
        user: Whose.
        fitting: Leaves those that all filters but tag and text let through.
        is_filtered: Whether anything but a tag is asked for.
        text: A part of file name, path in a batch, note or tag; no index leads to it. Empty for
            any.
        tag: The name of a tag that the images have, as tags are kept; empty for any.
    """

    user: Any
    fitting: Filter
    is_filtered: bool = False
    text: str = ""
    tag: str = ""

    @property
    def analyses(self) -> AnalysisQuerySet:
        """Everything of this history, unfiltered."""
        return Analysis.objects.visible_to(self.user).on_images().current()

    def filtered(self, analyses: AnalysisQuerySet) -> AnalysisQuerySet:
        """Return those of the analyses that fit, whatever their tags."""
        found = self.fitting(analyses)
        if not self.text:
            return found
        # Mostly none of one's tags has the text in it, and then no image has to be asked for its.
        tags = Tag.objects.visible_to(self.user).with_text(self.text)
        return found.matching(self.text, tags=list(tags.values_list("pk", flat=True)))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What was found in one direction: keys of analyses and their places, nearest first."""

    keys: list[int]
    places: list[Place]
    # Where to go on: the last row of a full page, or the end of what was looked through.
    further: Place | None
    is_full: bool
    # How many that was, where not all were looked through.
    window: int | None


def history_page(
    *, wanted: Wanted, size: int, older: str = "", newer: str = "", is_counted: bool = True
) -> HistoryPage:
    """Return the rows after or before a place, or the newest ones.

    Args:
        wanted: What of whose history.
        size: Rows on a page.
        older: The place after which the page begins, from an address.
        newer: The place before which it ends. What cannot be understood leads to the first page.
        is_counted: Whether the page shall tell how many there are.
    """
    counted = wanted if is_counted else None
    place = Place.read(newer)
    if place is not None:
        found = _stretch(wanted, size, place, upwards=True)
        # Where less than a page is newer, that is the first page, and is shown whole.
        if found.further is not None:
            below = found.places[0] if found.places else place
            return _page(counted, found, newer=found.further, older=below, upwards=True)
        place = None
    else:
        place = Place.read(older)
    found = _stretch(wanted, size, place, upwards=False)
    above = None if place is None else (found.places[0] if found.places else place.after())
    return _page(counted, found, newer=above, older=found.further, upwards=False)


def count_up_to(analyses: AnalysisQuerySet, most: int = COUNTED) -> int:
    """Return how many these are, or one more than `most`, without reading further."""
    return analyses.order_by()[: most + 1].count()


def _page(
    counted: Wanted | None,
    found: _Stretch,
    *,
    newer: Place | None,
    older: Place | None,
    upwards: bool,
) -> HistoryPage:
    shown = Analysis.objects.filter(pk__in=found.keys).for_lists().with_tags().with_batches()
    by_key = {analysis.pk: analysis for analysis in shown}
    keys = reversed(found.keys) if upwards else found.keys
    # One that was deleted in between is simply not there.
    rows = [by_key[key] for key in keys if key in by_key]
    stopped = None if upwards or found.is_full or found.further is None else found.further
    is_all = newer is None and older is None
    return HistoryPage(
        rows=rows,
        newer=newer,
        older=older,
        looked_back_to=stopped.created_at if stopped else None,
        looked_through=found.window if stopped else None,
        count=len(rows) if is_all else (_count(counted) if counted else None),
    )


def _count(wanted: Wanted) -> int | None:
    if wanted.text or (wanted.tag and wanted.is_filtered):
        return None
    if wanted.tag:
        return _tag(wanted).image_count
    return count_up_to(wanted.fitting(wanted.analyses))


def _stretch(wanted: Wanted, size: int, place: Place | None, *, upwards: bool) -> _Stretch:
    if wanted.tag:
        return _stretch_of_tag(wanted, size, place, upwards=upwards)
    ahead, end = _beyond(wanted.analyses, place, upwards=upwards), None
    order = ("created_at", "pk") if upwards else ("-created_at", "-pk")
    if wanted.text:
        bounds = ahead.order_by(*order).values_list("created_at", "pk")
        bound = bounds[SEARCH_WINDOW - 1 : SEARCH_WINDOW].first()
        if bound is not None:
            end = Place(*bound)
            # The other way, from just behind the last row of the window.
            ahead = _beyond(ahead, end, upwards=not upwards, with_it=True)
    fitting = wanted.filtered(ahead).order_by(*order)
    found = [Place(*row) for row in fitting.values_list("created_at", "pk")[: size + 1]]
    keys = [place.pk for place in found]
    return _cut(keys, found, size, end, SEARCH_WINDOW)


def _stretch_of_tag(wanted: Wanted, size: int, place: Place | None, *, upwards: bool) -> _Stretch:
    """Go through a tag's images by their own order, which its table is sorted by."""
    given = Tag.images.through.objects.filter(tag=_tag(wanted).pk)
    if place is not None:
        side = "submittedimage__gt" if upwards else "submittedimage__lt"
        given = given.filter(**{side: place.pk})
    column = "submittedimage_id"
    window = TAG_WINDOW if wanted.is_filtered else size + 1
    ordered = given.order_by(column if upwards else f"-{column}")
    images = list(ordered.values_list(column, flat=True)[: window + 1])
    looked, is_more = images[:window], len(images) > window
    fitting = wanted.filtered(wanted.analyses.filter(image__in=looked)).order_by()
    rows = sorted(
        fitting.values_list("image_id", "created_at", "pk"),
        key=lambda row: row[0] if upwards else -row[0],
    )
    places = [Place(created_at, image) for image, created_at, _ in rows]
    end = _place_of_image(looked[-1]) if is_more and len(rows) <= size else None
    return _cut([pk for _, _, pk in rows], places, size, end, window)


def _cut(
    keys: list[int], places: list[Place], size: int, end: Place | None, window: int
) -> _Stretch:
    """Keep a page of what was found; one row more than that tells that there are more."""
    is_full = len(places) > size
    further = places[size - 1] if is_full else end
    looked = None if is_full or end is None else window
    return _Stretch(keys[:size], places[:size], further, is_full, looked)


def _beyond(
    analyses: AnalysisQuerySet, place: Place | None, *, upwards: bool, with_it: bool = False
) -> AnalysisQuerySet:
    """Return those on one side of a place."""
    if place is None:
        return analyses
    if upwards:
        return analyses.newer_than(place.created_at, place.pk - with_it)
    return analyses.older_than(place.created_at, place.pk + with_it)


def _place_of_image(pk: int) -> Place | None:
    created_at = SubmittedImage.objects.filter(pk=pk).values_list("created_at", flat=True).first()
    return None if created_at is None else Place(created_at, pk)


def _tag(wanted: Wanted) -> Tag:
    """Return the tag; an unsaved one, which no image has, where there is none of this name."""
    mine = Tag.objects.visible_to(wanted.user).filter(name=wanted.tag)
    return mine.first() or Tag(name=wanted.tag)
