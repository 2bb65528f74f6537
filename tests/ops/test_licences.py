"""Each package that ships has a licence that somebody agreed to, and the page says which."""

import pytest

from tools.licences import ROOT, TABLE, Package, shipped_packages, table_of


@pytest.fixture(scope="module")
def packages() -> list[Package]:
    return shipped_packages()


def test_every_licence_that_ships_is_agreed_to(packages: list[Package]) -> None:
    assert len(packages) > 100
    assert [one.objection for one in packages if one.objection] == []


def test_the_page_is_the_table_of_what_is_installed(packages: list[Package]) -> None:
    assert (ROOT / TABLE).read_text() == table_of(packages)


@pytest.mark.parametrize(
    ("licence", "is_agreed"),
    [
        ("MIT", True),
        ("BSD-3-Clause AND MIT", True),
        ("Apache Software License; BSD License", True),
        ("Mozilla Public License 2.0 (MPL 2.0)", True),
        ("UNKNOWN", False),
        ("GPL-3.0-or-later", False),
        ("AGPL-3.0-only", False),
        ("MIT AND GPL-2.0-only", False),
        ("Other/Proprietary License", False),
        ("", False),
    ],
)
def test_what_nobody_agreed_to_is_named(licence: str, is_agreed: bool) -> None:
    objection = Package("some-package", "1.0", licence).objection
    assert (objection == "") is is_agreed
    assert is_agreed or objection.startswith("some-package 1.0 is under")
