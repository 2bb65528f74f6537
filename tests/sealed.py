"""Sealed sets of coloured squares, of which the model of `tests.colours` tells what they are."""

from pathlib import Path

from detection.models import Dataset, ItemState, Label, ModelVersion, Role
from detection.services.datasets import item_add
from detection.services.registry import version_register
from tests import colours, images


def dataset(
    name: str = "Sealed", *, role: Role = Role.TEST, count: int = 20, wrong: int = 0, start: int = 0
) -> Dataset:
    """A set with as many red (FAKE) as blue (REAL) squares; `wrong` of them say the opposite.

    Another `start` gives other squares.
    """
    made = Dataset.objects.create(name=name, role=role)
    for number in range(count):
        is_red = number % 2 == 0
        shade = 100 + start + number
        colour = f"rgb({shade},0,0)" if is_red else f"rgb(0,0,{shade})"
        says_fake = is_red != (number < wrong)
        add(made, images.plain(colour), Label.FAKE if says_fake else Label.REAL, f"{number}.png")
    return made


def add(to: Dataset, content: bytes, label: Label, name: str = "one.png") -> None:
    """One more reviewed image in a set."""
    item_add(dataset=to, content=content, file_name=name, label=label, state=ItemState.ACCEPTED)


def version(folder: Path, *, strength: float, **changes: object) -> ModelVersion:
    """One more version of the colours; a negative strength takes red for blue."""
    colours.store(folder, strength=strength, **changes)
    return version_register(directory=folder)[0]
