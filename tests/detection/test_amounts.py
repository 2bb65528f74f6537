"""Sizes of files are told in decimal units."""

import pytest

from detection.templatetags.amounts import size_of


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (None, "—"),
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (64_200, "64 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (4_000_000, "4.0 MB"),
        (250_000_000, "250 MB"),
        (1_900_000_000, "1.9 GB"),
    ],
)
def test_sizes_are_decimal(count: int | None, told: str) -> None:
    assert size_of(count) == told
