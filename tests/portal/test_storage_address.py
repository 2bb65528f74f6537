"""Where files are kept, in one variable; what cannot be right stops the start with a sentence."""

import pytest

from portal.environment import Environment
from portal.storage_address import ObjectAddress, object_address, public_endpoint


def address(value: str) -> ObjectAddress:
    found = object_address(Environment({"STORAGE_URL": value}), "STORAGE_URL")
    assert found is not None
    return found


def test_without_the_variable_files_are_kept_in_a_folder() -> None:
    assert object_address(Environment({}), "STORAGE_URL") is None
    assert object_address(Environment({"STORAGE_URL": " "}), "STORAGE_URL") is None


def test_everything_is_in_the_address() -> None:
    found = address(
        "s3://key:se%2Fcret@storage.example.org:9000/veripix?region=eu-central-1&prefix=/a/b/"
    )
    assert found == ObjectAddress(
        endpoint="https://storage.example.org:9000",
        bucket="veripix",
        key="key",
        secret="se/cret",
        region="eu-central-1",
        path_style=True,
        prefix="a/b",
    )
    assert "se/cret" not in repr(found)


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("s3://k:s@storage.example.org/veripix", "https://storage.example.org"),
        ("s3+http://k:s@127.0.0.1:9000/veripix", "http://127.0.0.1:9000"),
        (
            "s3://s3.eu-central-1.amazonaws.com/veripix?region=eu-central-1",
            "https://veripix.s3.eu-central-1.amazonaws.com",
        ),
        (
            "s3://k:s@storage.example.org/veripix?path_style=false",
            "https://veripix.storage.example.org",
        ),
        (
            "s3://s3.eu-central-1.amazonaws.com/veripix?path_style=true",
            "https://s3.eu-central-1.amazonaws.com",
        ),
    ],
)
def test_the_origin_of_signed_addresses(value: str, origin: str) -> None:
    assert address(value).origin("") == origin


def test_browsers_may_know_the_storage_by_another_name() -> None:
    found = address("s3+http://k:s@storage:9000/veripix")
    assert found.origin("https://files.example.org") == "https://files.example.org"


def test_without_a_key_the_machine_asks_by_its_own_role() -> None:
    options = address("s3://s3.amazonaws.com/veripix").options(public="", seconds=60)
    assert (options["access_key"], options["secret_key"]) == (None, None)


@pytest.mark.parametrize(
    "value",
    [
        "/srv/media",
        "https://storage.example.org/veripix",
        "s3://k:secret@storage.example.org",
        "s3://k:secret@storage.example.org/",
        "s3://k:secret@storage.example.org/a/b",
        "s3://k:secret@storage.example.org/Großes",
        "s3:///veripix",
        "s3://key@storage.example.org/veripix",
        "s3://k:secret@storage.example.org:port/veripix",
        "s3://k:secret@storage.example.org/veripix?regoin=eu",
        "s3://k:secret@storage.example.org/veripix?path_style=perhaps",
    ],
)
def test_what_cannot_be_right_is_told_without_the_secret(value: str) -> None:
    with pytest.raises(SystemExit) as ended:
        address(value)
    assert str(ended.value).startswith("Veripix cannot start: STORAGE_URL ")
    assert "secret" not in str(ended.value)


@pytest.mark.parametrize(
    "value", ["files.example.org", "s3://files.example.org", "https://files.example.org/a"]
)
def test_the_name_for_browsers_is_an_origin(value: str) -> None:
    with pytest.raises(SystemExit, match="STORAGE_PUBLIC_URL"):
        public_endpoint(Environment({"STORAGE_PUBLIC_URL": value}), "STORAGE_PUBLIC_URL")
