"""Which pictures a fit learns from: each once, none that contradict each other, enough of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.errors import PhotoError
from ml.photo.copies import groups_of, is_same, near_pairs
from ml.photo.reading import Look, Picture
from ml.photo.validation import Sample

__all__ = ["LEAST_IMAGES", "Intake", "check_counts", "take_in"]

LEAST_IMAGES = 20  # of each class
LEAST_GROUPS = 10  # of each class: with fewer, what is held out has copies among the rest
NAMED = 3
UNNAMED = "unnamed"

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Intake:
    """What a fit works with.

    Attributes:
        sample: The pictures as numbers.
        looks, names: Of the same n pictures.
        copies: (n,); near-copies share a number, and nothing else does.
        doubtful: Pairs of names of near-copies with different labels.
        skipped: A line for each picture that was left out.
    """

    sample: Sample
    looks: tuple[Look, ...]
    names: tuple[str, ...]
    copies: Places
    doubtful: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]


def check_counts(labels: Sequence[str], skipped: Sequence[str] = ()) -> None:
    """Refuse labels of which no fit can come.

    Args:
        labels: "real" or "fake", one a picture.
        skipped: What was left out before, for the sentence.

    Raises:
        PhotoError: `no_readable_images`, `one_class_only` or `too_few_images`.
    """
    counts = {label: list(labels).count(label) for label in ("real", "fake")}
    left_out = f"; {len(skipped)} were left out, the first: {skipped[0]}" if skipped else "."
    given = f"There are {counts['real']} real and {counts['fake']} AI-generated ones{left_out}"
    if not labels:
        raise PhotoError(
            "no_readable_images",
            f"None of the pictures can be used: give photographs that can be read. {given}",
        )
    if 0 in counts.values():
        absent = "AI-generated" if counts["real"] else "real"
        raise PhotoError(
            "one_class_only",
            f"A fit compares real pictures with AI-generated ones: add some that are {absent}. "
            f"{given}",
        )
    if min(counts.values()) < LEAST_IMAGES:
        raise PhotoError(
            "too_few_images",
            f"A fit needs at least {LEAST_IMAGES} pictures of each class, copies of one file "
            f"counted once. {given}",
        )


def take_in(pictures: Sequence[Picture], looks: Sequence[Look | str]) -> Intake:
    """Return what a fit works with.

    Args:
        pictures: As given.
        looks: What was measured of each, or why it is left out.

    Raises:
        PhotoError: As `check_counts`, and `contradictory_labels` or `all_near_copies`.
    """
    seen: dict[str, tuple[Picture, Look]] = {}
    skipped = []
    for picture, look in zip(pictures, looks, strict=True):
        if isinstance(look, str):
            skipped.append(f"{picture.name}: {look}")
            continue
        first = seen.setdefault(look.sha256, (picture, look))[0]
        if first.label != picture.label:
            raise _contradictory([(first.name, picture.name)])
    kept = list(seen.values())
    check_counts([picture.label for picture, _ in kept], skipped)
    return _grouped(kept, tuple(skipped))


def _grouped(kept: Sequence[tuple[Picture, Look]], skipped: tuple[str, ...]) -> Intake:
    pictures, looks = [picture for picture, _ in kept], [look for _, look in kept]
    labels = np.array([picture.label == "fake" for picture in pictures], np.uint8)
    shapes = np.stack([look.shape for look in looks])
    near = near_pairs(shapes)
    differ = near[labels[near[:, 0]] != labels[near[:, 1]]]
    same = is_same(shapes, np.stack([look.cells for look in looks]), differ)
    names = tuple(picture.name for picture in pictures)
    if same.any():
        raise _contradictory([(names[one], names[other]) for one, other in differ[same]])
    copies = groups_of(len(kept), near)
    groups = groups_of(len(kept), np.concatenate([near, _given(pictures)]))
    _check_groups(labels, copies)
    members = looks[0].features
    sample = Sample(
        {member: np.stack([look.features[member] for look in looks]) for member in members},
        labels,
        groups if _are_enough(labels, groups) else copies,
        tuple(picture.source or UNNAMED for picture in pictures),
    )
    doubtful = tuple((names[one], names[other]) for one, other in differ)
    return Intake(sample, tuple(looks), names, copies, doubtful, skipped)


def _given(pictures: Sequence[Picture]) -> npt.NDArray[np.intp]:
    """Return pairs (pairs, 2) that link the pictures of each group that was given."""
    first: dict[str, int] = {}
    pairs = []
    for place, picture in enumerate(pictures):
        if picture.group is not None:
            pairs.append((first.setdefault(picture.group, place), place))
    return np.array(pairs, np.intp).reshape(-1, 2)


def _check_groups(labels: npt.NDArray[np.uint8], groups: Places) -> None:
    if not _are_enough(labels, groups):
        counts = [len(np.unique(groups[labels == label])) for label in (0, 1)]
        raise PhotoError(
            "all_near_copies",
            "Nearly all pictures of a class are copies of one another, so nothing could be held "
            f"out: add different ones. There are {counts[0]} different real and {counts[1]} "
            f"different AI-generated pictures; {LEAST_GROUPS} of each are needed.",
        )


def _are_enough(labels: npt.NDArray[np.uint8], groups: Places) -> bool:
    return all(len(np.unique(groups[labels == label])) >= LEAST_GROUPS for label in (0, 1))


def _contradictory(pairs: Sequence[tuple[str, str]]) -> PhotoError:
    named = "; ".join(f"{one} and {other}" for one, other in pairs[:NAMED])
    more = "for example " if len(pairs) > NAMED else ""
    return PhotoError(
        "contradictory_labels",
        "One picture must not be labelled real and AI-generated at once: settle its label first, "
        f"{more}that of {named}.",
    )
