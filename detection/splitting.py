"""Which side of the split an image is on: near-copies together, and where it was the last time."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

TRAIN, VALIDATION, TEST = "train", "validation", "test"
# Where an image of a group was learnt from, none of the group can test any more.
MOST_LEARNT_FIRST = (TRAIN, VALIDATION, TEST)


@dataclass(frozen=True, slots=True)
class Member:
    """One image: its file's hash, its label, and the number that its near-copies share."""

    sha256: str
    label: str
    group: int


class EmptySide(Exception):
    """A label has no image on one side: there are too few that are not copies of one another."""

    def __init__(self, side: str, label: str) -> None:
        super().__init__(f"No image that is {label} on the side {side}.")
        self.side = side
        self.label = label


def split(
    members: Iterable[Member],
    *,
    seed: int,
    shares: Mapping[str, float],
    earlier: Mapping[str, str],
) -> dict[str, str]:
    """Return the side of each image by its hash.

    A group stays where it was, so that no later version is tested on what an earlier one has
    learnt; if its images were on several sides, it goes where they were learnt from most. New
    groups fill validation and test, label by label, up to their shares, in an order that depends
    on the seed and their own hashes alone; what is left is learnt from.

    Args:
        shares: Of `VALIDATION` and `TEST`, each between 0 and 1.
        earlier: Sides by hash, as earlier splits left them.

    Raises:
        EmptySide: When a label would be missing somewhere.
    """
    groups: dict[int, list[Member]] = defaultdict(list)
    for member in members:
        groups[member.group].append(member)
    room = _room(groups.values(), shares)
    sides: dict[str, str] = {}
    fresh = []
    for group in groups.values():
        before = {earlier[member.sha256] for member in group if member.sha256 in earlier}
        if before:
            _place(group, min(before, key=MOST_LEARNT_FIRST.index), sides, room)
        else:
            fresh.append(group)
    for group in sorted(fresh, key=lambda group: _order(group, seed)):
        _place(group, _first_with_room(group, room), sides, room)
    _check_sides(groups.values(), sides)
    return sides


Room = dict[str, dict[str, int]]


def _room(groups: Iterable[list[Member]], shares: Mapping[str, float]) -> Room:
    """Return how many images of each label validation and test are to hold."""
    counts: dict[str, int] = defaultdict(int)
    for group in groups:
        for member in group:
            counts[member.label] += 1
    return {
        side: {label: max(1, round(shares[side] * count)) for label, count in counts.items()}
        for side in (TEST, VALIDATION)
    }


def _first_with_room(group: list[Member], room: Room) -> str:
    needed = _by_label(group)
    for side, left in room.items():
        if all(left[label] >= count for label, count in needed.items()):
            return side
    return TRAIN


def _place(group: list[Member], side: str, sides: dict[str, str], room: Room) -> None:
    for member in group:
        sides[member.sha256] = side
    if side in room:
        for label, count in _by_label(group).items():
            room[side][label] -= count


def _by_label(group: list[Member]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for member in group:
        counts[member.label] += 1
    return counts


def _order(group: list[Member], seed: int) -> str:
    first = min(member.sha256 for member in group)
    return hashlib.sha256(f"{seed} {first}".encode()).hexdigest()


def _check_sides(groups: Iterable[list[Member]], sides: Mapping[str, str]) -> None:
    there = {(sides[member.sha256], member.label) for group in groups for member in group}
    labels = {label for _, label in there}
    for side in MOST_LEARNT_FIRST:
        for label in sorted(labels):
            if (side, label) not in there:
                raise EmptySide(side, label)
